import type { Clock } from '../../base/clock.ts';
import { membersByFolder } from './processes.ts';

/** Between rounds of KILL: a dying process needs a moment to leave /proc. */
const ROUND_MS = 50;

/** Kills what carries this run folder in its environment until nothing does. For when the runtime itself is gone. */
export async function endSession(clock: Clock, directory: string): Promise<void> {
  for (;;) {
    const members = (await membersByFolder()).get(directory) ?? [];
    if (members.length === 0) return;
    for (const { pid } of members) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended in between.
      }
    }
    await new Promise<void>((resolve) => clock.after(ROUND_MS, resolve));
  }
}
