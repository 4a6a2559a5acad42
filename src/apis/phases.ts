/**
 * Phases, closed sets.
 *
 * | task phase | meaning | final |
 * |---|---|---|
 * | Pending | dependencies open, or the task is being judged again (`Reevaluating`) | |
 * | Ready | may launch; waits for capacity, back-off, suspension or approval | |
 * | Queued | an attempt is durable and given to the backend | |
 * | Running | the attempt has been claimed by what runs it | |
 * | Succeeded | a result stands | yes |
 * | Failed | the budget of attempts is used up, or the task cannot run | yes |
 * | Skipped | an upstream or a trigger rule keeps it from running; derived, never stored | yes |
 * | Cancelled | somebody asked for it | yes |
 */
export const TASK_PHASES = [
  'Pending',
  'Ready',
  'Queued',
  'Running',
  'Succeeded',
  'Failed',
  'Skipped',
  'Cancelled',
] as const;
export type TaskPhase = (typeof TASK_PHASES)[number];

export const WORKFLOW_PHASES = ['Pending', 'Running', 'Suspended', 'Succeeded', 'Failed', 'Cancelled'] as const;
export type WorkflowPhase = (typeof WORKFLOW_PHASES)[number];

export function isFinal(phase: TaskPhase): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Skipped' || phase === 'Cancelled';
}
