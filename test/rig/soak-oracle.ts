import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { AttemptItem, TaskItem } from '../../src/apis/task-view.ts';
import type { Sandbox } from './cli.ts';
import { until } from './eventually.ts';
import { type LeftOver, processesOf, signalQuietly } from './processes.ts';
import { noted, type Span, spansByTask } from './task-log.ts';

// What really happened, by the tasks' own notes, held against what is promised: nothing lost, nothing doubled, no two
// attempts of a task at once, nothing left over.

/** A session of its own and a clean environment, the documented limit: nobody finds such a process, this sleep tells it. */
export const ESCAPED = 86_399;

/**
 * A noted script that also holds a lock of its task, as does every child that does not close descriptor 9: whoever does
 * not get it at once has met another attempt.
 */
export function watched(body: string): string {
  const lock = '"$LOG.locks/${FIXPOINT_TASK//\\//+}"';
  return noted(`exec 9>> ${lock}; flock -n 9 || echo "$FIXPOINT_TASK $FIXPOINT_ATTEMPT" >> "$LOG.overlap"\n${body}`);
}

/** Where locks lie; to be called before the first task starts. */
export function prepare(box: Sandbox): void {
  mkdirSync(`${box.path('log')}.locks`);
}

/** What may become of one task. */
export interface Expectation {
  readonly ends: readonly string[];
  /** How many more starts than one were asked for: edits and resets, also those of which nobody knows whether they arrived. */
  again: number;
  /** How many of its attempts are lost by its own doing. */
  readonly loses: number;
}

export interface Verdict {
  readonly attempts: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly overlapping: readonly string[];
  readonly leftOver: readonly string[];
  /** Processes that left session and environment behind: the documented limit. */
  readonly escaped: number;
}

/**
 * To be asked when the work is at rest and its supervisor gone. `hit`: run folders of attempts whose runtime was killed; they
 * alone may be lost.
 */
export async function judge(
  box: Sandbox,
  expected: ReadonlyMap<string, Expectation>,
  hit: ReadonlySet<string>,
): Promise<Verdict> {
  const seen = spansByTask(box.path('log'));
  const tasks = await box.tasks();
  const found = { lost: [] as string[], doubled: [] as string[], overlapping: metEachOther(box) };
  for (const key of tasks.keys()) if (!expected.has(key)) found.doubled.push(`${key}: nobody asked for it`);
  for (const [key, expectation] of expected) {
    const task = tasks.get(key);
    const spans = seen.get(key) ?? [];
    found.overlapping.push(...intersections(key, spans));
    if (task) judgeTask(key, task, spans, expectation, hit, found);
    else found.lost.push(`${key}: there is no such task`);
  }
  const left = await leftOver(box);
  return {
    attempts: [...seen.values()].reduce((sum, spans) => sum + spans.length, 0),
    ...found,
    leftOver: left.filter((process) => !isEscaped(process)).map(({ pid, line }) => `${pid} ${line}`),
    escaped: left.filter(isEscaped).length,
  };
}

function judgeTask(
  key: string,
  { status }: TaskItem,
  spans: readonly Span[],
  { ends, again, loses }: Expectation,
  hit: ReadonlySet<string>,
  found: { readonly lost: string[]; readonly doubled: string[] },
): void {
  const end = `${status.phase} ${status.reason}`;
  if (!ends.includes(end)) found.lost.push(`${key}: ${end}, not ${ends.join(' or ')} (${status.message})`);
  const wasHit = ({ directory }: AttemptItem): boolean => directory !== undefined && hit.has(directory);
  const lost = status.attempts.filter(({ reason }) => reason === 'Lost');
  const unexplained = lost.filter((attempt) => !wasHit(attempt));
  if (unexplained.length > loses)
    found.lost.push(`${key}: attempts lost though nobody touched them: ${unexplained.map(shown).join('; ')}`);
  const begun = new Set(spans.map(({ attempt }) => attempt));
  for (const attempt of status.attempts)
    if (attempt.phase === 'Succeeded' && !begun.has(attempt.number))
      found.lost.push(`${key}: ${shown(attempt)}, but its command never began`);
  if (begun.size !== spans.length) found.doubled.push(`${key}: an attempt began twice: ${spans.map(told).join('; ')}`);
  // Killed before its record was written, one that had come to its end may run once more.
  const mayRun = 1 + again + loses + status.attempts.filter(wasHit).length;
  if (spans.length > mayRun)
    found.doubled.push(
      `${key}: began ${spans.length} times, not ${mayRun}: ${spans.map(told).join('; ')}; recorded: ${status.attempts.map(shown).join('; ')}`,
    );
}

function shown({ number, phase, reason, message, directory }: AttemptItem): string {
  return `attempt ${number} ${phase} ${reason} ${message ?? ''} ${directory ?? ''}`;
}

function told({ attempt, begin, end }: Span): string {
  return `attempt ${attempt} ${begin} to ${end ?? '?'}`;
}

function intersections(key: string, spans: readonly Span[]): string[] {
  return spans.flatMap((span, at) => {
    const before = spans[at - 1];
    return before?.end !== undefined && before.end > span.begin ? [`${key}: ${told(before)}, ${told(span)}`] : [];
  });
}

function metEachOther(box: Sandbox): string[] {
  const path = `${box.path('log')}.overlap`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

const isEscaped = ({ line }: LeftOver): boolean => line.includes(`sleep ${ESCAPED}`);

/** After five seconds nothing has a reason to be there. */
async function leftOver(box: Sandbox): Promise<readonly LeftOver[]> {
  let left: readonly LeftOver[] = [];
  await until(
    'nothing is left over',
    () => {
      left = processesOf(box.dir);
      return left.every(isEscaped);
    },
    5_000,
  ).catch(() => undefined);
  return left;
}

/** Whatever is still there goes before the folder does. */
export async function clear(box: Sandbox): Promise<void> {
  for (const { pid } of processesOf(box.dir)) signalQuietly(pid, 'SIGKILL');
  await box.dispose();
}
