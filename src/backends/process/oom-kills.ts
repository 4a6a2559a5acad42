import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';

/** Reading the counters of the machine costs the kernel more than starting a process costs us. */
const FRESH_MS = 1_000;

/**
 * System-wide count of processes that the kernel killed for want of memory; undefined where it does not tell. As old as a
 * second, which can only make an attempt that was killed in that second look as if it was for want of memory.
 */
export class OomKills {
  readonly #clock: Clock;
  #readAt = Number.NEGATIVE_INFINITY;
  #count: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(): number | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#readAt >= FRESH_MS) {
      this.#readAt = now;
      this.#count = readCount();
    }
    return this.#count;
  }
}

function readCount(): number | undefined {
  try {
    const found = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}
