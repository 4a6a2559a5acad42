import { expect, it } from 'vitest';
import { LazyBackend } from '../../../src/backends/lazy-backend.ts';
import { MemoryBackend } from '../../../src/backends/memory/memory-backend.ts';
import { MemoryFiles } from '../../../src/backends/memory/memory-files.ts';
import { MemoryWorld } from '../../../src/backends/memory/memory-world.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

const capacity = { cpu: 1, memoryBytes: 1, gpu: 0 };

/** `works`: whether opening it succeeds; the first time, the second … */
function lazy(
  hasWork: boolean,
  works: readonly boolean[] = [],
): { readonly backend: LazyBackend; opened: () => number } {
  const clock = new ManualClock();
  let opened = 0;
  const open = async (): Promise<MemoryBackend> => {
    if (works[opened++] === false) throw new Error('its folder cannot be written');
    return new MemoryBackend({ world: new MemoryWorld(clock), capacity, clock });
  };
  const options = { name: 'lazy', runsDir: '/runs', files: new MemoryFiles(), capacity, open };
  return { backend: new LazyBackend({ ...options, hasWork: async () => hasWork }), opened: () => opened };
}

const asked = [{ token: 't', directory: '/runs/t', handle: undefined }];

it('is opened when somebody asks, once', async () => {
  const { backend, opened } = lazy(false);
  await backend.start(() => undefined);
  expect(opened()).toBe(0);
  await backend.observe(asked);
  await backend.observe(asked);
  expect(opened()).toBe(1);
  await backend.close();
});

it('is opened at the start where an earlier daemon left it something to do', async () => {
  const { backend, opened } = lazy(true);
  await backend.start(() => undefined);
  expect(opened()).toBe(1);
  await backend.close();
});

it('that cannot be opened keeps nobody from starting, and is tried again by who asks', async () => {
  const { backend, opened } = lazy(true, [false, false]);
  await backend.start(() => undefined);
  await expect(backend.observe(asked)).rejects.toThrow('cannot be written');
  expect(await backend.observe(asked)).toMatchObject([{ state: 'Absent' }]);
  expect(opened()).toBe(3);
  await backend.close();
});
