import { isGlob, parseGlob } from '../base/glob.ts';
import { matchesLabels, parseLabelSelector } from '../base/label-selector.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import type { VerbRequest } from './home.ts';

/** Tasks that keys, globs and a label selector name; a fan-out's name means everything under it. None: all. */
export function selectTasks(graph: Graph, request: Pick<VerbRequest, 'tasks' | 'selector'>): GraphTask[] {
  const shown = graph.tasks.filter((t) => t.kind !== 'Barrier');
  const named = request.tasks?.length ? shown.filter(matcher(request.tasks)) : shown;
  if (request.selector === undefined) return named;
  const selector = parseLabelSelector(request.selector);
  return selector.ok ? named.filter((t) => matchesLabels(selector.value, t.spec.labels)) : [];
}

function matcher(patterns: readonly string[]): (task: GraphTask) => boolean {
  const exact = new Set(patterns.filter((p) => !isGlob(p)));
  const globs = patterns.filter(isGlob).flatMap((p) => {
    const glob = parseGlob(p);
    return glob.ok ? [glob.value] : [];
  });
  return (task) =>
    exact.has(task.key) ||
    (task.elementKey !== undefined && exact.has(task.spec.name)) ||
    globs.some((g) => g.matches(task.key));
}

/** The first of these keys and globs that names no task of this graph. One pass over the keys, one more per glob. */
export function namesNothing(graph: Graph, patterns: readonly string[]): string | undefined {
  const names = new Set<string>();
  for (const task of graph.tasks) {
    if (task.kind === 'Barrier') continue;
    names.add(task.key);
    if (task.elementKey !== undefined) names.add(task.spec.name);
  }
  return patterns.find((pattern) =>
    isGlob(pattern) ? selectTasks(graph, { tasks: [pattern] }).length === 0 : !names.has(pattern),
  );
}
