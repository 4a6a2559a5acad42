import type { GraphTask } from '../graph/graph.ts';
import { ABSENT_DIGEST, inputLooks, lookId, outputLook } from '../planning/facts.ts';
import { type Attempt, UNREAD } from '../planning/record.ts';
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
    reads: readsOf(state, task, identity),
    writes: task.outputs.map((o) => ({ name: o.name, path: o.relative, lookId: lookId(outputLook(o)) })),
  };
}

function readsOf(state: WorkflowState, task: GraphTask, identity: DesiredIdentity): Attempt['reads'] {
  const { graph } = state;
  const inputs = state.inputs(task).map((input) => ({
    slot: `inputs.${input.name}`,
    looks: inputLooks(graph, input).map((look, at) => {
      const digest = identity.contributions.precise[`inputs.${input.name}`]?.[at];
      return input.producers[at] !== undefined && digest === ABSENT_DIGEST ? UNREAD : lookId(look);
    }),
  }));
  const mentions = task.mentions
    .filter(({ member }) => member === 'outputs')
    .map(({ slot, upstream, name }) => ({
      slot,
      looks: upstream.flatMap((index) => {
        const output = graph.tasks[index]?.outputs.find((o) => o.name === name);
        return output ? [lookId(outputLook(output))] : [];
      }),
    }));
  return [...inputs, ...mentions].filter(({ looks }) => looks.length > 0);
}

/** What the ledger keeps of a definition: the template's part by digest, the values and the code as they are. */
export function preimageOf(task: GraphTask, identity: DesiredIdentity): Attempt['preimage'] {
  const { templateDigest, values } = task.preimage;
  return { templateDigest, values, code: identity.code };
}
