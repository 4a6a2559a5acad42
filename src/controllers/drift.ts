import type { Workflow } from '../apis/workflow.ts';
import type { GraphTask } from '../graph/graph.ts';
import { ABSENT_DIGEST, codeLooks, externalLooks, lookId, outputLook } from '../planning/facts.ts';
import { lastSuccess } from '../planning/record.ts';
import { storeConditions, withCondition, withoutConditions } from './conditions.ts';
import type { HomeContext } from './home-context.ts';
import type { Reconciler } from './reconciler.ts';
import { requestAnnotations } from './resource.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * Drift: a workflow had finished, and when its home opens again files are not what they were. It rests then: the
 * drift is shown as a condition, and nothing is done about it before somebody applies it or asks for something, or
 * at once where `watchInputs` says so.
 */
export const INPUTS_CHANGED = 'InputsChanged';

/** Finished in its present generation, and nobody has asked for anything since. */
function mayRest(state: WorkflowState): boolean {
  const { metadata, spec, status } = state.stored.object;
  if (metadata.deletionTimestamp !== undefined || spec.watchInputs === true) return false;
  if (state.book.live.size > 0 || requestAnnotations(state.stored.object).length > 0) return false;
  const done = status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Cancelled';
  return done && status.observedGeneration === metadata.generation;
}

/** Called once for each workflow when a home opens, before its first turn. `judge` looks and judges without acting. */
export async function restIfDrifted(
  home: HomeContext,
  reconciler: Reconciler,
  judge: (reconciler: Reconciler) => Promise<void>,
): Promise<void> {
  const { state } = reconciler;
  if (!mayRest(state)) return;
  await judge(reconciler);
  const would = wouldAct(state);
  state.resting = would.length > 0;
  // What was seen now is enough for the first turn of one that has not drifted.
  state.lookNeeded = state.resting;
  const { object } = state.stored;
  const next: Workflow = state.resting
    ? withCondition(
        object,
        { type: INPUTS_CHANGED, reason: 'FilesChanged', message: driftMessage(state, would) },
        home.clock.now(),
      )
    : withoutConditions(object, [INPUTS_CHANGED]);
  await storeConditions(home, state, next);
}

/** Tasks that the next turn would do something about, upstream first. */
function wouldAct(state: WorkflowState): GraphTask[] {
  const { board, graph } = state;
  const indexes = new Set(board.actionable);
  // What `failurePolicy` holds back is ready, and stays so without any drift.
  const stopped = state.settings.failurePolicy !== 'Continue' && board.unhandledFailures > 0;
  if (!stopped) for (const index of board.ready) indexes.add(index);
  return [...indexes]
    .sort((a, b) => (graph.rank[a] as number) - (graph.rank[b] as number))
    .map((index) => graph.tasks[index] as GraphTask);
}

const MAX_NAMED = 3;

function driftMessage(state: WorkflowState, tasks: readonly GraphTask[]): string {
  const named = tasks.slice(0, MAX_NAMED).map((task) => {
    const path = changedPath(state, task);
    return path === undefined ? task.key : `${task.key} (${path})`;
  });
  const more = tasks.length - named.length;
  return `files changed since it finished; the next apply runs again: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A file that is not what it was when the task succeeded. */
function changedPath(state: WorkflowState, task: GraphTask): string | undefined {
  const success = lastSuccess(state.book.get(task.key));
  if (!success) return undefined;
  const differs = (id: string, digest: unknown): boolean => state.facts.has(id) && state.facts.get(id) !== digest;
  for (const output of task.outputs) {
    const made = success.outcome?.outputs.find((o) => o.name === output.name);
    if (differs(lookId(outputLook(output)), made?.digest)) return output.path;
  }
  for (const input of state.inputs(task)) {
    const read = success.contributions.precise[`inputs.${input.name}`] ?? [];
    for (const look of externalLooks(input)) {
      const at = look.glob ? 0 : input.paths.indexOf(look.path);
      if (differs(lookId(look), read[at])) return look.path;
    }
  }
  const code = success.preimage.code as Readonly<Record<string, unknown>> | null;
  // The pre-image names scripts as they stand to the document's folder.
  const { folder } = state.graph;
  const name = (path: string): string => (path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path);
  return codeLooks(task).find((look) => differs(lookId(look), code?.[name(look.path)] ?? ABSENT_DIGEST))?.path;
}

/** Somebody wants it reconciled: it rests no longer. Must run while the reconciler is paused. */
export async function wake(home: HomeContext, state: WorkflowState): Promise<void> {
  state.resting = false;
  state.lookNeeded = true;
  await storeConditions(home, state, withoutConditions(state.stored.object, [INPUTS_CHANGED]));
}
