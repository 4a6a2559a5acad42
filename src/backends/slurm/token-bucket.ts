import type { Clock } from '../../base/clock.ts';

export interface Rate {
  readonly perSecond: number;
  /** So many may come at once after a quiet time. */
  readonly burst: number;
}

/** How often something may be done: `perSecond` on average, `burst` at once. By the monotonic clock. */
export class TokenBucket {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(clock: Pick<Clock, 'monotonic'>, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = clock.monotonic();
  }

  /** It is done, and counts. Done before its time it is a debt: what follows waits longer. */
  spend(): void {
    this.waitMs();
    this.#tokens--;
  }

  /** How long until it may be done; 0: now. */
  waitMs(): number {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate.perSecond);
    this.#at = now;
    // A sum of parts may miss one by a rounding.
    return this.#tokens >= 1 - 1e-9 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000);
  }
}
