import type { Clock } from '../../base/clock.ts';
import { forksOfRuntime, membersByFolder } from './processes.ts';

/** Between rounds of KILL: a dying process needs a moment to leave /proc. */
const ROUND_MS = 50;

/**
 * Kills what carries this run folder in its environment or is a fork of its runtime, until nothing does. For when the
 * runtime itself is gone. Forks first: one of them may be about to become the command.
 */
export async function endSession(clock: Clock, directory: string): Promise<void> {
  for (;;) {
    const forks = await forksOfRuntime(directory);
    kill(forks);
    const members = ((await membersByFolder()).get(directory) ?? []).map(({ pid }) => pid);
    kill(members);
    if (forks.length + members.length === 0) return;
    await new Promise<void>((resolve) => clock.after(ROUND_MS, resolve));
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended in between.
    }
  }
}
