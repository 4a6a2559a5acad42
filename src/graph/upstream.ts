import { carriesData, type Graph, type GraphTask } from './graph.ts';

// Walks against the direction of the edges: whom a task waits for, and whose results it may read.

/** Everything that these wait for, whatever the kind of the edge. */
export function withAllUpstream(graph: Graph, indexes: readonly number[]): Set<number> {
  const found = new Set(indexes);
  const pending = [...indexes];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { from } of (graph.tasks[at] as GraphTask).upstream) {
      if (found.has(from)) continue;
      found.add(from);
      pending.push(from);
    }
  }
  return found;
}

/** Adds the tasks that carry data to these: the direct ones, looking through barriers and gates, or all. */
export function addDataUpstream(
  tasks: readonly GraphTask[],
  indexes: Iterable<number>,
  all: boolean,
  into: Set<number>,
): void {
  const pending = [...indexes];
  const seen = new Set(pending);
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const edge of (tasks[at] as GraphTask).upstream) {
      if (seen.has(edge.from) || !carriesData(edge.kind)) continue;
      seen.add(edge.from);
      const task = tasks[edge.from] as GraphTask;
      if (task.kind === 'Task') into.add(edge.from);
      if (all || task.kind !== 'Task') pending.push(edge.from);
    }
  }
}
