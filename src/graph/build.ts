import type { Diagnostic } from '../apis/diagnostic.ts';
import { MAX_DIAGNOSTICS, MAX_EDGES, MAX_TASKS } from '../base/limits.ts';
import { NONE } from '../base/none.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { barrierTask } from './barrier.ts';
import { checkTemplates } from './check.ts';
import { checkParams } from './check-params.ts';
import { topologicalOrder } from './dag.ts';
import { bindDefinition, sharedPart } from './definition.ts';
import { connect, type Edges } from './edges.ts';
import type { ExpandedTemplate } from './element.ts';
import { describeCycle, expandTemplates } from './expand.ts';
import { ExpandedTask, templateTask } from './expanded-task.ts';
import { sheetPath } from './fanout.ts';
import type { Edge, Graph, GraphTask } from './graph.ts';
import { absolutePath } from './paths.ts';
import { type ExpandedGraph, rebindBodies } from './rebind-bodies.ts';
import { type Ground, haveSameShape, type Planned } from './same-shape.ts';
import { paramTypesOf, Scopes } from './scope.ts';
import { parseTaskTemplate, type TaskTemplate } from './template.ts';

/**
 * From a spec to its expanded graph: parse → check → expand → connect → define. Each stage is a file; this one is
 * the table of contents. No input or output: sheets come in as text, existence of files is looked at later.
 */
export type GraphSource = Ground;

export interface BuiltGraph extends ExpandedGraph {
  readonly source: GraphSource;
  readonly warnings: readonly Diagnostic[];
}

/** `before`: the graph of an earlier generation. What the edit left alone is taken from it, the very same objects. */
export function buildGraph(source: GraphSource, before?: BuiltGraph): Result<BuiltGraph, readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  const done = (): readonly Diagnostic[] | undefined =>
    diagnostics.some((d) => d.severity === 'error') ? diagnostics.slice(0, MAX_DIAGNOSTICS) : undefined;

  diagnostics.push(...checkParams(source.spec));
  const templates = source.spec.tasks.map((_, i) => parseTaskTemplate({ spec: source.spec, diagnostics }, i));
  let errors = done();
  if (errors) return fail(errors);
  checkTemplates(source.spec, templates, diagnostics);
  errors = done();
  if (errors) return fail(errors);

  if (before && haveSameShape(of(before), { ground: source, templates })) {
    const edited = rebindBodies(before, { ground: source, templates }, diagnostics);
    errors = done();
    return errors ? fail(errors) : ok({ ...edited, source, warnings: diagnostics });
  }
  const workdir = absolutePath(source.folder, source.spec.workdir ?? '.');
  const expansion = expandTemplates({ ...source, workdir, templates, diagnostics });
  errors = done();
  if (errors) return fail(errors);
  const count = templates.reduce((n, t) => n + (expansion.expanded.get(t.name)?.elements.length ?? 0), 0);
  if (count > MAX_TASKS) return fail([limit(`${count} tasks are more than MAX_TASKS (${MAX_TASKS})`)]);

  const edges = connect({
    spec: source.spec,
    templates,
    expanded: expansion.expanded,
    scopes: expansion.scopes,
    diagnostics,
  });
  errors = done();
  if (errors) return fail(errors);
  if (edges.count > MAX_EDGES) return fail([limit(`${edges.count} edges are more than MAX_EDGES (${MAX_EDGES})`)]);

  const assembled = assemble(source, workdir, templates, expansion.expanded, expansion.scopes, edges, diagnostics);
  errors = done();
  if (errors) return fail(errors);
  if (!assembled.ok) return assembled;
  return ok({ graph: assembled.value, expanded: expansion.expanded, source, warnings: diagnostics });
}

function of({ graph, source }: BuiltGraph): Planned {
  return { ground: source, templates: graph.templates };
}

function assemble(
  source: GraphSource,
  workdir: string,
  templates: readonly TaskTemplate[],
  expanded: ReadonlyMap<string, ExpandedTemplate>,
  scopes: Scopes,
  edges: Edges,
  diagnostics: Diagnostic[],
): Result<Graph, readonly Diagnostic[]> {
  const tasks: GraphTask[] = [];
  for (const template of templates) {
    const group = expanded.get(template.name) as ExpandedTemplate;
    const shared = templateTask(source.spec, template, sharedPart(template));
    for (const element of group.elements) {
      const index = tasks.length;
      const definition = bindDefinition({ template, element, scopes, diagnostics });
      const links = {
        inputs: edges.inputs[index],
        mentions: edges.mentions[index],
        upstream: edges.upstream[index],
      };
      tasks.push(new ExpandedTask(shared, element, index, links, definition));
    }
  }
  for (const { template } of edges.barriers)
    tasks.push(barrierTask(templates[template] as TaskTemplate, tasks.length, edges.upstream[tasks.length] ?? []));
  const upstream = tasks.map((t) => (t.upstream.length === 0 ? NONE : t.upstream.map((e) => e.from)));
  const order = topologicalOrder(tasks.length, upstream);
  if ('cycle' in order) return fail([describeCycle(tasks, order.cycle)]);
  const downstream = downstreamOf(tasks);
  const byKey = new Map(tasks.map((t) => [t.key, t.index]));
  return ok({
    tasks,
    byKey,
    producers: edges.producers,
    templates,
    ...order,
    downstream,
    folder: source.folder,
    workdir,
  });
}

function downstreamOf(tasks: readonly GraphTask[]): readonly (readonly Edge[])[] {
  const downstream: Edge[][] = tasks.map(() => NONE as unknown as Edge[]);
  for (const task of tasks)
    for (const edge of task.upstream) {
      const edges = downstream[edge.from] as Edge[];
      if (edges.length === 0) downstream[edge.from] = [edge];
      else edges.push(edge);
    }
  return downstream;
}

/** Absolute paths of the sheets that the spec reads, as far as they can be known. */
export function sheetsOf(source: Omit<GraphSource, 'sheets'>): string[] {
  const diagnostics: Diagnostic[] = [];
  const workdir = absolutePath(source.folder, source.spec.workdir ?? '.');
  const scopes = new Scopes({
    workdir,
    params: source.spec.params ?? {},
    paramTypes: paramTypesOf(source.spec),
    workflow: { name: source.name, namespace: source.namespace },
    expanded: new Map(),
  });
  const paths: string[] = [];
  for (const [i, task] of source.spec.tasks.entries()) {
    if (!task.foreach?.rows) continue;
    const template = parseTaskTemplate({ spec: source.spec, diagnostics }, i);
    const path = sheetPath({ scope: scopes.global('relative'), workdir, report: () => {} }, template);
    if (path !== undefined) paths.push(path);
  }
  return [...new Set(paths)];
}

function limit(message: string): Diagnostic {
  return { severity: 'error', code: 'E-LIMIT', path: ['spec', 'tasks'], message };
}
