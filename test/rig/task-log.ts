import { readFileSync } from 'node:fs';

/**
 * Tasks of system tests note their life in one file, each note one appending write of one line:
 *
 *     S KEY ATTEMPT PID NANOSECONDS      the user's command has begun
 *     E KEY ATTEMPT PID NANOSECONDS      its last act
 *
 * What the program says of itself is one thing; this is what really happened.
 */
export interface Span {
  readonly key: string;
  readonly attempt: number;
  readonly pid: number;
  readonly begin: bigint;
  /** Undefined: it was killed, or still runs. */
  readonly end: bigint | undefined;
}

const note = (letter: 'S' | 'E'): string =>
  `echo "${letter} $FIXPOINT_TASK $FIXPOINT_ATTEMPT $$ $(date +%s%N)" >> "$LOG"`;

/** A script that notes its begin, does `body`, and notes its end. */
export function noted(body: string): string {
  return `${note('S')}\n${body}\n${note('E')}`;
}

/** In order of their beginnings. */
export function spans(logPath: string): Span[] {
  const open = new Map<string, Span>();
  for (const line of lines(logPath)) {
    const [letter, key, attempt, pid, time] = line.split(' ') as [string, string, string, string, string];
    const id = `${key} ${attempt} ${pid}`;
    const before = open.get(id);
    if (letter === 'S') {
      if (before) throw new Error(`begun twice by one process: ${line}`);
      open.set(id, { key, attempt: Number(attempt), pid: Number(pid), begin: BigInt(time), end: undefined });
    } else if (before) open.set(id, { ...before, end: BigInt(time) });
    else throw new Error(`an end without a beginning: ${line}`);
  }
  return [...open.values()].sort((a, b) => (a.begin < b.begin ? -1 : 1));
}

/** Spans per task, in order. */
export function spansByTask(logPath: string): ReadonlyMap<string, readonly Span[]> {
  const byTask = new Map<string, Span[]>();
  for (const span of spans(logPath)) {
    const known = byTask.get(span.key);
    if (known) known.push(span);
    else byTask.set(span.key, [span]);
  }
  return byTask;
}

/** How often each task's command began. */
export function starts(logPath: string): Record<string, number> {
  return Object.fromEntries([...spansByTask(logPath)].map(([key, list]) => [key, list.length]));
}

function lines(logPath: string): string[] {
  try {
    return readFileSync(logPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
