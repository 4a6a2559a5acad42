/**
 * Reasons, a closed vocabulary: what scripts match on. Messages beside them are for people and may change.
 */

/** Why an attempt failed. `retry.reasons` may name those that are not of the infrastructure. */
export const FAILURE_REASONS = [
  'ExitCode',
  'CommandNotFound',
  'NotExecutable',
  'Signal',
  'OutOfMemory',
  'WallTime',
  'MissingInput',
  'MissingOutput',
  'InputChanged',
  'InvalidValue',
  'Rejected',
  'CancelledExternally',
  'FailedByHand',
  'ShellNotFound',
  'ImageUnavailable',
] as const;

/** Failures that are nobody's program's fault: their own budget, never the user's retries. */
export const INFRASTRUCTURE_REASONS = [
  'LaunchFailed',
  'Lost',
  'SetupFailed',
  'Evicted',
  'Preempted',
  'NodeFailed',
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];
export type InfrastructureReason = (typeof INFRASTRUCTURE_REASONS)[number];

/** How an attempt ended otherwise. */
export type EndReason =
  | FailureReason
  | InfrastructureReason
  | 'Completed'
  | 'CompletedByHand'
  | 'Cancelled'
  | 'Withdrawn'
  | 'CancelledByRequest'
  | 'DefinitionChanged'
  | 'UpstreamChanged'
  | 'ResourcesChanged'
  | 'TaskRemoved'
  | 'WorkflowDeleted'
  | 'FailurePolicy';

/** Why a task is in its phase. */
export type TaskReason =
  | EndReason
  | 'WaitingForUpstream'
  | 'Reevaluating'
  | 'WaitingForReaders'
  | 'WaitingForRemovedTask'
  | 'PreviousAttemptUnconfirmed'
  | 'BackOff'
  | 'Capacity'
  | 'Parallelism'
  | 'Suspended'
  | 'ApprovalRequired'
  | 'StopAfterFailure'
  | 'Launching'
  | 'Submitted'
  | 'Running'
  | 'Cancelling'
  | 'Restarting'
  | 'Restoring'
  | 'Unknown'
  | 'UpstreamFailed'
  | 'UpstreamSkipped'
  | 'TriggerNotMet'
  | 'GateOpen'
  | 'ResourcesUnavailable';

export function isInfrastructure(reason: string): boolean {
  return (INFRASTRUCTURE_REASONS as readonly string[]).includes(reason);
}
