import type { Diagnostic } from '../apis/diagnostic.ts';
import type { Foreach, ParamSchema, WorkflowSpec } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import { checkExpression } from '../expressions/check.ts';
import type { Expression } from '../expressions/expression.ts';
import type { Place, TaskPlace } from '../expressions/place.ts';
import { AllButOne } from './all-but-one.ts';
import { placed, type TaskTemplate } from './template.ts';

/**
 * Checks every expression at its place: which names are in scope there and of what type. The table of places is
 * section 5 of the language.
 */
export function checkTemplates(
  spec: WorkflowSpec,
  templates: readonly TaskTemplate[],
  diagnostics: Diagnostic[],
): void {
  const params = paramTypes(spec);
  const tasks = new Map(templates.map((t) => [t.name, taskPlace(t)]));
  let errors = 0;
  for (const template of templates) {
    // More are not shown, and each looks for a name that was meant among all names.
    if (errors >= MAX_DIAGNOSTICS) return;
    const before = diagnostics.length;
    new Checker(spec, template, params, tasks, diagnostics).check();
    for (let i = before; i < diagnostics.length; i++) if (diagnostics[i]?.severity === 'error') errors++;
  }
}

function taskPlace(template: TaskTemplate): TaskPlace {
  return {
    fanOut: template.spec.foreach !== undefined,
    outputs: new Map(template.outputs.map((o) => [o.spec.name, o.spec.path === undefined ? 'list' : 'path'])),
  };
}

class Checker {
  readonly #template: TaskTemplate;
  readonly #base: Place;
  readonly #tasks: ReadonlyMap<string, TaskPlace>;
  readonly #diagnostics: Diagnostic[];

  constructor(
    spec: WorkflowSpec,
    template: TaskTemplate,
    params: ReadonlyMap<string, string>,
    tasks: ReadonlyMap<string, TaskPlace>,
    diagnostics: Diagnostic[],
  ) {
    const fanOut = template.spec.foreach !== undefined;
    const item = template.spec.foreach ? itemType(spec, template.spec.foreach) : undefined;
    this.#template = template;
    this.#tasks = tasks;
    this.#diagnostics = diagnostics;
    this.#base = { field: template.name, params, key: fanOut, late: false, ...(item === undefined ? {} : { item }) };
  }

  check(): void {
    const t = this.#template;
    const own = {
      inputs: new Map(
        t.inputs.map((i) => [i.spec.name, i.spec.path === undefined ? ('list' as const) : ('path' as const)]),
      ),
      outputs: new Map(
        t.outputs.map((o) => [o.spec.name, o.spec.path === undefined ? ('list' as const) : ('path' as const)]),
      ),
      files: new Map((t.spec.files ?? []).map((f) => [f.name, 'path' as const])),
    };
    const others = new AllButOne(this.#tasks, t.name);
    const body = { ...own, tasks: others, late: true };
    if (t.body.kind === 'Run') this.#all(t.body.script.expressions, 'run', this.#path('run'), body);
    if (t.setup) this.#all(t.setup.expressions, 'setup', this.#path('setup'), body);
    for (const field of t.texts) {
      const early = this.#placeOf(field.slot, own, body);
      // A word that is one expression may be a list: it is spliced.
      const { expressions, literals } = field.template;
      const word = /^(command|args)\[/.test(field.slot) && expressions.length === 1 && literals.every((l) => l === '');
      this.#all(expressions, field.slot, field.path, word ? early : { ...early, expect: 'scalar' });
    }
    for (const [i, input] of t.inputs.entries())
      for (const [j, text] of input.templates.entries()) {
        const at = input.spec.paths ? ['paths', j] : [input.spec.glob === undefined ? 'path' : 'glob'];
        this.#all(text.expressions, `inputs.${input.spec.name}.path`, this.#path('inputs', i, ...at), {
          tasks: others,
        });
      }
    for (const [i, output] of t.outputs.entries())
      this.#all(
        output.template.expressions,
        `outputs.${output.spec.name}.path`,
        this.#path('outputs', i, output.spec.path === undefined ? 'glob' : 'path'),
        { inputs: own.inputs, expect: 'scalar' },
      );
    if (t.workdir) this.#all(t.workdir.expressions, 'workdir', this.#path('workdir'), { expect: 'scalar' });
    for (const resource of t.resources)
      this.#all(resource.template.expressions, `resources.${resource.name}`, this.#path('resources', resource.name), {
        late: true,
        inputs: own.inputs,
        tasks: others,
      });
    if (t.key)
      this.#all(t.key.expressions, 'foreach.key', this.#path('foreach', 'key'), { key: false, expect: 'scalar' });
    for (const field of t.fanoutFields)
      this.#all(field.template.expressions, `foreach.${field.slot}`, field.path, { key: false });
  }

  /** What a text may use. Where an attempt runs is nothing that other tasks have made. */
  #placeOf(slot: string, own: Partial<Place>, body: Partial<Place>): Partial<Place> {
    if (slot.startsWith('slurm.')) return { late: true };
    return /^(stdin|stdout|stderr)$/.test(slot) ? own : body;
  }

  #path(...at: (string | number)[]): readonly (string | number)[] {
    return ['spec', 'tasks', this.#template.index, ...at];
  }

  #all(
    expressions: readonly Expression[],
    field: string,
    path: readonly (string | number)[],
    place: Partial<Place>,
  ): void {
    for (const expression of expressions) {
      const whole: Place = { ...this.#base, ...place, field: `tasks.${this.#template.name}.${field}` };
      for (const problem of checkExpression(expression, whole)) this.#diagnostics.push(placed(problem, path));
    }
  }
}

/** Declared types; else what the value is. */
function paramTypes(spec: WorkflowSpec): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const [name, value] of Object.entries(spec.params ?? {})) types.set(name, typeOfJson(value));
  for (const schema of spec.paramSchema ?? ([] as readonly ParamSchema[]))
    types.set(schema.name, schema.type ?? types.get(schema.name) ?? 'any');
  return types;
}

function typeOfJson(value: Json): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'double';
  return 'any';
}

function itemType(spec: WorkflowSpec, foreach: Foreach): string | ReadonlyMap<string, string> | undefined {
  if (foreach.range) return 'int';
  if (foreach.matrix)
    return new Map(
      foreach.matrix.map((axis) => [axis.name, axis.each === undefined ? axisType(axis.values) : 'string']),
    );
  if (foreach.items) return commonType(foreach.items);
  if (foreach.each !== undefined) {
    const source = spec.tasks.find((t) => t.name === foreach.each)?.foreach;
    // `each` of an `each` is followed no further: its element is looked at when it is used.
    return source && source.each === undefined ? itemType(spec, source) : 'any';
  }
  // Rows have more columns than a workflow declares: they are looked at when they are used.
  return 'any';
}

function axisType(values: readonly Json[] | undefined): string {
  return values ? commonType(values) : 'any';
}

/** Ints and doubles together are doubles; anything else mixed is `any`. */
function commonType(values: readonly Json[]): string {
  const types = new Set(values.map(typeOfJson));
  if (types.size === 1) return [...types][0] as string;
  return [...types].every((t) => t === 'int' || t === 'double') && types.size > 0 ? 'double' : 'any';
}
