import type { TaskSpec, WorkflowSpec } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import type { Expression } from '../expressions/expression.ts';
import { needsFirst } from './expand.ts';
import { allExpressions, type TaskTemplate } from './template.ts';

/**
 * Whether an edit leaves the graph as it is but for what its tasks run: the same elements with the same paths, the same
 * edges. Most edits do, and then only the entries that were edited are bound again.
 *
 * The *shape* of an entry is everything that expansion and edges are made of; every field counts that is not known to be
 * of no concern to them.
 */
const BODY_FIELDS: ReadonlySet<string> = new Set<keyof TaskSpec>([
  'run',
  'command',
  'args',
  'shell',
  'setup',
  'env',
  'files',
  'stdin',
  'stdout',
  'stderr',
  'image',
  'slurm',
  'pod',
  'resources',
  'retry',
  'backend',
  'priority',
  'staging',
  'labels',
  'annotations',
]);

/** What a graph is made of. */
export interface Ground {
  readonly name: string;
  readonly namespace: string;
  readonly spec: WorkflowSpec;
  /** Absolute folder of the document. */
  readonly folder: string;
  /** Text of every sheet that `sheetsOf` names and that could be read. */
  readonly sheets: ReadonlyMap<string, string>;
}

/** Parsed, and not yet expanded. */
export interface Planned {
  readonly ground: Ground;
  readonly templates: readonly TaskTemplate[];
}

export function haveSameShape(a: Planned, b: Planned): boolean {
  if (a.templates.length !== b.templates.length || !standOnTheSame(a.ground, b.ground)) return false;
  return a.templates.every((template, i) => {
    const other = b.templates[i] as TaskTemplate;
    return shapeOf(template, a.ground.spec) === shapeOf(other, b.ground.spec);
  });
}

function standOnTheSame(a: Ground, b: Ground): boolean {
  if (a.name !== b.name || a.namespace !== b.namespace || a.folder !== b.folder) return false;
  if (a.sheets.size !== b.sheets.size || [...a.sheets].some(([path, text]) => b.sheets.get(path) !== text))
    return false;
  return frameOf(a.spec) === frameOf(b.spec);
}

/** Defaults are part of every entry, and parameters count where they are used. */
function frameOf(spec: WorkflowSpec): string {
  return canonicalJson({ ...spec, tasks: null, params: null, defaults: null } as unknown as Json);
}

function shapeOf(template: TaskTemplate, spec: WorkflowSpec): string {
  const fields = Object.entries(template.spec).filter(([name]) => !BODY_FIELDS.has(name));
  const expressions = allExpressions(template).filter(
    ({ field, expression }) => needsFirst(field) || mentions(expression),
  );
  return canonicalJson({
    kind: template.body.kind,
    fields: Object.fromEntries(fields) as Json,
    expressions: expressions.map(({ field, expression }) => [field, expression.source]),
    params: paramsOf(expressions, spec),
  });
}

export function haveSameText(a: TaskTemplate, b: TaskTemplate): boolean {
  return canonicalJson(a.spec as unknown as Json) === canonicalJson(b.spec as unknown as Json);
}

/** Whether its expressions have the same parameters to read in both. */
export function readSameParams(template: TaskTemplate, a: WorkflowSpec, b: WorkflowSpec): boolean {
  const expressions = allExpressions(template);
  return canonicalJson(paramsOf(expressions, a)) === canonicalJson(paramsOf(expressions, b));
}

function mentions(expression: Expression): boolean {
  return expression.references.some(({ root }) => root === 'tasks');
}

/** By name, the parameters that these expressions read. */
function paramsOf(expressions: ReturnType<typeof allExpressions>, { params = {} }: WorkflowSpec): Json {
  const values: Record<string, Json> = {};
  for (const { expression } of expressions)
    for (const reference of expression.references)
      if (reference.root === 'params' && Object.hasOwn(params, reference.name))
        values[`=${reference.name}`] = params[reference.name] as Json;
  return values;
}
