import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeLock } from '../../../src/store/lock.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-lock-'));
  path = join(dir, 'lock');
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

it('is held once, and free when it is released', () => {
  const first = takeLock(path);
  expect(first.ok).toBe(true);
  expect(takeLock(path)).toEqual({ ok: false, error: 'Held' });
  const another = takeLock(join(dir, 'another'));
  expect(another.ok).toBe(true);
  for (const lock of [first, another]) if (lock.ok) lock.value.release();
  const second = takeLock(path);
  expect(second.ok).toBe(true);
  if (second.ok) second.value.release();
});

it('is free when its holder was killed', async () => {
  const lock = new URL('../../../src/store/lock.ts', import.meta.url).href;
  const program = `
    const { takeLock } = await import(${JSON.stringify(lock)});
    const taken = takeLock(${JSON.stringify(path)});
    console.log(taken.ok ? 'held' : 'refused');
    setInterval(() => taken, 1000);
  `;
  const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  try {
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];
    expect(String(said)).toBe('held\n');
    expect(takeLock(path)).toEqual({ ok: false, error: 'Held' });
  } finally {
    holder.kill('SIGKILL');
    await ended;
  }
  const next = takeLock(path);
  expect(next.ok).toBe(true);
  if (next.ok) next.value.release();
});

it('a file that is no lock is an exception, not a lock that somebody holds', () => {
  writeFileSync(path, 'x'.repeat(10_000));
  expect(() => takeLock(path)).toThrow();
});
