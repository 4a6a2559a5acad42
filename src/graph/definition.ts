import { DEFAULT_FILE_TYPE } from '../apis/defaults.ts';
import type { Diagnostic } from '../apis/diagnostic.ts';
import { digestOf } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import { type Expression, evaluateFully } from '../expressions/expression.ts';
import type { Scope } from '../expressions/scope.ts';
import type { Script } from '../expressions/script.ts';
import type { Template } from '../expressions/template.ts';
import { ABSENT, toJson } from '../expressions/value.ts';
import type { Element } from './element.ts';
import { absolutePath } from './paths.ts';
import type { Scopes } from './scope.ts';
import { allExpressions, type TaskTemplate, type TextField } from './template.ts';

/**
 * What counts in the definition of one element (`docs/language.md`, column *identity*).
 *
 * An expression enters as its value. Three kinds do not: a late one enters as its text, since its value is bound
 * per attempt; a plain `inputs.x`, `outputs.x`, `files.x` enters by that name; a plain `tasks.x…` enters as a
 * mention, whose digest the edge contributes. So neither the path nor the name of an upstream is identity.
 */
export interface Definition {
  /** Values that the elements of its template need not have in common; undefined: there are none but its outputs. */
  readonly own: { readonly [slot: string]: Json } | undefined;
  readonly code: readonly string[];
}

export interface DefinitionSource {
  readonly template: TaskTemplate;
  readonly element: Element;
  readonly scopes: Scopes;
  readonly diagnostics: Diagnostic[];
}

export function bindDefinition(source: DefinitionSource): Definition {
  const code = trackedScripts(source);
  const { template, element, scopes } = source;
  const { varying, mentioned, files } = sharedPart(template);
  const script = template.body.kind === 'Run' && template.body.script.expressions.length > 0;
  const setup = (template.setup?.expressions.length ?? 0) > 0;
  if (!script && !setup && varying.length === 0) return { own: undefined, code };
  const scope = { ...scopes.of(element, 'relative', mentioned), files };
  const early = new EarlyValues(source, scope);
  const own: Record<string, Json> = {};
  if (template.body.kind === 'Run') scriptValues('run', template.body.script, early, own);
  if (template.setup) scriptValues('setup', template.setup, early, own);
  for (const field of varying) own[field.slot] = textValue(field.template, early, field.path.slice(3));
  return { own: Object.keys(own).length > 0 ? own : undefined, code };
}

export interface SharedDefinition {
  readonly json: Json;
  readonly digest: string;
  readonly handling: string;
  /** Tasks that its expressions mention. */
  readonly mentioned: ReadonlySet<string>;
  readonly files: Record<string, string>;
  /** Values of texts that are the same for every element: nothing in them counts by its value. */
  readonly constant: { readonly [slot: string]: Json };
  /** The other texts that count. */
  readonly varying: readonly TextField[];
}

const shared = new WeakMap<TaskTemplate, SharedDefinition>();

function isConstant({ template }: TextField): boolean {
  return template.expressions.every((e) => !e.late && slotMark(e) !== undefined);
}

/** The part of the definition that all elements share; made once per template. */
export function sharedPart(template: TaskTemplate): SharedDefinition {
  const known = shared.get(template);
  if (known) return known;
  const { spec, body } = template;
  const json: Record<string, Json> = {
    outputs: [...template.outputs]
      .map((o) => ({
        name: o.spec.name,
        form: o.spec.path === undefined ? 'glob' : 'path',
        type: o.spec.type ?? DEFAULT_FILE_TYPE,
        optional: o.spec.optional ?? false,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
  if (body.kind === 'Run') {
    json['run'] = scriptText(body.script);
    json['shell'] = [...body.shell];
  }
  if (body.kind === 'Command') json['words'] = body.words;
  if (template.setup) json['setup'] = scriptText(template.setup);
  for (const file of spec.files ?? []) if (file.mode !== undefined) json[`files.${file.name}.mode`] = file.mode;
  for (const { name, valueFrom, identity } of spec.env ?? [])
    if (valueFrom && identity !== 'Exclude') json[`env.${name}`] = { ...valueFrom } as unknown as Json;
  const mentioned = new Set<string>();
  for (const { expression } of allExpressions(template))
    for (const r of expression.references) if (r.root === 'tasks') mentioned.add(r.task);
  const constant: Record<string, Json> = {};
  const texts = template.texts.filter((field) => field.identity);
  for (const field of texts) if (isConstant(field)) constant[field.slot] = textValue(field.template, undefined, []);
  const made = {
    json,
    digest: digestOf(json),
    handling: handlingOf(template),
    mentioned,
    files: fileNames(template),
    constant,
    varying: texts.filter((field) => !isConstant(field)),
  };
  shared.set(template, made);
  return made;
}

/** The script with a mark for each expression instead of its value. */
function scriptText(script: Script): Json {
  const parts: Json[] = [];
  script.literals.forEach((literal, i) => {
    parts.push(literal);
    const expression = script.expressions[i];
    if (expression) parts.push({ slot: slotMark(expression) ?? 'value' });
  });
  return parts;
}

/** How an expression enters that does not enter by value; undefined: by value. */
function slotMark(expression: Expression): string | undefined {
  if (expression.late) return `late ${expression.source}`;
  const { pure } = expression;
  if (pure?.root === 'inputs' || pure?.root === 'outputs' || pure?.root === 'files') return `${pure.root}.${pure.name}`;
  if (pure?.root === 'tasks') return 'mention';
  return undefined;
}

function scriptValues(field: string, script: Script, early: EarlyValues, values: Record<string, Json>): void {
  script.expressions.forEach((expression, i) => {
    const value = early.of(expression, [field]);
    if (value !== undefined) values[`${field}#${i + 1}`] = value;
  });
}

/** A text with its early values in it; what enters by name stays a mark. */
function textValue(template: Template, early: EarlyValues | undefined, path: readonly (string | number)[]): Json {
  const parts: Json[] = [template.literals[0] as string];
  template.expressions.forEach((expression, i) => {
    const value = early?.of(expression, path);
    const mark = slotMark(expression);
    const text = value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
    const literal = template.literals[i + 1] as string;
    const last = parts[parts.length - 1];
    if (mark === undefined && typeof last === 'string') parts[parts.length - 1] = last + text + literal;
    else parts.push(value === undefined ? { slot: mark ?? 'value' } : { slot: mark ?? 'value', value }, literal);
  });
  return parts.length === 1 ? (parts[0] as string) : parts;
}

/** Values of expressions as the definition of one element sees them. */
class EarlyValues {
  readonly #source: DefinitionSource;
  readonly #scope: Scope;

  constructor(source: DefinitionSource, scope: Scope) {
    this.#source = source;
    this.#scope = scope;
  }

  /** Undefined: it enters otherwise, or only by its edges. What cannot be evaluated is reported at `path`. */
  of(expression: Expression, path: readonly (string | number)[]): Json | undefined {
    if (expression.late) return this.#usedByLate(expression);
    if (slotMark(expression) !== undefined) return undefined;
    // Phases and lists of failed keys are known only when upstreams have ended: they come in through the edge.
    if (expression.references.some((r) => r.root === 'tasks' && r.member !== 'outputs' && r.member !== 'keys'))
      return undefined;
    const value = evaluateFully(expression, this.#scope);
    if (value.ok) return value.value === ABSENT ? null : toJson(value.value);
    // What is absent now may be there when the task starts, and is judged then.
    if (!value.error.absent) this.#report(expression, path, value.error.message);
    return null;
  }

  /** A late expression counts by its text; parameters and the element's values that it uses count by value. */
  #usedByLate(expression: Expression): Json | undefined {
    const used: Record<string, Json> = {};
    for (const reference of expression.references) {
      const value =
        reference.root === 'params'
          ? this.#scope.params?.[reference.name]
          : reference.root === 'item' || reference.root === 'key'
            ? this.#scope[reference.root]
            : undefined;
      const name = reference.root === 'params' ? `params.${reference.name}` : reference.root;
      if (value !== undefined) used[name] = toJson(value);
    }
    return Object.keys(used).length > 0 ? used : undefined;
  }

  #report(expression: Expression, path: readonly (string | number)[], message: string): void {
    const { template, element, diagnostics } = this.#source;
    const place = ['spec', 'tasks', template.index, ...path];
    const known = diagnostics.some(
      (d) => d.code === 'E-EXPRESSION' && d.offset === expression.offset && d.path[2] === template.index,
    );
    if (known) return;
    diagnostics.push({
      severity: 'error',
      code: 'E-EXPRESSION',
      path: place,
      message: `${element.key}: ${message}`,
      offset: expression.offset,
      length: expression.length,
    });
  }
}

function fileNames(template: TaskTemplate): Record<string, string> {
  return Object.fromEntries((template.spec.files ?? []).map((f) => [f.name, `files.${f.name}`]));
}

/** Fields that change how a task is run, not what it makes: a failed task notices, a finished one does not. */
function handlingOf(template: TaskTemplate): string {
  const { spec } = template;
  const excluded = (spec.env ?? []).filter((v) => v.identity === 'Exclude');
  return digestOf({
    resources: (spec.resources ?? {}) as Json,
    retry: (spec.retry ?? {}) as Json,
    backend: spec.backend ?? '',
    staging: spec.staging ?? '',
    env: excluded as unknown as Json,
    ...(spec.slurm === undefined ? {} : { slurm: spec.slurm as Json }),
    ...(spec.pod === undefined ? {} : { pod: spec.pod as unknown as Json }),
  });
}

/**
 * `./call.sh` at the start of a script, or as the program of an argv, is the user's code: its content counts. One
 * that another task makes is an output and counts by its edge.
 */
function trackedScripts(source: DefinitionSource): string[] {
  const { template, element } = source;
  const word = template.body.kind === 'Run' ? template.body.script.leadingCommand : template.spec.command?.[0];
  if (word === undefined || !/^\.{1,2}\//.test(word) || word.includes('${{')) return [];
  return [absolutePath(element.workdir, word)];
}
