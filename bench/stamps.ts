import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OUTPUT_FOLDER } from './work.ts';

// Tasks write down when their first act was, in seconds since 1970: another process's clock, so wall time, not the
// monotonic one. It is compared with this process's wall time, to the millisecond.

export function nowSeconds(): number {
  return Date.now() / 1000;
}

/** The clock that files are marked with goes in steps of a few milliseconds. */
const FILE_CLOCK_SECONDS = 0.01;

/** A moment that files written before and after can be told from. */
export async function settledNow(): Promise<number> {
  await pause(2 * FILE_CLOCK_SECONDS * 1000);
  return nowSeconds();
}

/** When the task began that made this output; undefined: not yet. */
export function stampOf(dir: string, task: number): number | undefined {
  try {
    const text = readFileSync(join(dir, OUTPUT_FOLDER, String(task)), 'utf8');
    return text.endsWith('\n') ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** How many outputs have been written since. */
export function writtenSince(dir: string, seconds: number): number {
  const folder = join(dir, OUTPUT_FOLDER);
  return readdirSync(folder).filter(
    (name) => statSync(join(folder, name)).mtimeMs >= (seconds - FILE_CLOCK_SECONDS) * 1000,
  ).length;
}
