import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc per second: fixed by the kernel's interface to user space. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** The text of a file of /proc or of a control group; empty when it is gone. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

export interface ProcessTimes {
  readonly parent: number;
  /** In ticks since boot: with it, a number that was given to another process meanwhile is noticed. */
  readonly born: number;
  readonly ownSeconds: number;
  /** Of children that ended and were waited for, and of theirs. */
  readonly waitedSeconds: number;
}

/** Undefined: there is no such process. */
export function timesOf(pid: number | 'self'): ProcessTimes | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === '') return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (from: number): number => (Number(fields[from]) + Number(fields[from + 1])) / TICKS_PER_SECOND;
  return { parent: Number(fields[1]), born: Number(fields[19]), ownSeconds: ticks(11), waitedSeconds: ticks(13) };
}

export function residentBytes(pid: number): number {
  return Number(readText(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_BYTES;
}

/** The most that this process had in memory so far. */
export function peakResidentBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Seconds that all cores together were busy since boot. */
export function machineBusySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    /^cpu +(.*)$/m.exec(readText('/proc/stat'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Processes and threads started on this machine since boot. */
export function machineForks(): number {
  return Number(/^processes (\d+)$/m.exec(readText('/proc/stat'))?.[1] ?? 0);
}

/** Cpu time of the threads that this process has now, exactly: for short things. */
export function threadsSeconds(pid: number): number {
  return entriesOf(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + Number(readText(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]) / 1e9,
    0,
  );
}

function entriesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
