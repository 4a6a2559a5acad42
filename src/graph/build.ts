import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import { MAX_DIAGNOSTICS, MAX_EDGES, MAX_TASKS } from '../base/limits.ts';
import { NONE } from '../base/none.ts';
import { fail, ok, type Result } from '../base/result.ts';
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
import { joinKey } from './keys.ts';
import { absolutePath } from './paths.ts';
import { paramTypesOf, Scopes } from './scope.ts';
import { parseTaskTemplate, type TaskTemplate } from './template.ts';

/**
 * From a spec to its expanded graph: parse → check → expand → connect → define. Each stage is a file; this one is
 * the table of contents. No input or output: sheets come in as text, existence of files is looked at later.
 */
export interface GraphSource {
  readonly name: string;
  readonly namespace: string;
  readonly spec: WorkflowSpec;
  /** Absolute folder of the document. */
  readonly folder: string;
  /** Text of every sheet that `sheetsOf` names and that could be read. */
  readonly sheets: ReadonlyMap<string, string>;
}

export interface BuiltGraph {
  readonly graph: Graph;
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  readonly warnings: readonly Diagnostic[];
}

export function buildGraph(source: GraphSource): Result<BuiltGraph, readonly Diagnostic[]> {
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
  return ok({ graph: assembled.value, expanded: expansion.expanded, warnings: diagnostics });
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
      const definition = bindDefinition({
        spec: source.spec,
        template,
        element,
        scopes,
        workdir,
        edges,
        index,
        diagnostics,
      });
      tasks.push(new ExpandedTask(shared, element, index, edges, definition));
    }
  }
  for (const barrier of edges.barriers)
    tasks.push(barrierTask(barrier.name, barrier.template, tasks.length, edges, templates));
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

/** Stands for a whole fan-out: waits for all its elements and passes on what they contribute. */
function barrierTask(
  name: string,
  template: number,
  index: number,
  edges: Edges,
  templates: readonly TaskTemplate[],
): GraphTask {
  return {
    index,
    key: joinKey(name),
    kind: 'Barrier',
    template,
    spec: (templates[template] as TaskTemplate).spec,
    item: undefined,
    elementKey: undefined,
    inputs: [],
    outputs: [],
    mentions: [],
    upstream: edges.upstream[index] ?? [],
    triggerRule: 'NoneFailed',
    // What its elements allow is allowed; the barrier only reports.
    allowFailure: (templates[template] as TaskTemplate).spec.allowFailure ?? false,
    priority: 0,
    fanout: undefined,
    workdir: '',
    preimage: { template: null, templateDigest: '', values: {} },
    handling: '',
    code: [],
  };
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
