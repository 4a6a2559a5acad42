import type { Account, AccountKind } from './account.ts';
import { endAll } from './cgroup-account.ts';
import { allPids, type ProcessTimes, readText, timesOf } from './proc.ts';

const MARK = 'FIXPOINT_BENCH_ACCOUNT';

/**
 * Where no control group can be made. Members are known by a mark in their environment. What was waited for by this
 * process is in its own figures; of trees that detached themselves the last look counts, so what they used in the
 * tenth of a second before they ended is missing. The resolution is that of the kernel's ticks, 10 ms. Several
 * accounts must not be open at once.
 */
export const SAMPLED_ACCOUNTS: AccountKind = { name: 'sampled /proc, 10 ms', open };

let opened = 0;

function open(): Account {
  opened += 1;
  const entry = `${MARK}=${process.pid}-${opened}`;
  const before = timesOf('self')?.waitedSeconds ?? 0;
  const seen = new Map<number, ProcessTimes>();
  const pids = (): number[] => allPids().filter((pid) => readText(`/proc/${pid}/environ`).split('\0').includes(entry));
  const look = (): void => {
    for (const pid of pids()) {
      const times = timesOf(pid);
      if (times !== undefined) seen.set(pid, times);
    }
  };
  return {
    enter: (argv) => argv,
    env: { [MARK]: entry.slice(MARK.length + 1) },
    cpuSeconds: () => {
      look();
      const waited = (timesOf('self')?.waitedSeconds ?? 0) - before;
      return [...seen].reduce((sum, [pid, times]) => sum + uncounted(pid, times, seen), waited);
    },
    pids,
    look,
    close: () => endAll(pids),
  };
}

/** What of this process nobody else's figures hold: all of it while it lives or when nobody of ours waited for it. */
function uncounted(pid: number, times: ProcessTimes, seen: ReadonlyMap<number, ProcessTimes>): number {
  const alive = timesOf(pid) !== undefined;
  const waitedFor = times.parent === process.pid || seen.has(times.parent);
  return alive || !waitedFor ? times.ownSeconds + times.waitedSeconds : 0;
}
