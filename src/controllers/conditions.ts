import type { Condition } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { HomeContext } from './home-context.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * Conditions that hold for a while and are no part of the phase: `InputsChanged`, `SourceInvalid`. One that does not
 * hold is not there. `conditions()` of `status.ts` keeps them as they are.
 */

export function withoutConditions(object: Workflow, types: readonly string[]): Workflow {
  const { status } = object;
  if (!status?.conditions.some((c) => types.includes(c.type))) return object;
  return { ...object, status: { ...status, conditions: status.conditions.filter((c) => !types.includes(c.type)) } };
}

/** Sets one condition to hold; the same object where it holds already, with the same message. */
export function withCondition(
  object: Workflow,
  wanted: Pick<Condition, 'type' | 'reason' | 'message'>,
  now: number,
  observedGeneration = object.metadata.generation,
) {
  const { status } = object;
  const old = status?.conditions.find((c) => c.type === wanted.type);
  if (!status || (old?.message === wanted.message && old.observedGeneration === observedGeneration)) return object;
  const condition: Condition = {
    ...wanted,
    status: 'True',
    observedGeneration,
    lastTransitionTime: old?.lastTransitionTime ?? new Date(now).toISOString(),
  };
  const others = status.conditions.filter((c) => c.type !== wanted.type);
  return { ...object, status: { ...status, conditions: [...others, condition] } };
}

/** Stores and tells a change of conditions; must run while the reconciler is paused. */
export async function storeConditions(home: HomeContext, state: WorkflowState, object: Workflow): Promise<void> {
  const { stored } = state;
  if (object === stored.object) return;
  const committed = await home.store.commit({ time: home.clock.now(), workflows: [{ stored: { ...stored, object } }] });
  if (committed.outcome !== 'Committed') return;
  state.stored = { ...stored, object, version: committed.version };
  home.published(state.stored, 'MODIFIED');
}
