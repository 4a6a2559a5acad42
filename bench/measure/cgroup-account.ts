import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account, AccountKind } from './account.ts';
import { readText } from './proc.ts';

/** How the two versions of control groups tell the cpu time of a group, in seconds. */
const VERSIONS = [
  {
    name: 'cgroup v2',
    isMount: (type: string) => type === 'cgroup2',
    isOwn: (controllers: string) => controllers === '',
    cpuSeconds: (group: string) => Number(/^usage_usec (\d+)$/m.exec(readText(join(group, 'cpu.stat')))?.[1]) / 1e6,
  },
  {
    name: 'cgroup v1',
    isMount: (type: string, options: string) => type === 'cgroup' && options.split(',').includes('cpuacct'),
    isOwn: (controllers: string) => controllers.split(',').includes('cpuacct'),
    cpuSeconds: (group: string) => Number(readText(join(group, 'cpuacct.usage'))) / 1e9,
  },
];
type Version = (typeof VERSIONS)[number];

/** The first kind of group that can be made, entered and removed here; undefined: none. */
export function cgroupAccounts(): AccountKind | undefined {
  for (const version of VERSIONS) {
    const parent = ownGroup(version);
    if (parent !== undefined && works(version, parent)) {
      return { name: version.name, open: () => open(version, parent) };
    }
  }
  return undefined;
}

/** The folder of the group that this process is in: only below it may groups be made. */
function ownGroup(version: Version): string | undefined {
  const own = readText('/proc/self/cgroup')
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .find((match) => match?.[1] !== undefined && version.isOwn(match[1]));
  const mount = readText('/proc/self/mountinfo')
    .split('\n')
    .map((line) => /^\d+ \d+ \S+ \S+ (\S+) .* - (\S+) \S+ (\S+)$/.exec(line))
    .find((match) => match?.[2] !== undefined && version.isMount(match[2], match[3] ?? ''));
  const [path, point] = [own?.[2], mount?.[1]];
  return path === undefined || point === undefined ? undefined : join(point, path);
}

function works(version: Version, parent: string): boolean {
  const group = join(parent, `fixpoint-bench-${process.pid}-probe`);
  try {
    mkdirSync(group);
    const [program = '', ...args] = entering(group, ['true']);
    const entered = spawnSync(program, args).status === 0;
    return entered && version.cpuSeconds(group) > 0;
  } catch {
    return false;
  } finally {
    if (existsSync(group)) rmdirSync(group);
  }
}

/** A shell that puts itself into the group and becomes the command, so that nothing of it is missed. */
function entering(group: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', group, ...argv];
}

let opened = 0;

function open(version: Version, parent: string): Account {
  opened += 1;
  const group = join(parent, `fixpoint-bench-${process.pid}-${opened}`);
  mkdirSync(group);
  const pids = (): number[] => readText(join(group, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
  return {
    enter: (argv) => entering(group, argv),
    env: {},
    cpuSeconds: () => version.cpuSeconds(group),
    pids,
    close: async () => {
      await endAll(pids, join(group, 'cgroup.kill'));
      rmdirSync(group);
    },
  };
}

/** Kills until nobody is left: between two looks a member may have started another. */
export async function endAll(pids: () => readonly number[], killFile?: string): Promise<void> {
  for (let left = pids(); left.length > 0; left = pids()) {
    if (killFile !== undefined && existsSync(killFile)) writeFileSync(killFile, '1');
    else for (const pid of left) killQuietly(pid);
    await pause(20);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
