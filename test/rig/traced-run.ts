import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox } from './cli.ts';
import { LAUNCH_FLAGS } from './launch-flags.ts';

// A run of the built program in which every process and every system call is seen. Times mean nothing in it.

const DIST = resolve(import.meta.dirname, '../../dist');
const STRACE = 'strace';
/** Those that do something to files and processes; calls for memory and waking depend on the moment. */
const TRACED =
  '%file,%process,close,dup2,fcntl,fsync,fdatasync,ftruncate,getdents64,ioctl,pread64,pwrite64,read,recvmsg,sendmsg,write,writev';
/** The other calls run at full speed, and paths stand beside descriptors. */
const FLAGS = ['-f', '-y', '-qq', '--seccomp-bpf', '-s', '16', '-e', `trace=${TRACED}`, '-e', 'signal=none'];

export const NATIVE_SPAWNER = join(DIST, 'backends/process/spawner');

/** Empty, or what is missing. */
export const whyNotTraced: string = !canTrace()
  ? 'needs strace'
  : existsSync(NATIVE_SPAWNER)
    ? ''
    : 'needs a C compiler';

function canTrace(): boolean {
  try {
    execFileSync(STRACE, [...FLAGS, '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Who makes a call, by whose child it is. */
export type Role = 'daemon' | 'spawner' | 'supervisor' | 'command' | 'beyond';

const CHILD: Readonly<Record<Role, Role>> = {
  daemon: 'spawner',
  spawner: 'supervisor',
  supervisor: 'command',
  command: 'beyond',
  beyond: 'beyond',
};

export interface TracedCall {
  readonly role: Role;
  readonly name: string;
  /** As far as they are known when it is made, paths of descriptors included. */
  readonly args: string;
}

export class Traced {
  readonly calls: readonly TracedCall[];
  readonly #processes: ReadonlyMap<Role, number>;

  constructor(log: string) {
    const { roles, processes, lines } = read(log);
    this.#processes = processes;
    this.calls = lines.flatMap(({ pid, name, args }) => {
      const role = roles.get(pid);
      return role === undefined || name === undefined ? [] : [{ role, name, args }];
    });
  }

  /** Threads of one process count as one. */
  processes(role: Role): number {
    return this.#processes.get(role) ?? 0;
  }

  of(role: Role): readonly TracedCall[] {
    return this.calls.filter((call) => call.role === role);
  }

  /** Of the daemon, from the first attempt that was started to the last: neither its start nor its end. */
  ofDaemonAtWork(): readonly TracedCall[] {
    const isFork = ({ role, name }: TracedCall): boolean => role === 'spawner' && FORK.test(name);
    const work = this.calls.slice(this.calls.findIndex(isFork), this.calls.findLastIndex(isFork));
    // Memory is sampled by the clock, and threads wake one another as it comes.
    return work.filter(({ role, args }) => role === 'daemon' && !/[<"]\/proc\/|<\/proc[>/]|\[eventfd\]/.test(args));
  }
}

const LINE = /^(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$/;
const FORK = /^(?:clone3?|v?fork)$/;

interface Line {
  readonly pid: string;
  /** Undefined: the rest of a call that began earlier. */
  readonly name: string | undefined;
  readonly args: string;
}

/** A child may be seen before its parent has been told of it: roles are given when all lines are known. */
function read(log: string): { roles: Map<string, Role>; processes: Map<Role, number>; lines: Line[] } {
  const lines: Line[] = [];
  const born: { readonly child: string; readonly parent: string; readonly thread: boolean }[] = [];
  const forking = new Map<string, boolean>();
  for (const text of log.split('\n')) {
    const [, pid, name, args = '', resumed, rest = ''] = LINE.exec(text) ?? [];
    if (pid === undefined) continue;
    lines.push({ pid, name, args });
    if (!FORK.test(name ?? resumed ?? '')) continue;
    if (name !== undefined) forking.set(pid, args.includes('CLONE_THREAD'));
    const child = / = (\d+)(?:<.*>)?$/.exec(name === undefined ? rest : args)?.[1];
    if (child !== undefined) born.push({ child, parent: pid, thread: forking.get(pid) ?? false });
  }
  const roles = new Map<string, Role>();
  const processes = new Map<Role, number>();
  const first = lines[0]?.pid;
  if (first !== undefined) roles.set(first, 'daemon');
  // In the order in which they were told; a grandchild may be told of first.
  for (let left = born; left.length > 0; ) {
    const unknown = left.filter(({ child, parent, thread }) => {
      const above = roles.get(parent);
      if (above === undefined) return true;
      const role = thread ? above : CHILD[above];
      roles.set(child, role);
      if (!thread) processes.set(role, (processes.get(role) ?? 0) + 1);
      return false;
    });
    if (unknown.length === left.length) throw new Error('processes that nobody forked');
    left = unknown;
  }
  return { roles, processes, lines };
}

/** Runs the workflow to its end, with the commands of the system in one folder. */
export async function tracedRun(box: Sandbox, file: string, ...args: readonly string[]): Promise<Traced> {
  const log = box.path('trace');
  const program = [process.execPath, ...LAUNCH_FLAGS, join(DIST, 'cli/main.js'), 'run', file, ...args];
  const env = { PATH: '/usr/bin:/bin', HOME: box.dir, XDG_RUNTIME_DIR: box.path('run'), NO_COLOR: '1' };
  await promisify(execFile)(STRACE, [...FLAGS, '-o', log, ...program], { cwd: box.dir, env });
  return new Traced(readFileSync(log, 'latin1'));
}
