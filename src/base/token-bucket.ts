import type { Clock } from './clock.ts';

/** How often something may be done in the long run, and how often at once after a quiet time. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A sum of parts may miss one by a rounding. */
const WHOLE = 1 - 1e-9;

/** Counts by the monotonic clock what is done, and says when more may be. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Below zero: so many were done, or promised a moment, before their time. */
  #tokens: number;
  #countedAt: number;

  constructor(rate: Rate, clock: Pick<Clock, 'monotonic'>) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Milliseconds until it may be done; 0: now. */
  waitMs(): number {
    const now = this.#clock.monotonic();
    const grown = ((now - this.#countedAt) * this.#rate.perSecond) / 1000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + grown);
    this.#countedAt = now;
    return this.#tokens >= WHOLE ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rate.perSecond);
  }

  /** It is done, and counts. Before its time it is a debt: what follows waits longer. */
  spend(): void {
    this.waitMs();
    this.#tokens--;
  }

  /**
   * Hands out a moment, in the order of coming: the milliseconds until it; undefined, and nothing counted, when that were
   * over `patienceMs`.
   */
  take(patienceMs: number): number | undefined {
    const waitMs = this.waitMs();
    if (waitMs > patienceMs) return undefined;
    this.#tokens--;
    return waitMs;
  }
}
