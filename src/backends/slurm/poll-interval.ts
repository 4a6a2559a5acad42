/**
 * How long to wait between two questions about the queue. Soon after something happened, because more is likely to; rarely
 * while nothing does; and whatever happens no more often than the bucket of `queue-watch.ts` lets through.
 */
export const MIN_POLL_MS = 2_000;
export const MAX_POLL_MS = 60_000;
/** From this many on the queue is asked no more often than at a steady pace: the answer is long. */
const MANY = 200;
const MANY_POLL_MS = 10_000;
/** The longer nothing has happened, the longer the wait: this part of it. */
const SHARE = 0.1;

export function pollIntervalMs(quietMs: number, open: number, failures: number): number {
  if (failures > 0) return Math.min(MAX_POLL_MS, MIN_POLL_MS * 2 ** Math.min(failures, 10));
  const least = open > MANY ? MANY_POLL_MS : MIN_POLL_MS;
  return Math.min(MAX_POLL_MS, Math.max(least, quietMs * SHARE));
}
