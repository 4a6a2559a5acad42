import type { Sandbox } from './cli.ts';
import { spansByTask } from './task-log.ts';

/**
 * Milliseconds from the start of each supervising process (wall clock, in order) to the first command of an attempt that it
 * created itself: what an earlier one had handed over says nothing of it. One that created none is left out.
 */
export async function firstDispatches(box: Sandbox, startedAt: readonly number[]): Promise<number[]> {
  const seen = spansByTask(box.path('log'));
  const made = [...(await box.tasks())].flatMap(([key, { status }]) =>
    status.attempts.flatMap((attempt) => {
      const begin = seen.get(key)?.find((span) => span.attempt === attempt.number)?.begin;
      return begin === undefined ? [] : [{ created: Date.parse(attempt.createTime), begin: Number(begin) / 1e6 }];
    }),
  );
  return startedAt.flatMap((from, at) => {
    const next = startedAt[at + 1] ?? Number.POSITIVE_INFINITY;
    const own = made.filter(({ created }) => created >= from && created < next);
    return own.length === 0 ? [] : [Math.min(...own.map(({ begin }) => begin)) - from];
  });
}

export function percentiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms of ${sorted.length}`;
}
