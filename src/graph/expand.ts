import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import { parseFileGlob } from '../base/file-glob.ts';
import { isGlob } from '../base/glob.ts';
import { limitHeapGrowth } from '../base/heap-growth.ts';
import { MAX_EDGES, MAX_TASKS } from '../base/limits.ts';
import { fail } from '../base/result.ts';
import type { Scope } from '../expressions/scope.ts';
import { renderText, type Template } from '../expressions/template.ts';
import { bindInput, isAbsentInput, rebinds } from './bind-input.ts';
import { type DeclaredOutput, declaredOutput } from './bound-output.ts';
import { topologicalOrder } from './dag.ts';
import { Element, type ExpandedTemplate } from './element.ts';
import { expandFanout } from './fanout.ts';
import type { GraphTask } from './graph.ts';
import { absolutePath } from './paths.ts';
import { paramTypesOf, Scopes } from './scope.ts';
import { allExpressions, type TaskTemplate } from './template.ts';

/**
 * Expands templates to elements and binds their paths: workdir, then inputs, then outputs. A template comes after
 * those whose outputs its own inputs and fan-out mention, so every path is known when it is read.
 */
export interface ExpansionSource {
  readonly name: string;
  readonly namespace: string;
  readonly spec: WorkflowSpec;
  readonly workdir: string;
  readonly sheets: ReadonlyMap<string, string>;
  readonly templates: readonly TaskTemplate[];
  readonly diagnostics: Diagnostic[];
}

export interface Expansion {
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  readonly scopes: Scopes;
}

export function expandTemplates(source: ExpansionSource): Expansion {
  const expanded = new Map<string, ExpandedTemplate>();
  const scopeSource = {
    workdir: source.workdir,
    params: source.spec.params ?? {},
    paramTypes: paramTypesOf(source.spec),
    workflow: { name: source.name, namespace: source.namespace },
    expanded,
  };
  const scopes = new Scopes(scopeSource);
  const unmade = new Scopes({ ...scopeSource, upstream: () => NOTHING_MADE });
  const order = templateOrder(source);
  let total = 0;
  let paths = 0;
  for (const index of order) {
    const template = source.templates[index] as TaskTemplate;
    const fanOut = template.spec.foreach !== undefined;
    const elements = fanOut
      ? expandFanout(
          {
            scope: scopes.global('relative'),
            workdir: source.workdir,
            sheets: source.sheets,
            expanded,
            report: (d) => source.diagnostics.push(d),
          },
          template,
        )
      : [new Element(template.name, undefined, undefined)];
    total += elements.length;
    if (total > MAX_TASKS) {
      source.diagnostics.push(limit(index, ['foreach'], `more than MAX_TASKS (${MAX_TASKS}) tasks in all`));
      break;
    }
    // Before most of it is made: how far a heap may grow is settled at each collection for the time until the next.
    limitHeapGrowth(total);
    const mentioned = mentionedFirst(template);
    const declared = template.outputs.map(({ spec }) => declaredOutput(source.spec, spec, source.workdir));
    for (const element of elements) {
      paths += bindPaths(source, scopes, unmade, template, declared, element, mentioned);
      if (paths > MAX_EDGES) {
        source.diagnostics.push(limit(index, ['inputs'], `more than MAX_EDGES (${MAX_EDGES}) paths of inputs in all`));
        return { expanded, scopes };
      }
    }
    expanded.set(template.name, new Group(template, elements, fanOut, -1));
  }
  // Indexes follow the order of the document, whatever the order of expansion was.
  let first = 0;
  for (const template of source.templates) {
    const group = expanded.get(template.name);
    if (!group) continue;
    expanded.set(template.name, new Group(template, group.elements, group.fanOut, first));
    first += group.elements.length;
  }
  return { expanded, scopes };
}

export class Group implements ExpandedTemplate {
  readonly template: TaskTemplate;
  readonly elements: readonly Element[];
  readonly fanOut: boolean;
  readonly first: number;
  /** Made when the first element is looked for by its key: most never are. */
  #byElementKey: Map<string, number> | undefined;

  constructor(template: TaskTemplate, elements: readonly Element[], fanOut: boolean, first: number) {
    this.template = template;
    this.elements = elements;
    this.fanOut = fanOut;
    this.first = first;
  }

  get byElementKey(): ReadonlyMap<string, number> {
    this.#byElementKey ??= new Map(this.elements.map((e, i) => [e.elementKey ?? '', i]));
    return this.#byElementKey;
  }
}

/** Fields whose values must be known while expanding. */
export function needsFirst(field: string): boolean {
  return /^(inputs|outputs|foreach|workdir)/.test(field);
}

/** Tasks that such fields mention. */
function mentionedFirst(template: TaskTemplate): Set<string> {
  const names = new Set<string>();
  for (const { field, expression } of allExpressions(template))
    if (needsFirst(field)) for (const r of expression.references) if (r.root === 'tasks') names.add(r.task);
  return names;
}

function templateOrder(source: ExpansionSource): readonly number[] {
  const byName = new Map(source.templates.map((t) => [t.name, t.index]));
  const upstream = source.templates.map((template) => {
    const names = mentionedFirst(template);
    const foreach = template.spec.foreach;
    if (foreach?.each !== undefined) names.add(foreach.each);
    for (const axis of foreach?.matrix ?? []) if (axis.each !== undefined) names.add(axis.each);
    return [...names].flatMap((name) => byName.get(name) ?? []);
  });
  const order = topologicalOrder(source.templates.length, upstream);
  if ('order' in order) return [...order.order];
  const names = order.cycle.map((i) => (source.templates[i] as TaskTemplate).name);
  source.diagnostics.push(cycleDiagnostic(order.cycle[0] as number, names));
  return [];
}

function limit(template: number, at: readonly string[], message: string): Diagnostic {
  return { severity: 'error', code: 'E-LIMIT', path: ['spec', 'tasks', template, ...at], message };
}

/** How an upstream looks that ended without a result. */
const NOTHING_MADE = { phase: 'Failed', reason: '', outputs: new Map<string, readonly string[]>() };

/** The paths of an input where none of its upstreams made anything; undefined: there is no value then. */
function fallbackOf(
  source: ExpansionSource,
  unmade: Scopes,
  input: TaskTemplate['inputs'][number],
  element: Element,
  mentioned: ReadonlySet<string>,
): readonly string[] | undefined {
  const scope = unmade.of(element, 'relative', mentioned);
  const paths = isAbsentInput(input, scope) ? undefined : bindInput(input, scope, source.workdir);
  return paths?.ok ? paths.value : undefined;
}

/** Gives how many input paths the element has. */
function bindPaths(
  source: ExpansionSource,
  scopes: Scopes,
  unmade: Scopes,
  template: TaskTemplate,
  declared: readonly DeclaredOutput[],
  element: Element,
  mentioned: ReadonlySet<string>,
): number {
  const base = ['spec', 'tasks', template.index] as const;
  const text = (t: Template, scope: Scope, path: readonly (string | number)[]): string | undefined => {
    if (t.expressions.length === 0) return t.literals[0];
    const value = renderText(t, scope);
    if (value.ok) return value.value;
    reportAt(source, t, [...base, ...path], `${element.key}: ${value.error}`);
    return undefined;
  };
  const early = scopes.of(element, 'relative', mentioned);
  const workdir = template.workdir ? text(template.workdir, early, ['workdir']) : undefined;
  element.workdir = workdir === undefined ? source.workdir : absolutePath(source.workdir, workdir);
  const inputs: Element['inputs'][number][] = [];
  for (const [i, input] of template.inputs.entries()) {
    const list = input.spec.path === undefined;
    const paths = bindInput(input, early, source.workdir);
    if (paths.ok && input.spec.glob !== undefined) checkGlob(source, paths.value[0] ?? '', [...base, 'inputs', i]);
    if (paths.ok) {
      const fallback = rebinds(input) ? fallbackOf(source, unmade, input, element, mentioned) : undefined;
      inputs.push({ name: input.spec.name, paths: paths.value, list, fallback });
    } else reportAt(source, paths.error.template, [...base, 'inputs', i], `${element.key}: ${paths.error.message}`);
  }
  // Exact in size: a list that was pushed to has room for more, and there are as many as tasks.
  if (inputs.length > 0) element.inputs = inputs.slice();
  const bound: DeclaredOutput[] = [];
  const paths: string[] = [];
  const reader = template.outputs.length > 0 ? scopes.of(element, scopes.formFor(element), mentioned) : early;
  for (const [i, output] of template.outputs.entries()) {
    const path = text(output.template, reader, ['outputs', i]);
    if (path === undefined) continue;
    if (path === '') {
      reportAt(source, output.template, [...base, 'outputs', i], `${element.key}: the path is empty`);
      continue;
    }
    const one = declared[i] as DeclaredOutput;
    bound.push(one);
    paths.push(absolutePath(element.workdir, path));
    if (one.form === 'glob') checkGlob(source, paths.at(-1) as string, [...base, 'outputs', i]);
  }
  // Exact in size, as above; and one list for all elements, unless there is an error that ends this.
  element.bindOutputs(bound.length === declared.length ? declared : bound, paths.slice());
  return element.inputs.reduce((sum, input) => sum + input.paths.length, 0);
}

/** Said once for a template: its elements mostly differ in what a pattern says, not in whether it can be read. */
function checkGlob(source: ExpansionSource, pattern: string, path: readonly (string | number)[]): void {
  // Patterns are absolute from here on: a wildcard in the folder's own name would match as well.
  const glob = isGlob(source.workdir)
    ? fail(`a pattern cannot be used in ${source.workdir}, whose name holds one of * ? [ {`)
    : parseFileGlob(pattern);
  const known = source.diagnostics.at(-1);
  if (glob.ok || (known?.code === 'E-GLOB' && known.path.join('/') === path.join('/'))) return;
  source.diagnostics.push({ severity: 'error', code: 'E-GLOB', path, message: glob.error });
}

function reportAt(
  source: ExpansionSource,
  template: Template,
  path: readonly (string | number)[],
  message: string,
): void {
  const [first] = template.expressions;
  source.diagnostics.push({
    severity: 'error',
    code: 'E-EXPRESSION',
    path,
    message,
    offset: first?.offset,
    length: first?.length,
  });
}

export function describeCycle(tasks: readonly GraphTask[], cycle: readonly number[]): Diagnostic {
  const names = cycle.map((i, at) => {
    const task = tasks[i] as GraphTask;
    const from = cycle[(at + cycle.length - 1) % cycle.length];
    const kind = task.upstream.find((e) => e.from === from)?.kind;
    return `${task.key}${kind ? ` (${kind})` : ''}`;
  });
  return cycleDiagnostic((tasks[cycle[0] as number] as GraphTask).template, names);
}

function cycleDiagnostic(template: number, names: readonly string[]): Diagnostic {
  const shown = names.length > 12 ? [...names.slice(0, 11), '…', names[names.length - 1]] : names;
  return {
    severity: 'error',
    code: 'E-CYCLE',
    path: ['spec', 'tasks', template],
    message: `the tasks wait for one another: ${[...shown, names[0]].join(' → ')}`,
    hint: 'Take one of these edges away.',
  };
}
