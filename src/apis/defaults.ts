import { parseDuration } from '../base/duration.ts';
import type { Retry, TaskSpec, WorkflowSpec } from './workflow.ts';

/**
 * What counts where a user wrote nothing. Never written into the stored spec: a stored default would be frozen
 * at what it was on that day, and would look like a wish of the user's.
 */
export const DEFAULT_SHELL: readonly string[] = ['bash', '-euo', 'pipefail'];
export const DEFAULT_FAILURE_POLICY = 'Continue';
export const DEFAULT_CONVERGENCE = 'Reevaluate';
export const DEFAULT_ON_CHANGE_WHILE_RUNNING = 'Restart';
export const DEFAULT_PRUNE = 'Delete';
export const DEFAULT_TRIGGER_RULE = 'NoneFailed';
export const DEFAULT_FINGERPRINT = 'Content';
export const DEFAULT_FILE_TYPE = 'File';
export const DEFAULT_FILE_MODE = 0o644;
export const DEFAULT_RANGE_START = 0;
export const DEFAULT_RANGE_STEP = 1;

export interface RetrySettings {
  readonly limit: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
  /** Undefined: every reason. */
  readonly reasons: readonly string[] | undefined;
  /** Undefined: every exit code. */
  readonly exitCodes: readonly number[] | undefined;
}

/** The retry rules of an effective task, complete. */
export function retrySettings(retry: Retry | undefined): RetrySettings {
  const { backoff } = retry ?? {};
  return {
    limit: retry?.limit ?? 0,
    initialMs: durationOr(backoff?.initial, 1_000),
    factor: backoff?.factor ?? 2,
    maxMs: durationOr(backoff?.max, 300_000),
    jitter: backoff?.jitter ?? 0.1,
    reasons: retry?.reasons,
    exitCodes: retry?.exitCodes,
  };
}

function durationOr(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const parsed = parseDuration(text);
  // Validation has refused anything else.
  return parsed.ok ? parsed.value : otherwise;
}

export function shellOf(task: TaskSpec): readonly string[] {
  return task.shell ?? DEFAULT_SHELL;
}

export function triggerRuleOf(task: TaskSpec): NonNullable<TaskSpec['triggerRule']> {
  return task.triggerRule ?? DEFAULT_TRIGGER_RULE;
}

export function failurePolicyOf(spec: WorkflowSpec): NonNullable<WorkflowSpec['failurePolicy']> {
  return spec.failurePolicy ?? DEFAULT_FAILURE_POLICY;
}

export function fingerprintOf(
  spec: WorkflowSpec,
  file: { readonly fingerprint?: 'Content' | 'Stat' },
): 'Content' | 'Stat' {
  return file.fingerprint ?? spec.fingerprint ?? DEFAULT_FINGERPRINT;
}
