import { REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import { EXIT } from './exit-code.ts';

/**
 * Whether a workflow is at rest, seen from outside: by its resource alone.
 *
 * | rest | when |
 * |---|---|
 * | no | the status tells of an earlier generation, a request of ours is not carried out, or attempts are alive |
 * | `Ended` | its phase is final |
 * | `ApprovalRequired` | a plan is held until somebody approves it |
 * | `Suspended` | somebody suspended it |
 */
export type Rest =
  | { readonly kind: 'Moving' }
  | { readonly kind: 'Ended' | 'ApprovalRequired' | 'Suspended'; readonly exitCode: number };

const MOVING: Rest = { kind: 'Moving' };

export function restOf(workflow: Workflow, requests: ReadonlySet<string>): Rest {
  const { status, metadata } = workflow;
  if (status === undefined || status.observedGeneration < metadata.generation) return MOVING;
  for (const key of Object.keys(metadata.annotations ?? {})) {
    const pending = key.startsWith(REQUEST_ANNOTATION_PREFIX);
    if (pending && requests.has(key.slice(REQUEST_ANNOTATION_PREFIX.length))) return MOVING;
  }
  if (liveAttempts(workflow) > 0) return MOVING;
  if (needsApproval(workflow)) return { kind: 'ApprovalRequired', exitCode: EXIT.held };
  switch (status.phase) {
    case 'Succeeded':
      return { kind: 'Ended', exitCode: EXIT.done };
    case 'Failed':
    case 'Cancelled':
      return { kind: 'Ended', exitCode: EXIT.failed };
    case 'Suspended':
      return { kind: 'Suspended', exitCode: EXIT.held };
    case 'Pending':
    case 'Running':
      return MOVING;
  }
}

/** Attempts that the backend has: they go on whatever we do. */
export function liveAttempts(workflow: Workflow): number {
  const counts = workflow.status?.counts ?? {};
  return (counts['Running'] ?? 0) + (counts['Queued'] ?? 0);
}

function needsApproval(workflow: Workflow): boolean {
  const { status } = workflow;
  if (status?.reason === 'ApprovalRequired') return true;
  return (
    status?.conditions.some((c) => c.reason === 'ApprovalRequired' && c.type === 'Suspended' && c.status === 'True') ??
    false
  );
}
