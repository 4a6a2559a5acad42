import type { Account, AccountKind } from './account.ts';
import { endAll } from './cgroup-account.ts';
import { allPids, type ProcessTimes, readText, timesOf } from './proc.ts';

const MARK = 'FIXPOINT_BENCH_ACCOUNT';

/**
 * Where no control group can be made. Members are known by a mark in their environment, by their parents, and for ever
 * after they have been seen once. What was waited for by this process is in its own figures; of trees that detached
 * themselves the last look counts, so what they used in the tenth of a second before they ended is missing. The
 * resolution is that of the kernel's ticks, 10 ms. Programs of two accounts must not be measured at the same time.
 */
export const SAMPLED_ACCOUNTS: AccountKind = { name: 'sampled /proc, 10 ms', open };

let opened = 0;

function open(): Account {
  opened += 1;
  const mark = `${process.pid}-${opened}`;
  const waitedBefore = timesOf('self')?.waitedSeconds ?? 0;
  const seen = new Map<number, ProcessTimes>();
  const pids = (): readonly number[] => {
    const members = membersNow(`${MARK}=${mark}`, seen);
    for (const [pid, times] of members) seen.set(pid, times);
    return [...members.keys()];
  };
  return {
    enter: (argv) => argv,
    env: { [MARK]: mark },
    cpuSeconds: () => {
      const alive = new Set(pids());
      const waited = (timesOf('self')?.waitedSeconds ?? 0) - waitedBefore;
      return [...seen].reduce((sum, [pid, times]) => sum + uncounted(times, alive.has(pid), seen), waited);
    },
    pids,
    close: () => endAll(pids),
  };
}

function membersNow(mark: string, seen: ReadonlyMap<number, ProcessTimes>): ReadonlyMap<number, ProcessTimes> {
  const rest = new Map<number, ProcessTimes>();
  const members = new Map<number, ProcessTimes>();
  for (const pid of allPids()) {
    const times = timesOf(pid);
    if (times === undefined || pid === process.pid) continue;
    const known = seen.get(pid)?.born === times.born;
    const marked = known || readText(`/proc/${pid}/environ`).split('\0').includes(mark);
    (marked ? members : rest).set(pid, times);
  }
  // Some clean the environment of what they start: children of members are members, and theirs.
  for (let grew = true; grew; ) {
    grew = false;
    for (const [pid, times] of rest) {
      if (!members.has(times.parent)) continue;
      members.set(pid, times);
      rest.delete(pid);
      grew = true;
    }
  }
  return members;
}

/** What of this process nobody else's figures hold: all of it while it lives or when nobody of ours waited for it. */
function uncounted(times: ProcessTimes, alive: boolean, seen: ReadonlyMap<number, ProcessTimes>): number {
  const waitedFor = times.parent === process.pid || seen.has(times.parent);
  return alive || !waitedFor ? times.ownSeconds + times.waitedSeconds : 0;
}
