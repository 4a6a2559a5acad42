import { expect, test } from 'vitest';
import type { Backend, Handled } from '../../../src/backends/backend.ts';
import { Backends } from '../../../src/backends/backends.ts';
import { MemoryBackend } from '../../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../../src/backends/memory/memory-world.ts';
import { launchOf } from '../../contract/backend-rig.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

const CAPACITY = { cpu: 4, memoryBytes: 1 << 30, gpu: 0 };

/** A memory backend of this name, and the tokens that it was given. */
class Named extends MemoryBackend {
  readonly calledName: string;
  readonly given: string[] = [];

  constructor(name: string) {
    const clock = new ManualClock();
    super({ world: new MemoryWorld(clock), capacity: CAPACITY, clock });
    this.calledName = name;
  }

  get asBackend(): Backend {
    const { given } = this;
    return new Proxy<Backend>(this, {
      get: (target, property) => {
        if (property === 'name') return this.calledName;
        const member = Reflect.get(target, property) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (property === 'cancel') given.push(...(args[0] as Handled[]).map(({ token }) => `cancel ${token}`));
          if (property === 'submit')
            given.push(...(args[0] as { token: string }[]).map(({ token }) => `submit ${token}`));
          return (member as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  }
}

const attempt = (token: string, backend: string) => ({
  token,
  backend,
  directory: `/runs/${token}`,
  handle: undefined,
});
const order = (token: string, backend: string) => ({
  backend,
  launch: launchOf('/w', `/runs/${token}`, token, '', {}),
});

test('each backend gets what is its own, in one call, and answers come in order', async () => {
  const [a, b] = [new Named('a'), new Named('b')];
  const backends = new Backends([a.asBackend, b.asBackend]);
  await backends.start(() => undefined);
  const outcomes = await backends.submit([order('1', 'b'), order('2', 'a'), order('3', 'b')]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['Accepted', 'Accepted', 'Accepted']);
  expect([a.given, b.given]).toEqual([['submit 2'], ['submit 1', 'submit 3']]);
  const seen = await backends.observe([attempt('3', 'b'), attempt('2', 'a'), attempt('never', 'a')]);
  expect(seen.map(({ token }) => token)).toEqual(['3', '2', 'never']);
  expect(seen[2]?.state).toBe('Absent');
  await backends.close();
});

test('a task that names none goes to the first, one that names another goes there', () => {
  const backends = new Backends([new Named('a').asBackend, new Named('b').asBackend]);
  expect([backends.of({}).name, backends.of({ backend: 'b' }).name, backends.names]).toEqual(['a', 'b', ['a', 'b']]);
  // What was meant for one that is gone must not start elsewhere.
  expect([backends.named(undefined)?.name, backends.named('gone')]).toEqual(['a', undefined]);
});

test('attempts of a backend that is configured no more are unknown, not over', async () => {
  const a = new Named('a');
  const backends = new Backends([a.asBackend]);
  expect(await backends.observe([attempt('1', 'gone')])).toEqual([
    { token: '1', state: 'Unknown', message: 'the backend gone is not configured' },
  ]);
  await backends.cancel([attempt('1', 'gone'), attempt('2', 'a')]);
  expect(a.given).toEqual(['cancel 2']);
  expect(await backends.submit([order('3', 'gone')])).toMatchObject([{ outcome: 'Refused' }]);
});
