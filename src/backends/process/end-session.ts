import type { Clock } from '../../base/clock.ts';
import { failPoint } from '../../base/fail-point.ts';
import { remainsOf } from './processes.ts';

/** Between rounds of KILL: a dying process needs a moment to leave /proc. */
const ROUND_MS = 50;
/** A process may fork and end while /proc is gone through: one empty pass proves nothing. */
const EMPTY_ROUNDS = 2;
/** What does not die by then hangs in the kernel, on a file system that does not answer: it is looked for again later. */
const MAX_ROUNDS = 100;

/**
 * Kills what is left of an attempt until nothing is. For when the runtime itself is gone. Gives the processes that could
 * not be ended.
 */
export async function endSession(clock: Clock, directory: string): Promise<readonly number[]> {
  let empty = 0;
  for (let round = 1; ; round++) {
    const remains = await remainsOf(directory);
    empty = remains.length === 0 ? empty + 1 : 0;
    if (empty === EMPTY_ROUNDS) return [];
    if (round >= MAX_ROUNDS && remains.length > 0) return remains;
    for (const pid of remains) {
      try {
        failPoint('kill.before');
        process.kill(pid, 'SIGKILL');
        failPoint('kill.after');
      } catch {
        // Ended in between.
      }
    }
    await new Promise<void>((resolve) => clock.after(ROUND_MS, resolve));
  }
}
