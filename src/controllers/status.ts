import type { Condition } from '../apis/meta.ts';
import { TASK_PHASES, type WorkflowPhase } from '../apis/phases.ts';
import type { FailingTask, Workflow, WorkflowStatus } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import type { Json } from '../base/json.ts';
import { MAX_FAILING_TASKS_IN_STATUS } from '../base/limits.ts';
import { lastAttempt } from '../planning/record.ts';
import type { StoredWorkflow } from '../store/store.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * The status of a workflow, derived from its board. Phases in order of precedence, first hit wins:
 *
 * | phase | reason | when |
 * |---|---|---|
 * | Suspended | ApprovalRequired | the plan discards more than `approval` allows |
 * | Failed | TasksFailed | all final, a failure that nobody handles |
 * | Cancelled | TasksCancelled | all final, tasks cancelled by request |
 * | Succeeded | PartiallySucceeded | all final, every failure handled |
 * | Succeeded | Completed | all final |
 * | Failed | StoppedAfterFailure | `failurePolicy` Stop or Cancel, and nothing runs any more |
 * | Suspended | Suspended | asked for, and nothing runs any more; or all that `run --until` wanted is final |
 * | Running | TasksRunning | otherwise, once something has started |
 * | Pending | NothingStarted | otherwise |
 */
export function statusOf(state: WorkflowState, before: WorkflowStatus | undefined, now: number): WorkflowStatus {
  const { phase, reason, message } = phaseOf(state);
  const { board } = state;
  const generation = state.stored.object.metadata.generation;
  const counts: Record<string, number> = {};
  let total = 0;
  for (const p of TASK_PHASES) {
    const n = board.count(p);
    total += n;
    if (n > 0) counts[p] = n;
  }
  const done = phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
  const time = new Date(now).toISOString();
  const startTime = before?.startTime ?? (phase === 'Pending' ? undefined : time);
  const failing = failingTasks(state, before?.failing ?? []);
  return {
    observedGeneration: generation,
    phase,
    reason,
    message,
    conditions: conditions(phase, reason, message, generation, before?.conditions ?? [], time),
    counts,
    progress: `${board.count('Succeeded')}/${total}`,
    ...(startTime === undefined ? {} : { startTime }),
    ...(done ? { finishTime: before?.finishTime ?? time } : {}),
    ...(failing.length > 0 ? { failing } : {}),
  };
}

function phaseOf(state: WorkflowState): { phase: WorkflowPhase; reason: string; message: string } {
  const { board } = state;
  const failed = board.count('Failed');
  const live = state.book.live.size;
  if (state.mode === 'Deleting')
    return { phase: 'Cancelled', reason: 'Deleting', message: `${live} attempts are being ended` };
  if (state.held) return { phase: 'Suspended', reason: 'ApprovalRequired', message: state.heldMessage };
  if (board.unsettled === 0 && live === 0) {
    if (board.unhandledFailures > 0) return { phase: 'Failed', reason: 'TasksFailed', message: `${failed} failed` };
    if (board.count('Cancelled') > 0)
      return { phase: 'Cancelled', reason: 'TasksCancelled', message: `${board.count('Cancelled')} cancelled` };
    if (failed > 0)
      return { phase: 'Succeeded', reason: 'PartiallySucceeded', message: `${failed} failed, all handled` };
    return { phase: 'Succeeded', reason: 'Completed', message: '' };
  }
  if (state.settings.failurePolicy !== 'Continue' && board.unhandledFailures > 0 && live === 0)
    return {
      phase: 'Failed',
      reason: 'StoppedAfterFailure',
      message: `${failed} failed; failurePolicy is ${state.settings.failurePolicy}`,
    };
  if (state.mode === 'Suspended' && live === 0)
    return { phase: 'Suspended', reason: 'Suspended', message: 'launches nothing until it is resumed' };
  if (live === 0 && state.launchOnly && state.launchOnly.reached(board) !== 'Moving')
    return { phase: 'Suspended', reason: 'Suspended', message: 'what --until named is final; nothing else was wanted' };
  const started = live > 0 || board.count('Succeeded') + failed > 0;
  return started
    ? { phase: 'Running', reason: 'TasksRunning', message: '' }
    : { phase: 'Pending', reason: 'NothingStarted', message: '' };
}

/** What `before` shows of the same attempts is kept: nobody reads a log twice for it. */
function failingTasks(state: WorkflowState, before: readonly FailingTask[]): FailingTask[] {
  const failing: FailingTask[] = [];
  if (state.board.count('Failed') === 0) return failing;
  for (const task of state.graph.tasks) {
    const seen = state.board.view(task.index);
    if (task.kind === 'Barrier' || seen?.phase !== 'Failed') continue;
    const attempt = lastAttempt(state.book.get(task.key));
    const same = before.find((b) => b.name === task.key && b.attempt === attempt?.number);
    const log = (attempt && state.logTails.get(attempt.uid)) || same?.log;
    failing.push({
      name: task.key,
      reason: seen.reason,
      message: seen.message.slice(0, MAX_MESSAGE_CHARS),
      ...(attempt?.outcome?.exitCode === undefined ? {} : { exitCode: attempt.outcome.exitCode }),
      ...(attempt === undefined ? {} : { attempt: attempt.number }),
      ...(log === undefined ? {} : { log }),
    });
    if (failing.length >= MAX_FAILING_TASKS_IN_STATUS) break;
  }
  return failing;
}

const MAX_MESSAGE_CHARS = 300;

function conditions(
  phase: WorkflowPhase,
  reason: string,
  message: string,
  generation: number,
  before: readonly Condition[],
  time: string,
): Condition[] {
  const done = phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
  const wanted: [string, boolean][] = [
    ['Ready', phase === 'Succeeded'],
    ['Reconciling', !done && phase !== 'Suspended'],
    ['Stalled', phase === 'Failed'],
    ['Complete', phase === 'Succeeded'],
    ['Failed', phase === 'Failed'],
    ['Suspended', phase === 'Suspended'],
  ];
  const kept = before.filter((c) => !wanted.some(([type]) => type === c.type));
  return [
    ...wanted.map(([type, holds]) => {
      const status = holds ? ('True' as const) : ('False' as const);
      const old = before.find((c) => c.type === type);
      return {
        type,
        status,
        reason,
        message,
        observedGeneration: generation,
        lastTransitionTime: old?.status === status ? old.lastTransitionTime : time,
      };
    }),
    ...kept,
  ];
}

/** How often counts are written while a workflow runs; changes of phase are written at once. */
export const STATUS_INTERVAL_MS = 1_000;

/**
 * The resource with the status it should have now; the same object where nothing is worth a write. While it runs, a
 * status is made once a second at most: it is work for every task that failed.
 */
export function nextObject(state: WorkflowState, stored: StoredWorkflow, now: number, clock: Clock): Workflow {
  const before = stored.object.status;
  const { phase, reason } = phaseOf(state);
  const same =
    before !== undefined &&
    before.phase === phase &&
    before.reason === reason &&
    before.observedGeneration === stored.object.metadata.generation;
  const resting = phase !== 'Running' && phase !== 'Pending';
  state.statusLate = same && !resting && clock.monotonic() - state.statusMadeAt < STATUS_INTERVAL_MS;
  if (state.statusLate) return stored.object;
  const status = statusOf(state, before, now);
  state.status = status;
  state.statusMadeAt = clock.monotonic();
  return sameStatus(before, status) ? stored.object : { ...stored.object, status };
}

/** Equal in everything but times. */
function sameStatus(a: WorkflowStatus | undefined, b: WorkflowStatus | undefined): boolean {
  if (!a || !b) return a === b;
  return canonicalJson(timeless(a)) === canonicalJson(timeless(b));
}

function timeless(status: WorkflowStatus): Json {
  const { startTime, finishTime, conditions: all, ...rest } = status;
  return {
    ...rest,
    started: startTime !== undefined,
    finished: finishTime !== undefined,
    conditions: all.map((c) => ({ ...c, lastTransitionTime: '' })),
  } as unknown as Json;
}
