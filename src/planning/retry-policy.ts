import { isInfrastructure } from '../apis/reasons.ts';
import { backoffDelay } from '../base/backoff.ts';
import type { Attempt, TaskRecord } from './record.ts';

/**
 * Which failures retry, when, how often.
 *
 * Only the run of attempts at the end of the record counts that has the identity and handling now desired and was
 * not forgiven: any change of the task gives a fresh budget, going back to an old text too. Failures of the
 * infrastructure have their own budget and never use up the user's.
 */
export const INFRASTRUCTURE_RETRY_LIMIT = 5;
const INFRASTRUCTURE_BACKOFF = { initialMs: 1_000, factor: 3, maxMs: 60_000, jitter: 0.1 };
/** A task whose inputs change under it twice in a row has a writer that nobody declared. */
const INPUT_CHANGED_LIMIT = 2;

/** Failures that are tried again only where `retry.reasons` names them. */
const UNASKED: ReadonlySet<string> = new Set(['CancelledExternally', 'Rejected']);

export type RetryVerdict =
  /** No failure counts: launch. */
  | { readonly verdict: 'Fresh' }
  /** `delayMs`: the whole pause; more than that left means that the clock was set back. */
  | { readonly verdict: 'Retry'; readonly at: number; readonly delayMs: number; readonly ofLimit: string }
  | { readonly verdict: 'Failed'; readonly attempt: Attempt };

export interface RetryRules {
  readonly limit: number;
  readonly backoff: {
    readonly initialMs: number;
    readonly factor: number;
    readonly maxMs: number;
    readonly jitter: number;
  };
  readonly reasons: readonly string[] | undefined;
  readonly exitCodes: readonly number[] | undefined;
}

export function judgeRetry(
  record: TaskRecord | undefined,
  rules: RetryRules,
  execution: string,
  handling: string,
): RetryVerdict {
  const counted = countedFailures(record, execution, handling);
  const last = counted[0];
  if (!last) return { verdict: 'Fresh' };
  const outcome = last.outcome as NonNullable<Attempt['outcome']>;
  if (outcome.reason === 'InputChanged') {
    const inARow = counted.findIndex((a) => a.outcome?.reason !== 'InputChanged');
    return (inARow < 0 ? counted.length : inARow) >= INPUT_CHANGED_LIMIT
      ? { verdict: 'Failed', attempt: last }
      : { verdict: 'Retry', at: outcome.finishTime, delayMs: 0, ofLimit: 'inputs changed meanwhile' };
  }
  const infrastructure = isInfrastructure(outcome.reason);
  const used = counted.filter(
    (a) => isInfrastructure(a.outcome?.reason ?? '') === infrastructure && a.outcome?.reason !== 'InputChanged',
  ).length;
  const limit = infrastructure ? INFRASTRUCTURE_RETRY_LIMIT : rules.limit;
  if (used > limit || (!infrastructure && !isRetried(outcome, rules))) return { verdict: 'Failed', attempt: last };
  const backoff = infrastructure ? INFRASTRUCTURE_BACKOFF : rules.backoff;
  const delay = backoffDelay(backoff, used, last.uid);
  return {
    verdict: 'Retry',
    at: outcome.finishTime + delay,
    delayMs: delay,
    ofLimit: `attempt ${used + 1} of ${limit + 1}`,
  };
}

/** Newest first. Cancelled attempts in between are nobody's failure and are passed over. */
function countedFailures(record: TaskRecord | undefined, execution: string, handling: string): Attempt[] {
  const counted: Attempt[] = [];
  if (!record) return counted;
  for (let i = record.attempts.length - 1; i >= 0; i--) {
    const attempt = record.attempts[i] as Attempt;
    if (attempt.number <= record.forgivenUpTo || attempt.execution !== execution || attempt.handling !== handling)
      break;
    if (attempt.outcome?.phase === 'Succeeded') break;
    if (attempt.outcome?.phase === 'Failed') counted.push(attempt);
  }
  return counted;
}

function isRetried(outcome: NonNullable<Attempt['outcome']>, rules: RetryRules): boolean {
  if (outcome.reason === 'FailedByHand') return false;
  // Somebody wants it to end, or it can never start: trying again unasked would be a quarrel.
  if (UNASKED.has(outcome.reason)) return rules.reasons?.includes(outcome.reason) ?? false;
  if (!rules.reasons && !rules.exitCodes) return true;
  if (rules.reasons?.includes(outcome.reason)) return true;
  return outcome.exitCode !== undefined && (rules.exitCodes?.includes(outcome.exitCode) ?? false);
}
