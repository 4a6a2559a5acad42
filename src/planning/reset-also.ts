import type { Graph, GraphTask } from '../graph/graph.ts';
import { addDataUpstream } from '../graph/upstream.ts';
import { lastAttempt, type TaskRecord } from './record.ts';

/** `resetAlso`: the tasks that are reset together with this one. */
export function resetAlsoTargets(graph: Graph, index: number): Set<number> {
  const task = graph.tasks[index] as GraphTask;
  const targets = new Set<number>();
  const names = new Set(task.spec.resetAlso?.tasks ?? []);
  if (names.size > 0)
    for (const other of graph.tasks)
      if (other.kind !== 'Barrier' && names.has(other.spec.name)) targets.add(other.index);
  const upstream = task.spec.resetAlso?.upstream ?? 'None';
  if (upstream !== 'None') addDataUpstream(graph.tasks, [index], upstream === 'Ancestors', targets);
  targets.delete(index);
  return targets;
}

/** Its definition changed, and what is reset with it was not yet. */
export function needsResetAlso(task: GraphTask, record: TaskRecord | undefined, definition: string): boolean {
  const also = task.spec.resetAlso;
  if (!also || !record || (!also.tasks?.length && (also.upstream ?? 'None') === 'None')) return false;
  const last = lastAttempt(record);
  return last !== undefined && last.definition !== definition && record.resetAlsoFor !== definition;
}
