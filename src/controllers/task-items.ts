import type { TaskPhase } from '../apis/phases.ts';
import type { AttemptItem, TaskItem } from '../apis/task-view.ts';
import type { Json } from '../base/json.ts';
import type { GraphTask } from '../graph/graph.ts';
import type { Attempt } from '../planning/record.ts';
import type { View } from '../planning/view.ts';
import type { WorkflowState } from './workflow-state.ts';

/** `get tasks`: one item per task, derived from board and records. */
export function taskItem(state: WorkflowState, task: GraphTask): TaskItem {
  const seen = state.board.view(task.index);
  const record = state.book.get(task.key);
  const shown = shownReason(state, seen);
  const identity = seen?.identity ?? seen?.success;
  return {
    metadata: {
      name: task.key,
      uid: `${state.uid}/${task.key}`,
      labels: task.spec.labels,
      annotations: task.spec.annotations,
    },
    spec: task.spec as unknown as Json,
    status: {
      phase: seen?.phase ?? 'Pending',
      reason: shown.reason,
      message: shown.message,
      identity: identity ? { definition: identity.definition, execution: identity.execution } : {},
      results: {},
      attempts: (record?.attempts ?? []).map(attemptItem),
    },
  };
}

/** A ready task's reason is what keeps the whole workflow from launching, if something does. */
function shownReason(state: WorkflowState, seen: View | undefined): { reason: string; message: string } {
  if (!seen) return { reason: 'Reevaluating', message: '' };
  if (seen.phase === 'Ready' && state.mode === 'Suspended') return { reason: 'Suspended', message: '' };
  if (seen.phase === 'Ready' && state.mode === 'Held') return { reason: 'ApprovalRequired', message: '' };
  return { reason: seen.reason, message: seen.message };
}

export function attemptItem(attempt: Attempt): AttemptItem {
  const { outcome } = attempt;
  return {
    number: attempt.number,
    uid: attempt.uid,
    phase: attemptPhase(attempt),
    reason: outcome?.reason ?? (attempt.state === 'Started' ? 'Running' : 'Submitted'),
    message: outcome?.message,
    exitCode: outcome?.exitCode,
    signal: outcome?.signal,
    backend: attempt.backend,
    handle: attempt.handle,
    directory: attempt.directory,
    createTime: time(attempt.createTime),
    startTime: attempt.startTime === undefined ? undefined : time(attempt.startTime),
    finishTime: outcome === undefined ? undefined : time(outcome.finishTime),
    resources: attempt.needs as unknown as Json,
    usage: outcome?.usage,
    corrections: [],
  };
}

function attemptPhase(attempt: Attempt): TaskPhase {
  if (attempt.outcome) return attempt.outcome.phase;
  return attempt.state === 'Started' ? 'Running' : 'Queued';
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
