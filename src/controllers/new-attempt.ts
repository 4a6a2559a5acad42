import type { GraphTask } from '../graph/graph.ts';
import { lookId, outputLook } from '../planning/facts.ts';
import type { Attempt } from '../planning/record.ts';
import type { DesiredIdentity } from '../planning/view.ts';
import type { WorkflowState } from './workflow-state.ts';

/** What one attempt has and another has not: who started it, why, and with what. */
export type AttemptOrigin = Pick<
  Attempt,
  'number' | 'uid' | 'because' | 'needs' | 'backend' | 'createTime' | 'directory' | 'startTime'
>;

/** An attempt as it is intended: its identity and what it may write are frozen here, whoever starts it. */
export function newAttempt(
  state: WorkflowState,
  task: GraphTask,
  identity: DesiredIdentity,
  origin: AttemptOrigin,
): Attempt {
  return {
    ...origin,
    state: 'Intended',
    generation: state.stored.object.metadata.generation,
    definition: identity.definition,
    execution: identity.execution,
    handling: task.handling,
    preimage: preimageOf(task, identity),
    contributions: identity.contributions,
    writes: task.outputs.map((o) => ({ name: o.name, path: o.relative, lookId: lookId(outputLook(o)) })),
  };
}

/** What the ledger keeps of a definition: the template's part by digest, the values and the code as they are. */
export function preimageOf(task: GraphTask, identity: DesiredIdentity): Attempt['preimage'] {
  const { templateDigest, values } = task.preimage;
  return { templateDigest, values, code: identity.code };
}
