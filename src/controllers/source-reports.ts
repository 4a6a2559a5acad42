import type { Condition } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { JournalEntry } from '../planning/journal.ts';
import { withCondition, withoutConditions } from './conditions.ts';
import type { HomeContext } from './home-context.ts';
import { statusOf } from './status.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * What a source has to say about a workflow that it owns, visible in `get` and `events`. Neither changes what runs:
 * the last good generation stays in force.
 *
 * | condition | meaning | over when |
 * |---|---|---|
 * | SourceInvalid | its file cannot be read or was refused | a document of it is applied |
 * | SourceSuspect | many files went at once, or the folder did: nothing is deleted | the source says so |
 */
export const SOURCE_INVALID = 'SourceInvalid';
export const SOURCE_SUSPECT = 'SourceSuspect';

/** `message` undefined: it is over. `generation`: of what was refused, where that has one. Must run while the reconciler is paused. */
export async function noteSource(
  home: HomeContext,
  state: WorkflowState,
  type: typeof SOURCE_INVALID | typeof SOURCE_SUSPECT,
  message: string | undefined,
  generation?: number,
): Promise<void> {
  const now = home.clock.now();
  const { stored } = state;
  const shown: Workflow = stored.object.status
    ? stored.object
    : { ...stored.object, status: statusOf(state, undefined, now) };
  const reason = type === SOURCE_INVALID ? 'InvalidDocument' : 'FilesWentAtOnce';
  const object =
    message === undefined
      ? withoutConditions(shown, [type])
      : withCondition(shown, { type, reason, message }, now, generation);
  if (object === shown) return;
  const entries: JournalEntry[] =
    message === undefined ? [] : [{ type: type === SOURCE_INVALID ? 'WorkflowInvalid' : 'SourceSuspect', message }];
  const committed = await home.store.commit({
    time: now,
    workflows: [{ stored: { ...stored, object } }],
    entries: entries.map((entry) => ({ workflow: state.uid, entry })),
  });
  if (committed.outcome !== 'Committed') return;
  state.stored = { ...stored, object, version: committed.version };
  home.published(state.stored, 'MODIFIED');
  home.journaled(
    entries.map((entry, i) => ({ seq: committed.seqs[i] as number, time: now, workflow: state.uid, entry })),
  );
}

/** A resource of which no generation was ever admitted. */
export function invalidObject(object: Workflow, message: string, now: number): Workflow {
  const { generation } = object.metadata;
  const time = new Date(now).toISOString();
  const [phase, reason] = ['Failed', 'Invalid'] as const;
  const before = object.status?.conditions ?? [];
  const conditions = Object.entries({ Ready: false, Reconciling: false, Stalled: true, Complete: false }).map(
    ([type, holds]): Condition => {
      const status = holds ? 'True' : 'False';
      const old = before.find((c) => c.type === type && c.status === status);
      const lastTransitionTime = old?.lastTransitionTime ?? time;
      return { type, status, reason, message, observedGeneration: generation, lastTransitionTime };
    },
  );
  const status = { observedGeneration: generation, phase, reason, message, conditions, counts: {}, progress: '0/0' };
  return { ...object, status };
}
