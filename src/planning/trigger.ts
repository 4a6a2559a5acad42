import type { TaskReason } from '../apis/reasons.ts';
import { type Graph, type GraphTask } from '../graph/graph.ts';
import type { View } from './view.ts';

/**
 * Trigger rules (`docs/language.md`, rule 7.2).
 *
 * | rule | runs when | else, once all upstreams are final |
 * |---|---|---|
 * | NoneFailed | all final, none failed | Skipped(UpstreamFailed) |
 * | AllSucceeded | all Succeeded | Skipped(UpstreamFailed), or TriggerNotMet after a benign skip |
 * | AllFinished | all final | |
 * | AnySucceeded | the first Succeeded | Skipped(TriggerNotMet) |
 * | AnyFailed | the first failed | Skipped(TriggerNotMet) |
 * | AllFailed | all final and failed | Skipped(TriggerNotMet) |
 */
export type Trigger =
  | { readonly verdict: 'Run' }
  | { readonly verdict: 'Wait'; readonly on: number }
  | {
      readonly verdict: 'Skip';
      readonly reason: Extract<TaskReason, 'UpstreamFailed' | 'TriggerNotMet'>;
      readonly cause: number | undefined;
    };

/** How an upstream counts: a failure that `allowFailure` forgives counts as a benign skip. */
function standing(task: GraphTask, view: View): 'open' | 'good' | 'failed' | 'skipped' {
  if (!view.settled) return 'open';
  if (view.phase === 'Succeeded') return 'good';
  if (view.phase === 'Skipped' && view.reason !== 'UpstreamFailed') return 'skipped';
  return task.allowFailure ? 'skipped' : 'failed';
}

export function judgeTrigger(graph: Graph, task: GraphTask, views: (index: number) => View): Trigger {
  let open: number | undefined;
  let failed: number | undefined;
  let good = 0;
  let skipped = 0;
  for (const { from } of task.upstream) {
    const how = standing(graph.tasks[from] as GraphTask, views(from));
    if (how === 'open') open ??= from;
    else if (how === 'failed') failed ??= from;
    else if (how === 'good') good++;
    else skipped++;
  }
  const rule = task.triggerRule;
  if (rule === 'AnySucceeded' && good > 0) return { verdict: 'Run' };
  if (rule === 'AnyFailed' && failed !== undefined) return { verdict: 'Run' };
  if (open !== undefined) return { verdict: 'Wait', on: open };
  if (rule === 'AllFinished' || task.upstream.length === 0) return { verdict: 'Run' };
  if (rule === 'NoneFailed') return failed === undefined ? { verdict: 'Run' } : skip('UpstreamFailed', failed);
  if (rule === 'AllSucceeded') {
    if (failed !== undefined) return skip('UpstreamFailed', failed);
    return skipped === 0 ? { verdict: 'Run' } : skip('TriggerNotMet', undefined);
  }
  if (rule === 'AllFailed' && failed !== undefined && good === 0 && skipped === 0) return { verdict: 'Run' };
  return skip('TriggerNotMet', undefined);
}

function skip(reason: 'UpstreamFailed' | 'TriggerNotMet', cause: number | undefined): Trigger {
  return { verdict: 'Skip', reason, cause };
}

/** Under these rules which upstream comes first is chance, so `dependsOn` contributes nothing to the identity. */
export function firesEarly(task: GraphTask): boolean {
  return task.triggerRule === 'AnySucceeded' || task.triggerRule === 'AnyFailed';
}

const HANDLING_RULES: readonly string[] = ['AllFinished', 'AnyFailed', 'AllFailed', 'AnySucceeded'];

/** A failure is handled if it is allowed, or if every direct downstream says what to do about failures. */
export function handlesFailure(graph: Graph, index: number): boolean {
  const task = graph.tasks[index] as GraphTask;
  if (task.allowFailure) return true;
  const downstream = graph.downstream[index] as Graph['downstream'][number];
  return (
    downstream.length > 0 &&
    downstream.every((e) => HANDLING_RULES.includes((graph.tasks[e.to] as GraphTask).triggerRule))
  );
}
