import { type Model, type ModelTask, makersOf, withTask } from './model.ts';
import { EXTERNAL_FILES, randomTask, withEdge } from './random-graph.ts';
import type { Reference } from './reference.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { World } from './world.ts';

/** One random change of the spec or of the world. Undefined: nothing to change that way just now. */
export interface Edited {
  readonly model: Model;
  readonly what: string;
}

export interface EditContext {
  readonly random: SeededRandom;
  readonly model: Model;
  readonly world: World;
  readonly reference: Reference;
  /** For new names. */
  readonly serial: number;
}

type Edit = (context: EditContext) => Edited | undefined;

/** Weights: what users do most comes most. */
const EDITS: readonly (readonly [number, Edit])[] = [
  [12, command],
  [6, cosmetic],
  [8, param],
  [5, comment],
  [5, resources],
  [4, retry],
  [6, added],
  [5, removed],
  [6, renamed],
  [12, edgeAdded],
  [9, edgeDropped],
  [9, externalContent],
  [3, repointed],
  [7, script],
  [10, outputByHand],
  [12, failure],
  [3, reordered],
];

/** What may change under running tasks: files that they may be reading stay as they are, and nothing fails. */
const WHILE_RUNNING = [command, cosmetic, param, comment, resources, added, removed, renamed, edgeAdded, edgeDropped];

export function randomEditWhileRunning(context: EditContext): Edited {
  return draw(
    EDITS.filter(([, edit]) => WHILE_RUNNING.includes(edit)),
    context,
  );
}

export function randomEdit(context: EditContext): Edited {
  return draw(EDITS, context);
}

function draw(edits: typeof EDITS, context: EditContext): Edited {
  const total = edits.reduce((sum, [weight]) => sum + weight, 0);
  for (;;) {
    let at = context.random.below(total);
    const [, edit] = edits.find(([weight]) => (at -= weight) < 0) as (typeof EDITS)[number];
    const edited = edit(context);
    if (edited) return edited;
  }
}

function bodies({ model }: EditContext): ModelTask[] {
  return model.tasks.filter(({ flavour }) => flavour !== 'Gate');
}

function changed(
  context: EditContext,
  what: string,
  change: (task: ModelTask) => Partial<ModelTask> | undefined,
  among = bodies(context),
): Edited | undefined {
  const task = context.random.pick(among);
  const fields = task && change(task);
  return fields && { model: withTask(context.model, task.name, fields), what: `${what} of ${task.name}` };
}

function command(context: EditContext): Edited | undefined {
  return changed(context, 'command', () => ({ salt: `s${context.serial}` }));
}

function cosmetic(context: EditContext): Edited | undefined {
  return changed(context, 'command without effect', ({ cosmetic }) => ({ cosmetic: cosmetic === 0 ? 1 : 0 }));
}

function comment(context: EditContext): Edited | undefined {
  return changed(context, 'comment', ({ comments }) => ({ comments: (comments + 1) % 4 }));
}

function resources(context: EditContext): Edited | undefined {
  return changed(context, 'cpu', ({ cpu }) => ({ cpu: 3 - cpu }), preferFailing(context));
}

function retry(context: EditContext): Edited | undefined {
  return changed(context, 'retry', ({ retry }) => ({ retry: 1 - retry }), preferFailing(context));
}

function preferFailing(context: EditContext): ModelTask[] {
  const failing = bodies(context).filter(({ fails }) => fails !== 'No');
  return failing.length > 0 && context.random.chance(0.6) ? failing : bodies(context);
}

/** Breaks a task, or mends one; a broken workflow is soon mended. */
function failure(context: EditContext): Edited | undefined {
  const failing = bodies(context).filter(({ fails }) => fails !== 'No');
  if (failing.length > 0 && context.random.chance(0.75))
    return changed(context, 'mended command', () => ({ fails: 'No' }), failing);
  const fails = context.random.chance(0.6) ? 'Late' : 'Early';
  return changed(
    context,
    `command that fails (${fails})`,
    () => ({ fails }),
    bodies(context).filter((task) => task.fails === 'No'),
  );
}

function param(context: EditContext): Edited | undefined {
  const { random, model, serial } = context;
  const name = random.pick(Object.keys(model.params));
  if (name === undefined) return undefined;
  return { model: { ...model, params: { ...model.params, [name]: `v${serial}` } }, what: `params.${name}` };
}

function added(context: EditContext): Edited | undefined {
  const { random, model, serial } = context;
  const after = random.pick(model.tasks);
  const rank = (after?.rank ?? 0) + 1 / (1 + serial);
  if (model.tasks.some((task) => task.rank === rank)) return undefined;
  const task = randomTask(random, model, `n${serial}`, rank);
  let next: Model = { ...model, tasks: [...model.tasks, task] };
  // Half of the new tasks stand in front of one that is there already.
  const reader = random.pick(next.tasks.filter((other) => other.rank > rank && other.flavour !== 'Gate'));
  const output = task.outputs[0];
  if (reader && output && random.chance(0.5)) {
    const inputs = [...reader.inputs, { name: `n${serial}`, paths: [output.path], list: false }];
    next = withTask(next, reader.name, { inputs });
  }
  return { model: next, what: `added ${task.name}` };
}

/** Whoever named the removed task no longer does. */
function removed(context: EditContext): Edited | undefined {
  const { random, model } = context;
  const task = random.pick(model.tasks);
  if (!task || model.tasks.length < 5) return undefined;
  const made = new Set(task.outputs.map(({ path }) => path));
  const tasks = model.tasks
    .filter((other) => other.name !== task.name)
    .map((other) => ({
      ...other,
      inputs: other.inputs
        .map((input) => ({ ...input, paths: input.paths.filter((path) => !made.has(path)) }))
        .filter(({ paths }) => paths.length > 0),
      mentions: other.mentions.filter((mention) => mention.task !== task.name),
      dependsOn: other.dependsOn.filter((name) => name !== task.name),
      after: other.after.filter((name) => name !== task.name),
    }));
  return { model: { ...model, tasks }, what: `removed ${task.name}` };
}

function renamed(context: EditContext): Edited | undefined {
  const { random, model, serial } = context;
  const task = random.pick(model.tasks);
  if (!task) return undefined;
  const name = `r${serial}`;
  const rename = (names: readonly string[]): string[] => names.map((other) => (other === task.name ? name : other));
  const tasks = model.tasks.map((other) => ({
    ...other,
    name: other.name === task.name ? name : other.name,
    mentions: other.mentions.map((m) => (m.task === task.name ? { ...m, task: name } : m)),
    dependsOn: rename(other.dependsOn),
    after: rename(other.after),
  }));
  return { model: { ...model, tasks }, what: `renamed ${task.name} to ${name}` };
}

function edgeAdded(context: EditContext): Edited | undefined {
  const { random, model } = context;
  const task = random.pick(model.tasks);
  const edged = task && withEdge(random, model, task);
  return edged && { model: withTask(model, edged.name, edged), what: `edge to ${edged.name} added` };
}

function edgeDropped(context: EditContext): Edited | undefined {
  const { random, model } = context;
  const task = random.pick(model.tasks);
  const field = random.pick(['inputs', 'mentions', 'dependsOn', 'after'] as const);
  if (!task || !field || task[field].length === 0) return undefined;
  const gone = random.below(task[field].length);
  const kept = (task[field] as readonly unknown[]).filter((_, i) => i !== gone);
  return { model: withTask(model, task.name, { [field]: kept }), what: `edge dropped from ${field} of ${task.name}` };
}

function externalContent({ random, model, world, serial }: EditContext): Edited | undefined {
  const path = random.pick(EXTERNAL_FILES) as string;
  // Now and then it is written again without a change.
  const same = random.chance(0.15);
  world.write(path, same ? (world.reference.content(path) ?? '') : `external ${serial}\n`);
  return { model, what: same ? `${path} touched` : `content of ${path}` };
}

/** An input reads another file, half of the time one with the same content. */
function repointed(context: EditContext): Edited | undefined {
  const { random, world } = context;
  const makers = makersOf(context.model);
  const readers = bodies(context).filter((task) =>
    task.inputs.some(({ paths, list }) => !list && !makers.has(paths[0] as string)),
  );
  return changed(
    context,
    'external input',
    (task) => {
      const input = task.inputs.find(({ paths, list }) => !list && !makers.has(paths[0] as string));
      const from = input?.paths[0] as string;
      const to = random.pick(EXTERNAL_FILES.filter((path) => !task.inputs.some(({ paths }) => paths.includes(path))));
      if (!input || to === undefined) return undefined;
      if (random.chance(0.5)) world.write(to, world.reference.content(from) ?? '');
      return { inputs: task.inputs.map((other) => (other === input ? { ...input, paths: [to] } : other)) };
    },
    readers,
  );
}

function script({ random, model, world }: EditContext): Edited | undefined {
  const path = random.pick([...world.reference.scripts.keys()]);
  const file = path === undefined ? undefined : world.reference.scripts.get(path);
  if (path === undefined || !file) return undefined;
  const effect = random.chance(0.7);
  world.writeScript(path, { version: file.version + (effect ? 1 : 0), cosmetic: file.cosmetic + 1 });
  return { model, what: `./${path}${effect ? '' : ' without effect'}` };
}

function outputByHand({ random, model, world, serial }: EditContext): Edited | undefined {
  const output = random.pick(
    model.tasks.flatMap((task) => task.outputs).filter(({ path }) => world.reference.content(path) !== undefined),
  );
  if (!output) return undefined;
  if (random.chance(0.4)) {
    world.delete(output.path);
    return { model, what: `${output.path} deleted by hand` };
  }
  world.write(output.path, `by hand ${serial}\n`);
  return { model, what: `${output.path} changed by hand` };
}

function reordered({ random, model }: EditContext): Edited | undefined {
  return { model: { ...model, tasks: random.shuffled(model.tasks) }, what: 'order of tasks' };
}
