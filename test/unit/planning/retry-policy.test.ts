import { describe, expect, it } from 'vitest';
import type { Outcome, TaskRecord } from '../../../src/planning/record.ts';
import { INFRASTRUCTURE_RETRY_LIMIT, judgeRetry } from '../../../src/planning/retry-policy.ts';
import { RULES, Situation } from './situation.ts';

/** A record of attempts that ended so, oldest first. */
function record(...ends: Partial<Outcome>[]): TaskRecord {
  const s = new Situation({ tasks: [{ name: 'a', run: 'x' }] });
  const { identity } = s.view('a');
  const own = { definition: identity?.definition as string, execution: 'e', handling: 'h' };
  for (const end of ends) {
    const { number } = s.intend('a', own);
    const outcome: Outcome = { phase: 'Failed', reason: 'ExitCode', finishTime: 100, outputs: [], ...end };
    s.happens({ type: 'AttemptEnded', task: 'a', number, outcome });
  }
  return s.book.get('a') as TaskRecord;
}

const verdict = (r: TaskRecord, rules: Partial<typeof RULES> = {}, execution = 'e', handling = 'h'): string =>
  judgeRetry(r, { ...RULES, ...rules }, execution, handling).verdict;
const FAILED = {};
const LOST = { reason: 'Lost' };
const CHANGED = { reason: 'InputChanged' };
const CANCELLED: Partial<Outcome> = { phase: 'Cancelled', reason: 'DefinitionChanged' };

describe('retry policy', () => {
  it.each([
    ['no attempt', record(), {}, 'Fresh'],
    ['J-6 the first failure of two', record(FAILED), {}, 'Retry'],
    ['J-6 the budget is used', record(FAILED, FAILED), {}, 'Failed'],
    ['no budget', record(FAILED), { limit: 0 }, 'Failed'],
    ['a reason that is not retried', record(FAILED), { reasons: ['OutOfMemory'] }, 'Failed'],
    ['a reason that is', record({ reason: 'OutOfMemory' }), { reasons: ['OutOfMemory'] }, 'Retry'],
    ['an exit code that is', record({ exitCode: 75 }), { exitCodes: [75] }, 'Retry'],
    ['ended by somebody else', record({ reason: 'CancelledExternally' }), {}, 'Failed'],
    [
      'ended by somebody else, who is not heeded',
      record({ reason: 'CancelledExternally' }),
      { reasons: ['CancelledExternally'] },
      'Retry',
    ],
    ['never possible', record({ reason: 'Rejected' }), { exitCodes: [1] }, 'Failed'],
    ['a lost node is the infrastructure', record({ reason: 'NodeFailed' }), { limit: 0 }, 'Retry'],
    ['so is preemption', record({ reason: 'Preempted' }), { limit: 0 }, 'Retry'],
    ['failed by hand', record({ reason: 'FailedByHand' }), {}, 'Failed'],
    ['lost attempts never use up the budget', record(LOST, LOST, FAILED), {}, 'Retry'],
    ['failures never use up that of the infrastructure', record(FAILED, LOST), { limit: 0 }, 'Retry'],
    ['too many are lost', record(...Array(INFRASTRUCTURE_RETRY_LIMIT + 1).fill(LOST)), {}, 'Failed'],
    ['inputs changed once', record(CHANGED), { limit: 0 }, 'Retry'],
    ['inputs changed twice in a row', record(CHANGED, CHANGED), { limit: 9 }, 'Failed'],
    ['inputs changed twice, not in a row', record(CHANGED, FAILED, CHANGED), { limit: 9 }, 'Retry'],
    ['a cancelled attempt between is passed over', record(FAILED, CANCELLED, FAILED), {}, 'Failed'],
    ['only cancelled', record(CANCELLED), {}, 'Fresh'],
    ['a success ends the run', record(FAILED, { phase: 'Succeeded' }, FAILED), {}, 'Retry'],
  ])('%s', (_, attempts, rules, expected) => {
    expect(verdict(attempts, rules)).toBe(expected);
  });

  it('another identity or handling is a fresh budget', () => {
    expect(verdict(record(FAILED, FAILED), {}, 'other')).toBe('Fresh');
    expect(verdict(record(FAILED, FAILED), {}, 'e', 'other')).toBe('Fresh');
  });

  it('what was forgiven does not count', () => {
    expect(verdict({ ...record(FAILED, FAILED), forgivenUpTo: 2 })).toBe('Fresh');
  });

  it('M-3 the pause grows from the end of the last attempt', () => {
    const at = (r: TaskRecord): unknown => judgeRetry(r, { ...RULES, limit: 3 }, 'e', 'h');
    expect(at(record(FAILED))).toMatchObject({ at: 1_100, ofLimit: 'attempt 2 of 4' });
    expect(at(record(FAILED, FAILED))).toMatchObject({ at: 2_100 });
    expect(at(record(FAILED, FAILED, FAILED))).toMatchObject({ at: 4_100 });
  });
});
