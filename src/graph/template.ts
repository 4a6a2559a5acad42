import { shellOf } from '../apis/defaults.ts';
import type { Diagnostic } from '../apis/diagnostic.ts';
import { effectiveTask } from '../apis/merge.ts';
import type { InputSpec, OutputSpec, TaskSpec, WorkflowSpec } from '../apis/workflow.ts';
import type { Result } from '../base/result.ts';
import type { Expression } from '../expressions/expression.ts';
import type { Problem } from '../expressions/problem.ts';
import { parseScript, type Script } from '../expressions/script.ts';
import { parseTemplate, type Template } from '../expressions/template.ts';

/**
 * One entry of `spec.tasks` with every field parsed, before fan-out. Elements share it.
 */
export interface TaskTemplate {
  readonly index: number;
  readonly name: string;
  /** Merged with the defaults. */
  readonly spec: TaskSpec;
  readonly body: Body;
  readonly setup: Script | undefined;
  readonly texts: readonly TextField[];
  readonly inputs: readonly { readonly spec: InputSpec; readonly templates: readonly Template[] }[];
  readonly outputs: readonly { readonly spec: OutputSpec; readonly template: Template }[];
  readonly workdir: Template | undefined;
  /** `cpu`, `memory`, `gpu`, `walltime`: as far as they are text. */
  readonly resources: readonly { readonly name: string; readonly template: Template }[];
  readonly key: Template | undefined;
  readonly fanoutFields: readonly TextField[];
}

export type Body =
  | { readonly kind: 'Run'; readonly script: Script; readonly shell: readonly string[] }
  | { readonly kind: 'Command'; readonly words: number }
  | { readonly kind: 'Gate' };

/** A text field whose rendered value is part of the definition, where `identity` says so: `env.X`, `command[0]`, `files.cfg.content`. */
export interface TextField {
  readonly slot: string;
  readonly path: readonly (string | number)[];
  readonly template: Template;
  readonly identity: boolean;
}

export interface ParseContext {
  readonly spec: WorkflowSpec;
  readonly diagnostics: Diagnostic[];
}

/** Parses all fields of entry `index`; what does not parse is reported and left empty. */
export function parseTaskTemplate(context: ParseContext, index: number): TaskTemplate {
  const raw = context.spec.tasks[index] as TaskSpec;
  const spec = effectiveTask(context.spec, raw);
  const at = new FieldParser(context, raw, index);
  const shell = shellOf(spec);
  const body: Body =
    spec.run !== undefined
      ? { kind: 'Run', script: at.script(['run'], spec.run, shell), shell }
      : spec.command || spec.args
        ? { kind: 'Command', words: (spec.command?.length ?? 0) + (spec.args?.length ?? 0) }
        : { kind: 'Gate' };
  return {
    index,
    name: spec.name,
    spec,
    body,
    setup: spec.setup === undefined ? undefined : at.script(['setup'], spec.setup, shell),
    texts: textFields(spec, at),
    inputs: (spec.inputs ?? []).map((input, i) => ({
      spec: input,
      templates: inputTexts(input).map(([path, text]) => at.template(['inputs', i, ...path], text)),
    })),
    outputs: (spec.outputs ?? []).map((output, i) => ({
      spec: output,
      template: at.template(
        ['outputs', i, output.path === undefined ? 'glob' : 'path'],
        output.path ?? output.glob ?? '',
      ),
    })),
    workdir: spec.workdir === undefined ? undefined : at.template(['workdir'], spec.workdir),
    resources: Object.entries(spec.resources ?? {}).flatMap(([name, value]) =>
      typeof value === 'string' ? [{ name, template: at.template(['resources', name], value) }] : [],
    ),
    key: spec.foreach?.key === undefined ? undefined : at.template(['foreach', 'key'], spec.foreach.key),
    fanoutFields: fanoutFields(spec, at),
  };
}

function inputTexts(input: InputSpec): [(string | number)[], string][] {
  if (input.path !== undefined) return [[['path'], input.path]];
  if (input.glob !== undefined) return [[['glob'], input.glob]];
  return (input.paths ?? []).map((text, i) => [['paths', i], text]);
}

function textFields(spec: TaskSpec, at: FieldParser): TextField[] {
  const fields: TextField[] = [];
  const add = (slot: string, path: readonly (string | number)[], text: string | undefined, identity = true): void => {
    if (text !== undefined) fields.push({ slot, path: at.place(path), template: at.template(path, text), identity });
  };
  for (const [i, word] of (spec.command ?? []).entries()) add(`command[${i}]`, ['command', i], word);
  for (const [i, word] of (spec.args ?? []).entries()) add(`args[${i}]`, ['args', i], word);
  for (const [i, variable] of (spec.env ?? []).entries())
    if (!variable.valueFrom)
      add(`env.${variable.name}`, ['env', i, 'value'], variable.value ?? '', variable.identity !== 'Exclude');
  for (const [i, file] of (spec.files ?? []).entries()) {
    add(`files.${file.name}.content`, ['files', i, 'content'], file.content);
    add(`files.${file.name}.path`, ['files', i, 'path'], file.path);
  }
  for (const stream of ['stdin', 'stdout', 'stderr'] as const) add(stream, [stream], spec[stream]);
  if (spec.image !== '') add('image', ['image'], spec.image);
  for (const [name, value] of Object.entries(spec.slurm ?? {})) {
    if (typeof value === 'string') add(`slurm.${name}`, ['slurm', name], value, false);
    if (Array.isArray(value))
      value.forEach((word: string, i) => add(`slurm.${name}[${i}]`, ['slurm', name, i], word, false));
  }
  return fields;
}

function fanoutFields(spec: TaskSpec, at: FieldParser): TextField[] {
  const foreach = spec.foreach;
  if (!foreach) return [];
  const fields: TextField[] = [];
  const add = (slot: string, path: readonly (string | number)[], text: unknown): void => {
    if (typeof text === 'string')
      fields.push({ slot, path: at.place(path), template: at.template(path, text), identity: false });
  };
  add('itemsFrom', ['foreach', 'itemsFrom'], foreach.itemsFrom);
  add('rows.path', ['foreach', 'rows', 'path'], foreach.rows?.path);
  for (const name of ['start', 'count', 'step'] as const)
    add(`range.${name}`, ['foreach', 'range', name], foreach.range?.[name]);
  for (const [i, axis] of (foreach.matrix ?? []).entries())
    add(`matrix[${i}].valuesFrom`, ['foreach', 'matrix', i, 'valuesFrom'], axis.valuesFrom);
  return fields;
}

/** Parses fields and places what is wrong with them: in the task, or in the defaults it came from. */
class FieldParser {
  readonly #context: ParseContext;
  readonly #raw: TaskSpec;
  readonly #index: number;

  constructor(context: ParseContext, raw: TaskSpec, index: number) {
    this.#context = context;
    this.#raw = raw;
    this.#index = index;
  }

  place(path: readonly (string | number)[]): readonly (string | number)[] {
    const own = Object.hasOwn(this.#raw, path[0] as string);
    return own ? ['spec', 'tasks', this.#index, ...path] : ['spec', 'defaults', ...path];
  }

  template(path: readonly (string | number)[], text: string): Template {
    return this.#take(parseTemplate(text), path) ?? { source: text, literals: [text], expressions: [] };
  }

  script(path: readonly (string | number)[], text: string, shell: readonly string[]): Script {
    const script = this.#take(parseScript(text, shell), path);
    for (const warning of script?.warnings ?? []) this.#report(warning, path);
    return (
      script ?? {
        source: text,
        literals: [text],
        expressions: [],
        leadingCommand: undefined,
        warnings: [],
        segments: [text],
        sites: [],
      }
    );
  }

  #take<T>(parsed: Result<T, readonly Problem[]>, path: readonly (string | number)[]): T | undefined {
    if (parsed.ok) return parsed.value;
    for (const problem of parsed.error) this.#report(problem, path);
    return undefined;
  }

  #report(problem: Problem, path: readonly (string | number)[]): void {
    this.#context.diagnostics.push(placed(problem, this.place(path)));
  }
}

export function placed(problem: Problem, path: readonly (string | number)[]): Diagnostic {
  return {
    severity: problem.severity,
    code: problem.code,
    path,
    message: problem.message,
    hint: problem.hint,
    offset: problem.offset,
    length: problem.length,
  };
}

/** Every expression of the template with the field it stands in, in a fixed order. */
export function allExpressions(template: TaskTemplate): { readonly field: string; readonly expression: Expression }[] {
  const found: { field: string; expression: Expression }[] = [];
  const add = (field: string, expressions: readonly Expression[]): void => {
    for (const expression of expressions) found.push({ field, expression });
  };
  if (template.body.kind === 'Run') add('run', template.body.script.expressions);
  if (template.setup) add('setup', template.setup.expressions);
  for (const text of template.texts) add(text.slot, text.template.expressions);
  for (const input of template.inputs) for (const t of input.templates) add(`inputs.${input.spec.name}`, t.expressions);
  for (const output of template.outputs) add(`outputs.${output.spec.name}`, output.template.expressions);
  if (template.workdir) add('workdir', template.workdir.expressions);
  for (const resource of template.resources) add(`resources.${resource.name}`, resource.template.expressions);
  if (template.key) add('foreach.key', template.key.expressions);
  for (const text of template.fanoutFields) add(`foreach.${text.slot}`, text.template.expressions);
  return found;
}
