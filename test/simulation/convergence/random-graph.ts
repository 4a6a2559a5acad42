import { type Flavour, type Model, type ModelTask, plainTask } from './model.ts';
import type { SeededRandom } from './seeded-random.ts';

export const EXTERNAL_FILES = ['ext0.txt', 'ext1.txt', 'ext2.txt'];
export const SCRIPT_FILES = ['call0.sh', 'call1.sh'];
const PARAMS = ['p0', 'p1', 'p2'];

const FLAVOURS: readonly (readonly [Flavour, number])[] = [
  ['Hash', 38],
  ['Bit', 24],
  ['Const', 10],
  ['Script', 14],
  ['Nothing', 8],
  ['Gate', 6],
];

/** Between 8 and 25 tasks in which every kind of edge occurs. */
export function randomModel(random: SeededRandom): Model {
  let model: Model = { tasks: [], params: { p0: 'a', p1: 'b', p2: 'c' }, setup: undefined };
  const count = 8 + random.below(18);
  for (let i = 0; i < count; i++) model = { ...model, tasks: [...model.tasks, randomTask(random, model, `t${i}`, i)] };
  return model;
}

/** A task of its own name and rank, with edges from tasks of lower rank. */
export function randomTask(random: SeededRandom, model: Model, name: string, rank: number): ModelTask {
  const flavour = randomFlavour(random);
  let task = plainTask(name, rank, flavour);
  if (flavour !== 'Nothing' && flavour !== 'Gate') {
    const outputs = [{ name: 'o', path: `${name}.o` }];
    if ((flavour === 'Hash' || flavour === 'Bit') && random.chance(0.25))
      outputs.push({ name: 'q', path: `${name}.q` });
    task = { ...task, outputs };
  }
  if (flavour === 'Script') task = { ...task, script: random.pick(SCRIPT_FILES) };
  if (flavour !== 'Gate') {
    task = {
      ...task,
      params: PARAMS.filter(() => random.chance(0.15)),
      comments: random.below(2),
      retry: random.below(2),
    };
    if (random.chance(0.35)) task = withExternal(random, task);
  }
  for (let edges = random.below(4); edges > 0; edges--) task = withEdge(random, model, task) ?? task;
  return task;
}

function randomFlavour(random: SeededRandom): Flavour {
  let at = random.below(100);
  for (const [flavour, weight] of FLAVOURS) {
    if (at < weight) return flavour;
    at -= weight;
  }
  return 'Hash';
}

function withExternal(random: SeededRandom, task: ModelTask): ModelTask {
  const path = random.pick(EXTERNAL_FILES) as string;
  return { ...task, inputs: [...task.inputs, { name: inputName(task), paths: [path], list: false }] };
}

/** With one more edge from a task of lower rank; undefined where there is none to draw. */
export function withEdge(random: SeededRandom, model: Model, task: ModelTask): ModelTask | undefined {
  const upstream = random.pick(model.tasks.filter((other) => other.rank < task.rank));
  if (!upstream) return undefined;
  const output = random.pick(upstream.outputs);
  const kind = random.below(10);
  if (kind < 7 && output && task.flavour !== 'Gate') {
    if (kind < 5 || task.flavour === 'Recorded') {
      if (task.inputs.some(({ paths }) => paths.includes(output.path))) return undefined;
      return { ...task, inputs: [...task.inputs, { name: inputName(task), paths: [output.path], list: false }] };
    }
    return { ...task, mentions: [...task.mentions, { task: upstream.name, output: output.name }] };
  }
  const field = kind === 9 && task.flavour !== 'Gate' ? 'after' : 'dependsOn';
  if (task[field].includes(upstream.name)) return undefined;
  return { ...task, [field]: [...task[field], upstream.name] };
}

function inputName(task: ModelTask): string {
  for (let i = 0; ; i++) if (!task.inputs.some(({ name }) => name === `i${i}`)) return `i${i}`;
}
