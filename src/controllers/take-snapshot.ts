import type { GraphTask } from '../graph/graph.ts';
import type { Snapshot } from '../planning/snapshot.ts';
import type { HomeContext } from './home-context.ts';
import { needsNow } from './needs-now.ts';
import type { WorkflowState } from './workflow-state.ts';

/** What a decision about this workflow may see, now. */
export function takeSnapshot(home: HomeContext, state: WorkflowState): Snapshot {
  return {
    now: home.clock.now(),
    generation: state.stored.object.metadata.generation,
    graph: state.graph,
    settings: state.settings,
    records: state.book,
    facts: state.facts,
    unrestorable: state.unrestorable,
    unconfirmed: state.unconfirmed,
    free: home.slots.free(),
    ahead: (needs, starting) => (mayGoAhead(home, state) ? home.slots.ahead(needs, starting) : 0),
    following: home.slots.followers,
    needs: (index) => needsNow(home, state, state.graph.tasks[index] as GraphTask),
    inputs: (index, views) => state.inputs(state.graph.tasks[index] as GraphTask, views),
    mode: state.mode,
    launchOnly: state.launchOnly?.tasks,
  };
}

/** What goes ahead hands its capacity on: nobody who goes first may be waiting for that. */
function mayGoAhead(home: HomeContext, state: WorkflowState): boolean {
  return home.backend.keepsLanes && !home.othersGoFirst(state.uid);
}
