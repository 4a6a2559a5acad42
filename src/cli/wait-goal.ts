import { WORKFLOW_PHASES } from '../apis/phases.ts';
import type { Workflow } from '../apis/workflow.ts';
import { fail, ok, type Result } from '../base/result.ts';

/** What `wait --for` waits for. `text` is as the user wrote it. */
export type Goal =
  | { readonly kind: 'delete'; readonly text: string }
  | { readonly kind: 'condition'; readonly text: string; readonly type: string; readonly status: string }
  | { readonly kind: 'phase'; readonly text: string; readonly phase: string };

export function parseGoal(text: string | undefined): Result<Goal, string> {
  const forms = 'condition=TYPE[=STATUS], phase=PHASE or delete';
  if (text === undefined) return fail(`wait needs --for: ${forms}`);
  if (text === 'delete') return ok({ kind: 'delete', text });
  const condition = /^condition=([A-Za-z]+)(?:=(True|False|Unknown|true|false|unknown))?$/.exec(text);
  if (condition !== null) {
    const status = condition[2] ?? 'True';
    const type = condition[1] ?? '';
    return ok({ kind: 'condition', text, type, status: status.charAt(0).toUpperCase() + status.slice(1) });
  }
  const phase = /^phase=(\w+)$/.exec(text)?.[1];
  if (phase !== undefined) {
    if ((WORKFLOW_PHASES as readonly string[]).includes(phase)) return ok({ kind: 'phase', text, phase });
    return fail(`--for ${text}: phases are ${WORKFLOW_PHASES.join(', ')}`);
  }
  return fail(`--for ${text}: write ${forms}`);
}

/**
 * `met`, `waiting`, or why it cannot come any more. A status about an earlier generation proves nothing: right
 * after an edit it still tells of the past.
 */
export function verdict(goal: Goal, workflow: Workflow | undefined): string {
  if (workflow === undefined) return goal.kind === 'delete' ? 'met' : 'it was deleted';
  if (goal.kind === 'delete') return 'waiting';
  const { status, metadata } = workflow;
  if (status === undefined || status.observedGeneration < metadata.generation) return 'waiting';
  if (goal.kind === 'phase') {
    if (status.phase === goal.phase) return 'met';
    return goal.phase === 'Succeeded' ? dead(status.phase) : 'waiting';
  }
  const condition = status.conditions.find((c) => c.type.toLowerCase() === goal.type.toLowerCase());
  if (condition?.status === goal.status && condition.observedGeneration >= metadata.generation) return 'met';
  const wantsSuccess = (goal.type === 'Complete' || goal.type === 'Ready') && goal.status === 'True';
  return wantsSuccess ? dead(status.phase) : 'waiting';
}

/** A workflow that failed stays so until somebody acts: waiting for its success would only be a long no. */
function dead(phase: string): string {
  return phase === 'Failed' || phase === 'Cancelled' ? `it is ${phase}` : 'waiting';
}
