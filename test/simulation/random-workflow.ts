import type { TaskSpec, TriggerRule, WorkflowDocument, WorkflowSpec } from '../../src/apis/workflow.ts';
import type { Random } from './random.ts';

/**
 * Random workflows and random edits of them. A model keeps edges by number, so that an edit may rename or remove
 * what others refer to; `documentOf` writes it as a user would. Edges lead from earlier to later tasks only.
 */
export interface Model {
  readonly tasks: readonly ModelTask[];
  readonly params: Readonly<Record<string, string>>;
  readonly settings: Pick<
    WorkflowSpec,
    'parallelism' | 'convergence' | 'onChangeWhileRunning' | 'failurePolicy' | 'prune'
  >;
}

export interface ModelTask {
  readonly id: number;
  readonly name: string;
  /** Part of the command: a change of it is a change of the task. */
  readonly salt: number;
  readonly gate: boolean;
  readonly param: string | undefined;
  /** External files by number. */
  readonly files: readonly number[];
  /** Upstreams whose first output is a declared input. */
  readonly inputs: readonly number[];
  /** Upstreams whose first output the command mentions. */
  readonly mentions: readonly number[];
  readonly dependsOn: readonly number[];
  /** Of `dependsOn`: those whose outputs the command reads without saying so in an expression. */
  readonly silent: readonly number[];
  readonly after: readonly number[];
  readonly items: readonly string[] | undefined;
  /** A fan-out whose elements this one follows. */
  readonly each: number | undefined;
  readonly outputs: number;
  /** Part of the output paths. */
  readonly place: number;
  readonly retries: number;
  readonly cpu: number;
  readonly triggerRule: TriggerRule | undefined;
  readonly allowFailure: boolean;
  /** An input that is the first output of the first of these that made one; without a second, an external file. */
  readonly either: readonly number[];
  readonly resetAlso: 'Parents' | 'Ancestors' | undefined;
}

export const FOLDER = '/w';
export const EXTERNAL_FILES = 4;
const PARAMS = ['p', 'q'];

export function externalFile(number: number): string {
  return `${FOLDER}/in/${number}`;
}

export function randomModel(random: Random): Model {
  let model: Model = { tasks: [], params: { p: 'p0', q: 'q0' }, settings: {} };
  const count = random.between(2, 8);
  for (let i = 0; i < count; i++) model = addTask(model, random);
  if (random.chance(0.2)) model = changeSettings(model, random);
  return model;
}

function changeSettings(model: Model, random: Random): Model {
  const settings: Model['settings'] = {
    ...(random.chance(0.3) ? { parallelism: random.between(1, 3) } : {}),
    ...(random.chance(0.3) ? { convergence: 'ResetDescendants' as const } : {}),
    ...(random.chance(0.4) ? { onChangeWhileRunning: 'Finish' as const } : {}),
    ...(random.chance(0.2) ? { prune: 'Keep' as const } : {}),
    ...(random.chance(0.2) ? { failurePolicy: random.pick(['Stop', 'Cancel'] as const) } : {}),
  };
  return { ...model, settings };
}

let nextId = 0;

/** Ids start afresh, so that a seed gives the same names whatever ran before it. */
export function forgetIds(): void {
  nextId = 0;
}

function addTask(model: Model, random: Random): Model {
  const at = random.between(0, model.tasks.length);
  const earlier = model.tasks.slice(0, at);
  const id = nextId++;
  const few = Math.min(0.4, 1.5 / Math.max(1, earlier.length));
  const makers = earlier.filter((t) => t.outputs > 0 && !t.gate).map((t) => t.id);
  const fanouts = earlier.filter((t) => t.items !== undefined || t.each !== undefined).map((t) => t.id);
  const gate = random.chance(0.08);
  const dependsOn = random.some(
    earlier.map((t) => t.id),
    gate ? few : few / 2,
  );
  const each = !gate && fanouts.length > 0 && random.chance(0.3) ? random.pick(fanouts) : undefined;
  const items =
    !gate && each === undefined && random.chance(0.2) ? ['x', 'y', 'z'].slice(0, random.between(1, 3)) : undefined;
  const inputs = gate ? [] : random.some(makers, few / 2);
  const mentions = gate ? [] : random.some(makers, few / 2);
  const rules: TriggerRule[] = ['AllFinished', 'AllSucceeded', 'AnyFailed', 'AnySucceeded', 'AllFailed'];
  const task: ModelTask = {
    id,
    name: `t${id}`,
    salt: random.below(1000),
    gate,
    param: !gate && random.chance(0.3) ? random.pick(PARAMS) : undefined,
    files: gate ? [] : random.some([...Array(EXTERNAL_FILES).keys()], 0.2),
    inputs,
    mentions,
    dependsOn,
    silent: gate ? [] : random.some(dependsOn, 0.5),
    after: random.some(
      earlier.map((t) => t.id),
      few / 3,
    ),
    items,
    each,
    outputs: gate ? 0 : random.pick([0, 1, 1, 1, 2]),
    place: 0,
    retries: random.pick([0, 0, 1, 2]),
    cpu: random.pick([1, 1, 1, 2]),
    triggerRule:
      inputs.length + mentions.length === 0 && dependsOn.length > 0 && random.chance(0.25)
        ? random.pick(rules)
        : undefined,
    allowFailure: random.chance(0.15),
    either: gate || makers.length === 0 || !random.chance(0.2) ? [] : random.some(makers, few).slice(0, 2),
    resetAlso: random.chance(0.06) ? random.pick(['Parents', 'Ancestors'] as const) : undefined,
  };
  return tidy({ ...model, tasks: [...earlier, task, ...model.tasks.slice(at)] });
}

/** Edges to what is no longer there are dropped. */
function tidy(model: Model): Model {
  const before = new Map<number, ModelTask>();
  const tasks: ModelTask[] = [];
  for (const task of model.tasks) {
    const known = (ids: readonly number[]): number[] => ids.filter((id) => before.has(id));
    const made = (ids: readonly number[]): number[] =>
      known(ids).filter((id) => (before.get(id) as ModelTask).outputs > 0 && !(before.get(id) as ModelTask).gate);
    const each = task.each !== undefined && isFanout(before.get(task.each)) ? task.each : undefined;
    const dependsOn = known(task.dependsOn);
    const early = task.triggerRule === 'AnySucceeded' || task.triggerRule === 'AnyFailed';
    const next: ModelTask = {
      ...task,
      each,
      inputs: made(task.inputs),
      either: made(task.either).filter((id) => !isFanout(before.get(id))),
      mentions: made(task.mentions),
      dependsOn,
      // Where the first upstream fires the task, a broad edge contributes nothing: such a task must not read unseen.
      silent: early ? [] : made(task.silent).filter((id) => dependsOn.includes(id)),
      after: known(task.after),
      triggerRule:
        dependsOn.length > 0 && task.inputs.length + task.mentions.length + task.either.length === 0
          ? task.triggerRule
          : undefined,
    };
    before.set(task.id, next);
    tasks.push(next);
  }
  return { ...model, tasks };
}

function isFanout(task: ModelTask | undefined): boolean {
  return task !== undefined && (task.items !== undefined || task.each !== undefined);
}

/** One edit, named for the history. */
export function edit(model: Model, random: Random): { readonly model: Model; readonly what: string } {
  const { tasks } = model;
  const at = random.below(tasks.length);
  const task = tasks[at] as ModelTask;
  const change = (what: string, part: Partial<ModelTask>): { model: Model; what: string } => ({
    model: tidy({ ...model, tasks: tasks.with(at, { ...task, ...part }) }),
    what: `${what} of ${task.name}`,
  });
  const earlier = tasks.slice(0, at);
  const upstream = earlier.length > 0 ? random.pick(earlier).id : undefined;
  const list = random.pick(['inputs', 'mentions', 'dependsOn', 'after', 'either'] as const);
  switch (random.below(15)) {
    case 0:
    case 1:
    case 2:
      return change('command', { salt: random.below(1000) });
    case 3: {
      const name = random.pick(PARAMS);
      return {
        model: { ...model, params: { ...model.params, [name]: `${name}${random.below(3)}` } },
        what: `param ${name}`,
      };
    }
    case 4:
      return { model: addTask(model, random), what: `add t${nextId - 1}` };
    case 5:
      return tasks.length > 1
        ? { model: tidy({ ...model, tasks: tasks.toSpliced(at, 1) }), what: `remove ${task.name}` }
        : change('command', { salt: random.below(1000) });
    case 6:
      return change('rename', { name: `r${random.below(1000)}x${task.id}` });
    case 7: {
      let renamed = model;
      for (const [i, t] of tasks.entries())
        if (random.chance(0.5))
          renamed = { ...renamed, tasks: renamed.tasks.with(i, { ...t, name: `s${random.below(1000)}x${t.id}` }) };
      return { model: renamed, what: 'rename many' };
    }
    case 8:
      return upstream === undefined
        ? change('cpu', { cpu: 3 - task.cpu })
        : change(`add ${list}`, { [list]: [...new Set([...task[list], upstream])] });
    case 9:
      return change(`drop ${list}`, { [list]: task[list].slice(1) });
    case 10:
      return change('cpu', { cpu: 3 - task.cpu });
    case 11:
      return change('retries', { retries: random.below(3) });
    case 12:
      return change('output place', { place: random.below(3) });
    case 13:
      return task.items
        ? change('items', { items: random.some(['x', 'y', 'z', 'u'], 0.6) })
        : change('outputs', { outputs: task.gate ? 0 : random.below(3) });
    default:
      return { model: changeSettings(model, random), what: 'settings' };
  }
}

export function documentOf(model: Model): WorkflowDocument {
  const byId = new Map(model.tasks.map((t) => [t.id, t]));
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'sim', namespace: 'default', annotations: { 'fixpoint.dev/folder': FOLDER } },
    spec: { ...model.settings, params: model.params, tasks: model.tasks.map((task) => taskSpec(task, byId)) },
  };
}

function taskSpec(task: ModelTask, byId: ReadonlyMap<number, ModelTask>): TaskSpec {
  const names = (ids: readonly number[]): string[] => ids.map((id) => (byId.get(id) as ModelTask).name);
  const common = {
    name: task.name,
    ...(task.dependsOn.length > 0 ? { dependsOn: names(task.dependsOn) } : {}),
    ...(task.after.length > 0 ? { after: names(task.after) } : {}),
    ...(task.allowFailure ? { allowFailure: true } : {}),
    ...(task.triggerRule ? { triggerRule: task.triggerRule } : {}),
  };
  if (task.gate) return common;
  const fanout = isFanout(task);
  const outputOf = (id: number): { text: string; list: boolean } => {
    const upstream = byId.get(id) as ModelTask;
    if (!isFanout(upstream)) return { text: `\${{ tasks.${upstream.name}.outputs.o0 }}`, list: false };
    if (task.each === id) return { text: `\${{ tasks.${upstream.name}.at(key).outputs.o0 }}`, list: false };
    return { text: `\${{ tasks.${upstream.name}.outputs.o0 }}`, list: true };
  };
  const inputs: { name: string; path?: string; paths?: string[] }[] = [
    ...task.files.map((n) => ({ name: `f${n}`, path: externalFile(n) })),
    ...task.inputs.map((id, i) => {
      const { text, list } = outputOf(id);
      return { name: `i${i}`, ...(list ? { paths: [text] } : { path: text }) };
    }),
  ];
  if (task.either.length > 0) {
    const [first, second] = task.either.map((id) => `tasks.${(byId.get(id) as ModelTask).name}.outputs.o0`);
    inputs.push({ name: 'either', path: `\${{ default(${first}, ${second ?? `"${externalFile(0)}"`}) }}` });
  }
  const outputs = Array.from({ length: task.outputs }, (_, i) => ({
    name: `o${i}`,
    path: `o/${task.id}-${task.place}-${i}${fanout ? '-${{ key }}' : ''}`,
  }));
  const words = [
    `make ${task.salt}`,
    ...(task.param === undefined ? [] : [`\${{ params.${task.param} }}`]),
    ...(fanout ? ['${{ key }}'] : []),
    ...inputs.map((i) => `\${{ inputs.${i.name} }}`),
    ...task.mentions.map((id) => outputOf(id).text),
    ...task.silent
      .filter((id) => !isFanout(byId.get(id)))
      .map((id) => `${FOLDER}/o/${id}-${(byId.get(id) as ModelTask).place}-0`),
    ...outputs.map((o) => `\${{ outputs.${o.name} }}`),
  ];
  return {
    ...common,
    run: words.join(' '),
    ...(inputs.length > 0 ? { inputs } : {}),
    ...(outputs.length > 0 ? { outputs } : {}),
    ...(task.items ? { foreach: { items: task.items } } : {}),
    ...(task.each === undefined ? {} : { foreach: { each: (byId.get(task.each) as ModelTask).name } }),
    ...(task.resetAlso ? { resetAlso: { upstream: task.resetAlso } } : {}),
    retry: { limit: task.retries, backoff: { initial: '1s' } },
    resources: { cpu: task.cpu, memory: '1Mi', walltime: '10m' },
  };
}
