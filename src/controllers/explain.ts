import type { Explanation, PlannedTask } from '../apis/task-view.ts';
import type { GraphTask } from '../graph/graph.ts';
import type { Attempt } from '../planning/record.ts';
import type { View } from '../planning/view.ts';
import { attemptItem } from './task-items.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Why a task ran, runs, will run, waits or will not run. */
export function explanationOf(state: WorkflowState, task: GraphTask, planned: PlannedTask): Explanation {
  const seen = state.board.view(task.index);
  const attempts = state.book.get(task.key)?.attempts ?? [];
  const last = attempts.at(-1);
  // A task that is at rest is explained by what started its last attempt.
  const because = planned.because.length > 0 ? planned.because : (last?.because ?? []);
  return {
    ...planned,
    because,
    phase: seen?.phase ?? 'Pending',
    message: seen?.message ?? '',
    rule: seen ? ruleOf(seen, last) : 'not judged yet',
    history: attempts.map((attempt) => {
      const item = attemptItem(attempt);
      return { attempt: attempt.number, phase: item.phase, reason: item.reason, startedBecause: attempt.because };
    }),
  };
}

function ruleOf(seen: View, last: Attempt | undefined): string {
  switch (seen.phase) {
    case 'Succeeded':
      return seen.reason === 'GateOpen'
        ? 'a gate is open when its upstreams are done'
        : 'its result stands: same definition, same inputs, outputs as recorded';
    case 'Failed':
      return seen.reason === 'MissingInput'
        ? 'it cannot start without this input; it is judged again when files are looked at'
        : 'its attempts are used up; it stays failed until its spec, an upstream or a request changes';
    case 'Skipped':
      return seen.reason === 'UpstreamFailed'
        ? 'an upstream failed'
        : seen.reason === 'UpstreamSkipped'
          ? 'it reads a value of a task that was skipped'
          : 'its triggerRule can no longer hold';
    case 'Cancelled':
      return 'it was cancelled by request; retry or reset lets it run';
    case 'Queued':
    case 'Running':
      return seen.reason === 'Restarting'
        ? 'its running attempt no longer fits the spec and is ended first'
        : seen.identity && last && last.execution !== seen.identity.execution
          ? 'an attempt with an earlier identity may finish (onChangeWhileRunning: Finish); it runs again after that'
          : 'an attempt with the desired identity is under way';
    case 'Ready':
      return 'no result with the desired identity stands: it starts as soon as it may';
    case 'Pending':
      return pendingRule(seen);
  }
}

function pendingRule(seen: View): string {
  switch (seen.reason) {
    case 'BackOff':
      return 'it failed and is tried again after a pause';
    case 'WaitingForReaders':
      return 'running tasks that read its outputs are ended before they are made again';
    case 'Restoring':
      return 'outputs of an earlier result with the desired identity are put back';
    default:
      return 'it is judged when every upstream has settled in this generation';
  }
}
