import type { Clock } from '../base/clock.ts';
import type { Verb } from './call.ts';

/** How many requests a second in the long run, and how many at once after a quiet time. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * What requests are counted against: launches never wait behind status writes, nor the removal of what has ended behind
 * launches. Lease renewals are in none of them: they never wait.
 */
export type Budget = 'create' | 'update' | 'delete' | 'read';

/**
 * Above what an API server of three nodes takes from one client without harm to others, below what it refuses itself: its
 * own priority and fairness is the real limit, and says so by 429.
 */
export const RATES: Readonly<Record<Budget, Rate>> = {
  create: { perSecond: 300, burst: 600 },
  update: { perSecond: 300, burst: 600 },
  delete: { perSecond: 300, burst: 600 },
  read: { perSecond: 300, burst: 600 },
};

const BUDGET_OF: Readonly<Record<Verb, Budget>> = {
  get: 'read',
  list: 'read',
  watch: 'read',
  log: 'read',
  create: 'create',
  replace: 'update',
  patch: 'update',
  delete: 'delete',
};

/** A token bucket that hands out moments: whoever comes gets the time from which it may go, in the order of coming. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Clock;
  /** Below zero: so many have been promised a moment in the future. */
  #tokens: number;
  #countedAt: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Takes one token. The milliseconds until it may be used; undefined, and none taken, when that were over `patienceMs`. */
  take(patienceMs: number): number | undefined {
    const now = this.#clock.monotonic();
    const grown = ((now - this.#countedAt) * this.#rate.perSecond) / 1000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + grown);
    this.#countedAt = now;
    const waitMs = this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rate.perSecond);
    if (waitMs > patienceMs) return undefined;
    this.#tokens -= 1;
    return waitMs;
  }
}

export class RateLimits {
  readonly #buckets: Readonly<Record<Budget, TokenBucket>>;

  constructor(clock: Clock, rates: Partial<Readonly<Record<Budget, Rate>>> = {}) {
    const bucket = (budget: Budget): TokenBucket => new TokenBucket(rates[budget] ?? RATES[budget], clock);
    this.#buckets = {
      create: bucket('create'),
      update: bucket('update'),
      delete: bucket('delete'),
      read: bucket('read'),
    };
  }

  /** As `TokenBucket.take`, of the budget that the verb is counted against. */
  take(verb: Verb, patienceMs: number): number | undefined {
    return this.#buckets[BUDGET_OF[verb]].take(patienceMs);
  }
}
