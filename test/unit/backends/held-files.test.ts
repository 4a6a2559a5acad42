import { mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../src/apis/workflow.ts';
import type { HeldLooks } from '../../../src/backends/backend.ts';
import { HostFiles } from '../../../src/backends/process/file-space.ts';
import { type Look, lookId } from '../../../src/planning/facts.ts';

// Files that are looked at again and again: what is told of them, and what is not told again.

const MANY = 2_100;
let dir: string;
let held: HeldLooks;

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

function look(n: number, fingerprint: Fingerprint = 'Content'): Look {
  return { path: join(dir, `f${n}`), fingerprint, glob: false };
}

function hold(fingerprint: Fingerprint, space = new HostFiles(clock), count = MANY): HeldLooks {
  const made = space.hold(Array.from({ length: count }, (_, n) => look(n, fingerprint)));
  if (!made) throw new Error('they are not held');
  return made;
}

const all = (): boolean => true;

async function again(isWanted: (look: Look) => boolean): Promise<ReadonlyMap<string, string>> {
  const facts = new Map<string, string>();
  await held.again(isWanted, (id, fact) => facts.set(id, fact));
  return facts;
}

async function told(isWanted: (look: Look) => boolean = all): Promise<Record<string, string>> {
  const facts = await again(isWanted);
  return Object.fromEntries([...facts].map(([id, digest]) => [id.slice(id.lastIndexOf('/') + 1), digest]));
}

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'fixpoint-held-')));
  for (let n = 0; n < MANY; n++) if (n !== 7) writeFileSync(join(dir, `f${n}`), `${n}`);
});

afterEach(() => {
  held.release();
  rmSync(dir, { recursive: true });
});

describe('held files', () => {
  it('are all told the first time, as a look would tell them', async () => {
    held = hold('Content');
    const facts = await again(all);
    const looks = Array.from({ length: MANY }, (_, n) => look(n));
    expect(facts).toEqual(await new HostFiles(clock).look(looks));
    expect(facts.get(lookId(look(7)))).toBe('absent');
  });

  it('are told again where they look otherwise, wherever they stand', async () => {
    held = hold('Stat');
    await told();
    expect(await told()).toEqual({});
    writeFileSync(join(dir, 'f3'), 'more than before');
    unlinkSync(join(dir, `f${MANY - 1}`));
    writeFileSync(join(dir, 'f7'), 'new');
    const second = await told();
    expect(Object.keys(second).sort()).toEqual(['f2099', 'f3', 'f7']);
    expect(second['f2099']).toBe('absent');
    expect(await told()).toEqual({});
  });

  it('are told again while a change of their contents might not show', async () => {
    // By this clock they were written in the future, so no clock is past their times.
    held = hold('Content', new HostFiles({ ...clock, now: () => 0 }));
    await told();
    expect(Object.keys(await told())).toHaveLength(MANY - 1);
  });

  it('that are not wanted are told when they are', async () => {
    held = hold('Stat');
    const first = await told(({ path }) => !path.endsWith('/f5'));
    expect(Object.keys(first)).toHaveLength(MANY - 1);
    expect(await told(({ path }) => !path.endsWith('/f5'))).toEqual({});
    expect(Object.keys(await told())).toEqual(['f5']);
  });

  it('may be so many that two threads hold them', async () => {
    const VERY_MANY = 20_001;
    for (let n = MANY; n < VERY_MANY; n++) writeFileSync(join(dir, `f${n}`), `${n}`);
    held = hold('Stat', new HostFiles(clock), VERY_MANY);
    expect(Object.keys(await told())).toHaveLength(VERY_MANY);
    writeFileSync(join(dir, 'f1'), 'more than before');
    unlinkSync(join(dir, 'f20000'));
    expect(Object.keys(await told()).sort()).toEqual(['f1', 'f20000']);
  });

  it('are not worth it where they are few', () => {
    held = { again: () => Promise.resolve(), release: () => undefined };
    expect(new HostFiles(clock).hold([look(1)])).toBeUndefined();
  });
});
