import { isAbsolute, join } from 'node:path';
import { DEFAULT_FILE_MODE, shellOf } from '../apis/defaults.ts';
import type { Launch, LaunchFile, LaunchOutput } from '../backends/backend.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Expression, evaluate } from '../expressions/expression.ts';
import type { PathValue, Scope } from '../expressions/scope.ts';
import { renderScript, type Script } from '../expressions/script.ts';
import { renderText } from '../expressions/template.ts';
import { ABSENT, type Outcome } from '../expressions/value.ts';
import type { Element } from '../graph/element.ts';
import type { GraphInput, GraphTask } from '../graph/graph.ts';
import { absolutePath } from '../graph/paths.ts';
import { type Scopes, stagedPath } from '../graph/scope.ts';
import { allExpressions, type TaskTemplate } from '../graph/template.ts';
import { ABSENT_DIGEST } from '../planning/facts.ts';
import type { Contributions, Needs, TaskRecord } from '../planning/record.ts';
import { attemptScope } from './attempt-scope.ts';

/**
 * Binds everything late and renders what a backend needs to run one attempt. A value that cannot be rendered is the
 * task's failure (`InvalidValue`), not ours.
 */
export interface LaunchSource {
  readonly workflow: { readonly uid: string; readonly name: string; readonly namespace: string };
  readonly task: GraphTask;
  readonly contributions: Contributions;
  /** As they are bound now that the upstreams have ended. */
  readonly inputs: readonly GraphInput[];
  readonly template: TaskTemplate;
  readonly element: Element;
  /** Scopes that know how upstreams ended. */
  readonly scopes: Scopes;
  readonly record: TaskRecord | undefined;
  readonly number: number;
  readonly token: string;
  readonly directory: string;
  readonly needs: Needs;
  readonly displaceInto: (path: string) => Aside | undefined;
  readonly fileSize: (path: string) => number;
  /** What a pattern of this launch matches. */
  readonly matches: (pattern: string) => readonly string[];
  readonly workflowFolder: string;
}

/** Where what lies at an output's place goes: the folder of an attempt, or of the next; `kept`: nobody's result. */
export interface Aside {
  readonly directory: string | undefined;
  readonly kept: boolean;
}

/** Between TERM and KILL. */
export const CANCEL_GRACE_MS = 10_000;

export function launchOrder(source: LaunchSource): Result<Launch, string> {
  const { task, template } = source;
  const scope = launchScope(source);
  const texts = new Map<string, string>();
  const splices = new Map<string, readonly string[]>();
  for (const field of template.texts) {
    const words = isWord(field.slot) ? spliceOf(field.template.expressions, field.template.literals, scope) : undefined;
    if (words?.some((word) => word.includes('\0'))) return fail(`${field.slot} holds a NUL byte`);
    if (words) {
      splices.set(field.slot, words);
      continue;
    }
    const text = renderText(field.template, scope);
    if (!text.ok) return fail(`${field.slot}: ${text.error}`);
    if (text.value.includes('\0') && !field.slot.endsWith('.content')) return fail(`${field.slot} holds a NUL byte`);
    texts.set(field.slot, text.value);
  }
  const staged = stagedOf(source);
  const command = commandOf(source, scope, texts, splices);
  if (!command.ok) return command;
  const { env = [] } = task.spec;
  const path = (slot: string): string | undefined => {
    const text = texts.get(slot);
    return text === undefined || text === '' ? undefined : absolutePath(task.workdir, text);
  };
  return ok({
    token: source.token,
    directory: source.directory,
    workflow: source.workflow.name,
    namespace: source.workflow.namespace,
    key: task.key,
    number: source.number,
    command: command.value,
    image: texts.get('image'),
    env: env.filter((v) => !v.valueFrom).map((v) => [v.name, texts.get(`env.${v.name}`) ?? ''] as const),
    envFrom: env.flatMap(({ name, valueFrom }) => (valueFrom ? [[name, valueFrom] as const] : [])),
    files: launchFiles(source, texts),
    workdir: staged
      ? (stagedPath(source.workflowFolder, stageRoot(source), task.workdir) ?? stageRoot(source))
      : task.workdir,
    staged,
    stdin: path('stdin'),
    stdout: path('stdout'),
    stderr: path('stderr'),
    inputs: source.inputs.map((i) => ({ name: i.name, paths: inputPaths(source, i) })),
    outputs: launchOutputs(source),
    needs: source.needs,
    slurm: slurmOptions(template, texts),
    pod: task.spec.pod,
    labels: task.spec.labels,
    annotations: task.spec.annotations,
    graceMs: CANCEL_GRACE_MS,
    metadata: {
      version: 1,
      workflow: { ...source.workflow },
      task: task.key,
      attempt: source.number,
      token: source.token,
    },
  });
}

/** Every name of section 5 with its value for this attempt. */
export function launchScope(
  source: Pick<
    LaunchSource,
    | 'template'
    | 'element'
    | 'scopes'
    | 'record'
    | 'directory'
    | 'needs'
    | 'workflow'
    | 'fileSize'
    | 'task'
    | 'inputs'
    | 'contributions'
    | 'workflowFolder'
    | 'matches'
  >,
): Scope {
  const mentioned = new Set<string>();
  for (const { expression } of allExpressions(source.template))
    for (const r of expression.references) if (r.root === 'tasks') mentioned.add(r.task);
  const link = source.task.spec.staging === 'Link';
  const { item, elementKey, workdir, outputs } = source.element;
  const element = {
    item,
    elementKey,
    workdir,
    outputs,
    inputs: source.element.inputs.map((bound, i) => ({
      ...bound,
      paths: inputPaths(source, source.inputs[i] as GraphInput),
    })),
  };
  const scope = source.scopes.of(element, link ? 'absolute' : source.scopes.formFor(element), mentioned);
  const { needs } = source;
  return {
    ...scope,
    ...(link ? { inputs: inStage(source, scope.inputs), outputs: inStage(source, scope.outputs) } : {}),
    files: filePaths(source),
    resources: {
      cpu: BigInt(Math.max(1, Math.ceil(needs.cpu))),
      memory: BigInt(needs.memoryBytes),
      gpu: BigInt(needs.gpu),
      walltime: BigInt(Math.round(needs.walltimeMs / 1000)),
    },
    attempt: attemptScope(source.record, source.directory),
    workflow: { ...scope.workflow, uid: source.workflow.uid, dir: source.workflowFolder },
    filesize: (path) => BigInt(source.fileSize(isAbsolute(path) ? path : join(source.workflowFolder, path))),
  };
}

/** What is there of an optional input: the rest is absent, as its contribution says. */
function inputPaths(source: Pick<LaunchSource, 'matches' | 'contributions'>, input: GraphInput): readonly string[] {
  if (input.form === 'glob') return source.matches(input.paths[0] as string);
  if (!input.optional) return input.paths;
  const digests = source.contributions.precise[`inputs.${input.name}`] ?? [];
  return input.paths.filter((_, at) => digests[at] !== ABSENT_DIGEST);
}

function stageRoot(source: Pick<LaunchSource, 'directory'>): string {
  return join(source.directory, 'work');
}

/** Own inputs and outputs as they are named in the attempt's own folder. */
function inStage(
  source: Pick<LaunchSource, 'directory' | 'workflowFolder'>,
  paths: Scope['inputs'],
): Record<string, PathValue> {
  const moved: Record<string, PathValue> = Object.create(null) as Record<string, PathValue>;
  const at = (path: string): string => stagedPath(source.workflowFolder, stageRoot(source), path) ?? path;
  for (const [name, path] of Object.entries(paths ?? {}))
    moved[name] =
      typeof path === 'string' ? at(path) : Array.isArray(path) ? (path as readonly string[]).map(at) : path;
  return moved;
}

function stagedOf(source: LaunchSource): Launch['staged'] {
  if (source.task.spec.staging !== 'Link') return undefined;
  const at = (path: string): string | undefined => stagedPath(source.workflowFolder, stageRoot(source), path);
  return {
    links: source.inputs.flatMap((i) =>
      inputPaths(source, i).flatMap((path) => {
        const place = at(path);
        return place === undefined ? [] : [{ path, at: place }];
      }),
    ),
    outputs: source.task.outputs.flatMap((o) => {
      const place = at(o.path);
      return place === undefined ? [] : [{ name: o.name, at: place }];
    }),
  };
}

function filePaths(
  source: Pick<LaunchSource, 'template' | 'directory' | 'task' | 'workflowFolder'>,
): Record<string, string> {
  const paths: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const file of source.template.spec.files ?? [])
    paths[file.name] =
      file.path === undefined || file.path.includes('${{')
        ? join(source.directory, 'files', file.name)
        : placeOf(source, file.path);
  return paths;
}

function commandOf(
  source: LaunchSource,
  scope: Scope,
  texts: ReadonlyMap<string, string>,
  splices: ReadonlyMap<string, readonly string[]>,
): Result<Launch['command'], string> {
  const { template } = source;
  const { spec, body } = template;
  const setup = template.setup ? rendered(template.setup, scope, 'setup') : undefined;
  if (setup && !setup.ok) return setup;
  const shell = shellOf(spec);
  if (body.kind === 'Run') {
    const script = rendered(body.script, scope, 'run');
    if (!script.ok) return script;
    return ok({ kind: 'Script', shell, text: `${setup ? `${setup.value}\n` : ''}${script.value}` });
  }
  const argv: string[] = [];
  for (const list of ['command', 'args'] as const) {
    for (const [i, word] of (spec[list] ?? []).entries()) {
      const slot = `${list}[${i}]`;
      argv.push(...(splices.get(slot) ?? [texts.get(slot) ?? word]));
    }
  }
  return ok({ kind: 'Argv', argv, setup: setup?.value, shell });
}

function isWord(slot: string): boolean {
  return slot.startsWith('command[') || slot.startsWith('args[');
}

/** An entry that is exactly one expression of a list is spliced. */
function spliceOf(expressions: readonly Expression[], literals: readonly string[], scope: Scope): string[] | undefined {
  const [only] = expressions;
  if (!only || expressions.length !== 1 || literals.some((l) => l !== '')) return undefined;
  const value = evaluate(only, scope);
  return value.ok && value.value !== ABSENT && Array.isArray(value.value) ? value.value.map(String) : undefined;
}

function rendered(script: Script, scope: Scope, field: string): Result<string, string> {
  const values: Outcome[] = [];
  for (const expression of script.expressions) {
    const value = evaluate(expression, scope);
    if (!value.ok) return fail(`${field}: ${value.error}`);
    values.push(value.value);
  }
  const text = renderScript(script, values);
  if (!text.ok) return fail(`${field}: ${text.error.map((p) => p.message).join('; ')}`);
  return ok(text.value.preamble === '' ? text.value.body : `${text.value.preamble}\n${text.value.body}`);
}

/** As they count for this attempt. */
function slurmOptions({ spec }: TaskTemplate, texts: ReadonlyMap<string, string>): Launch['slurm'] {
  if (spec.slurm === undefined) return undefined;
  const entries = Object.entries(spec.slurm).map(([name, value]) => [
    name,
    Array.isArray(value)
      ? value.map((word: string, i) => texts.get(`slurm.${name}[${i}]`) ?? word)
      : (texts.get(`slurm.${name}`) ?? value),
  ]);
  return Object.fromEntries(entries) as Launch['slurm'];
}

function launchFiles(source: LaunchSource, texts: ReadonlyMap<string, string>): LaunchFile[] {
  return (source.template.spec.files ?? []).map((file) => {
    const path = texts.get(`files.${file.name}.path`);
    return {
      name: file.name,
      path: path === undefined ? undefined : placeOf(source, path),
      content: texts.get(`files.${file.name}.content`) ?? '',
      mode: file.mode === undefined ? DEFAULT_FILE_MODE : Number.parseInt(file.mode, 8),
    };
  });
}

/** Where a file of the document lies: in the attempt's own folder, if it runs in one. */
function placeOf(source: Pick<LaunchSource, 'directory' | 'task' | 'workflowFolder'>, path: string): string {
  const place = absolutePath(source.task.workdir, path);
  if (source.task.spec.staging !== 'Link') return place;
  return stagedPath(source.workflowFolder, stageRoot(source), place) ?? place;
}

function launchOutputs(source: LaunchSource): LaunchOutput[] {
  return source.task.outputs.map((o) => ({
    name: o.name,
    path: o.path,
    form: o.form,
    fingerprint: o.fingerprint,
    optional: o.optional,
    keepPartial: o.keepPartial,
    displaceInto: source.displaceInto(o.path)?.directory,
    keepDisplaced: source.displaceInto(o.path)?.kept ?? false,
  }));
}
