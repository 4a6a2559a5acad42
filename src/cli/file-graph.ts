import type { GraphView } from '../apis/task-view.ts';
import type { Edge, Graph, GraphTask } from '../graph/graph.ts';
import type { CommandContext } from './command.ts';
import { loadAll, onlyDocument } from './documents.ts';
import { applyParams, buildLocally } from './local-check.ts';
import { stopAtErrors } from './report.ts';

export async function graphOfFile(context: CommandContext, file: string): Promise<GraphView> {
  const loaded = await loadAll(context.io, [file], { namespace: context.text('namespace') });
  await stopAtErrors(context.io, loaded.diagnostics, undefined);
  const built = await buildLocally(await applyParams(context, onlyDocument(loaded, file)));
  if (built.ok) return viewOfGraph(built.value.graph);
  await stopAtErrors(context.io, built.error, undefined);
  return { tasks: [], edges: [] };
}

/**
 * The graph as users see it: a barrier is not shown, its edges go to those who wait for it from whom it waits
 * for. That multiplies; a fan-out of thousands joined to thousands is drawn by nobody.
 */
export function viewOfGraph(graph: Graph): GraphView {
  const shown = graph.tasks.filter((task) => task.kind !== 'Barrier');
  const place = new Map(shown.map((task, index) => [task.index, index]));
  const edges: GraphView['edges'][number][] = [];
  for (const task of shown) {
    const to = place.get(task.index) ?? 0;
    for (const { from, kind } of throughBarriers(graph.tasks, task)) {
      edges.push({ from: place.get(from) ?? 0, to, kind });
    }
  }
  return { tasks: shown.map(({ key }) => ({ name: key, phase: '' })), edges };
}

function throughBarriers(tasks: readonly GraphTask[], task: GraphTask): Edge[] {
  const found: Edge[] = [];
  const seen = new Set<number>();
  for (const edge of task.upstream) {
    const source = tasks[edge.from];
    if (source?.kind !== 'Barrier') {
      found.push(edge);
      continue;
    }
    const pending = [source];
    for (let barrier = pending.pop(); barrier !== undefined; barrier = pending.pop()) {
      if (seen.has(barrier.index)) continue;
      seen.add(barrier.index);
      for (const inner of barrier.upstream) {
        const member = tasks[inner.from];
        if (member?.kind === 'Barrier') pending.push(member);
        else found.push({ from: inner.from, to: task.index, kind: edge.kind });
      }
    }
  }
  return found;
}
