import {
  DEFAULT_CONVERGENCE,
  DEFAULT_ON_CHANGE_WHILE_RUNNING,
  DEFAULT_PRUNE,
  failurePolicyOf,
  retrySettings,
} from '../apis/defaults.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import type { RetryRules } from '../planning/retry-policy.ts';
import type { Settings } from '../planning/snapshot.ts';

/** The rules of one workflow, complete: what the user wrote over the defaults. */
export function settingsOf(spec: WorkflowSpec, graph: Graph): Settings {
  const rules = new Map<number, RetryRules>();
  return {
    parallelism: spec.parallelism ?? 0,
    failurePolicy: failurePolicyOf(spec),
    convergence: spec.convergence ?? DEFAULT_CONVERGENCE,
    onChangeWhileRunning: spec.onChangeWhileRunning ?? DEFAULT_ON_CHANGE_WHILE_RUNNING,
    prune: spec.prune ?? DEFAULT_PRUNE,
    retry(index) {
      const { template, spec: task } = graph.tasks[index] as GraphTask;
      let known = rules.get(template);
      if (!known) {
        const { limit, initialMs, factor, maxMs, jitter, reasons, exitCodes } = retrySettings(task.retry);
        known = { limit, backoff: { initialMs, factor, maxMs, jitter }, reasons, exitCodes };
        rules.set(template, known);
      }
      return known;
    },
  };
}
