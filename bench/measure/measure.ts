import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from './account.ts';
import { machineBusySeconds, machineForks, peakResidentBytes, residentBytes } from './proc.ts';

const FIRST_LOOK_MS = 5;
const LOOK_MS = 100;
/** What detached itself may use this long to end after the program that was waited for. */
const STRAGGLERS_MS = 5_000;

export interface Program {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file in `cwd` that becomes standard input. */
  readonly stdin?: string;
  /** Name of the log in `cwd` that takes both outputs; `NAME.out` and `NAME.err`. */
  readonly log: string;
  /** It is killed when it takes longer. */
  readonly patienceMs?: number;
}

/** A program that runs inside of an account. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export function start(account: Account, program: Program): Running {
  const { cwd } = program;
  const [command = '', ...args] = account.enter(program.argv);
  const files = [
    openSync(program.stdin === undefined ? '/dev/null' : join(cwd, program.stdin), 'r'),
    openSync(join(cwd, `${program.log}.out`), 'w'),
    openSync(join(cwd, `${program.log}.err`), 'w'),
  ];
  const child = spawn(command, args, {
    cwd,
    env: { ...plainEnvironment(cwd), ...account.env, ...program.env },
    stdio: files,
  });
  for (const file of files) closeSync(file);
  const ended = new Promise<number | NodeJS.Signals>((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code, signal) => done(code ?? signal ?? 'SIGKILL'));
  });
  if (child.pid === undefined) throw new Error(`${command} could not be started`);
  return { pid: child.pid, child, ended };
}

/** The same for everyone: nothing of npm or of this program, whose search path would slow down every `true`. */
function plainEnvironment(cwd: string): Record<string, string> {
  const path = (process.env['PATH'] ?? '').split(':').filter((dir) => !dir.includes('node_modules'));
  return {
    PATH: path.join(':'),
    HOME: process.env['HOME'] ?? cwd,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    XDG_RUNTIME_DIR: join(cwd, 'run'),
  };
}

export interface Measured {
  readonly exit: number | NodeJS.Signals;
  readonly wallSeconds: number;
  /** Of the whole tree, detached processes included. */
  readonly cpuSeconds: number;
  /** The largest sum of resident memory over the tree at one look; shared pages count once for each process. */
  readonly treePeakBytes: number;
  /** Peak of the first process alone, as the kernel keeps it. */
  readonly mainPeakBytes: number;
  readonly circumstances: Circumstances;
}

/** What went on around a run. */
export interface Circumstances {
  /** Average number of runnable processes over the minute before. */
  readonly load: number;
  /** Cores that everybody else used meanwhile, this harness included. */
  readonly othersCores: number;
  /** Processes that were started on the machine meanwhile. */
  readonly forks: number;
}

/** Runs the program to its end. What it left behind is waited for, and its cpu time counts, but not its wall time. */
export async function measure(account: Account, program: Program): Promise<Measured> {
  const before = account.pids();
  const finish = observe(account);
  const begin = performance.now();
  const running = start(account, program);
  const watch = watchMemory(account, running.pid);
  const { patienceMs } = program;
  const alarm = patienceMs === undefined ? undefined : setTimeout(() => running.child.kill('SIGKILL'), patienceMs);
  const exit = await running.ended;
  clearTimeout(alarm);
  const wallSeconds = (performance.now() - begin) / 1000;
  const memory = watch.stop();
  await emptied(account, STRAGGLERS_MS, before);
  return { exit, wallSeconds, ...memory, ...finish() };
}

/** Starts to observe; what it returns ends it and tells what the account used meanwhile. */
export function observe(account: Account): () => Pick<Measured, 'cpuSeconds' | 'circumstances'> {
  const before = {
    load: loadavg()[0] ?? 0,
    cpu: account.cpuSeconds(),
    busy: machineBusySeconds(),
    forks: machineForks(),
    time: performance.now(),
  };
  return () => {
    const cpuSeconds = account.cpuSeconds() - before.cpu;
    const elapsed = (performance.now() - before.time) / 1000;
    const others = machineBusySeconds() - before.busy - cpuSeconds;
    return {
      cpuSeconds,
      circumstances: {
        load: before.load,
        othersCores: Math.max(0, others / elapsed),
        forks: machineForks() - before.forks,
      },
    };
  };
}

/** Looks at the memory of all members until it is stopped. */
export function watchMemory(
  account: Account,
  main: number,
): { readonly stop: () => Pick<Measured, 'treePeakBytes' | 'mainPeakBytes'> } {
  let treePeakBytes = 0;
  let mainPeakBytes = 0;
  /** False when nobody is left to look at. */
  const look = (): boolean => {
    const members = account.pids();
    mainPeakBytes = Math.max(mainPeakBytes, peakResidentBytes(main));
    const sum = members.reduce((bytes, pid) => bytes + residentBytes(pid), 0);
    treePeakBytes = Math.max(treePeakBytes, sum);
    return members.length > 0;
  };
  // Short programs are looked at too: the first look comes soon, the next ones take longer and longer.
  let wait = FIRST_LOOK_MS;
  let timer = setTimeout(lookOn, wait);
  function lookOn(): void {
    // A run that went wrong stops no watch: it ends with its account.
    if (!look() && wait >= LOOK_MS) return;
    wait = Math.min(LOOK_MS, wait * 2);
    timer = setTimeout(lookOn, wait);
  }
  return {
    stop: () => {
      clearTimeout(timer);
      return { treePeakBytes: Math.max(treePeakBytes, mainPeakBytes), mainPeakBytes };
    },
  };
}

/** Waits until the account has no members but these; the others that are left when the time is over. */
export async function emptied(
  account: Account,
  patienceMs: number,
  residents: readonly number[] = [],
): Promise<readonly number[]> {
  const others = (): number[] => account.pids().filter((pid) => !residents.includes(pid));
  const end = performance.now() + patienceMs;
  let left = others();
  while (left.length > 0 && performance.now() < end) {
    await pause(5);
    left = others();
  }
  return left;
}
