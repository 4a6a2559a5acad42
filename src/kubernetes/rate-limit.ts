import type { Clock } from '../base/clock.ts';
import { type Rate, TokenBucket } from '../base/token-bucket.ts';
import type { Verb } from './call.ts';

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
