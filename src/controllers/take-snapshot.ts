import type { Backend } from '../backends/backend.ts';
import type { GraphTask } from '../graph/graph.ts';
import type { Room, Snapshot } from '../planning/snapshot.ts';
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
    unmovable: state.unmovable,
    unconfirmed: state.unconfirmed,
    room: (backend) => roomOf(home, state, home.backends.named(backend)),
    following: home.slots.followers,
    needs: (index) => needsNow(home, state, state.graph.tasks[index] as GraphTask),
    inputs: (index, views) => state.inputs(state.graph.tasks[index] as GraphTask, views),
    mode: state.mode,
    launchOnly: state.launchOnly?.tasks,
  };
}

/** A backend that is configured no more has none: nothing that was meant for it starts elsewhere. */
const NO_ROOM: Room = { cpu: 0, memoryBytes: 0, gpu: 0, attempts: 0, ahead: () => 0 };

function roomOf(home: HomeContext, state: WorkflowState, backend: Backend | undefined): Room {
  if (!backend) return NO_ROOM;
  const { name, keepsLanes } = backend;
  const slots = home.slots.of(name);
  return {
    ...slots.free(),
    ahead: (needs, starting) => (keepsLanes && mayGoAhead(home, state) ? slots.ahead(needs, starting) : 0),
  };
}

/** What goes ahead hands its capacity on: nobody who goes first may be waiting for that. */
function mayGoAhead(home: HomeContext, state: WorkflowState): boolean {
  return !home.othersGoFirst(state.uid);
}
