import { isGlob, parseGlob } from '../base/glob.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import type { VerbRequest } from './home.ts';

/** Tasks that keys, globs and a label selector name; a fan-out's name means everything under it. None: all. */
export function selectTasks(graph: Graph, request: Pick<VerbRequest, 'tasks' | 'selector'>): GraphTask[] {
  const shown = graph.tasks.filter((t) => t.kind !== 'Barrier');
  const named = request.tasks?.length ? shown.filter(matcher(request.tasks)) : shown;
  return request.selector === undefined
    ? named
    : named.filter((t) => matchesLabels(request.selector as string, t.spec.labels ?? {}));
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

/** Kubernetes' equality selectors: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas. */
export function matchesLabels(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return selector.split(',').every((term) => {
    const text = term.trim();
    const [, name = '', operator, value = ''] = /^([^=!]*)(==|!=|=)(.*)$/.exec(text) ?? [];
    if (operator !== undefined) return (own(labels, name.trim()) === value.trim()) !== (operator === '!=');
    return text.startsWith('!') ? own(labels, text.slice(1)) === undefined : own(labels, text) !== undefined;
  });
}

function own(labels: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}
