import type { Verb } from '../../src/controllers/home.ts';
import type { Model, ModelTask } from './random-workflow.ts';

/** Edges as pairs of numbers, the lower first. */
export type Edges = readonly (readonly [number, number])[];

/** Commands of the edited task, by their salt. */
const FIRST = 1;
const SECOND = 2;
const OTHER = 3;
const QUICK_ID = 10;
/** Never ends by itself. */
export const HANGS = 8;
/** Exits with 1. */
export const FAILS = 9;

/** When the user goes on to what comes next. */
export type Until =
  /** It is in one of these phases, and nothing runs. */
  | { readonly phases: readonly string[] }
  /** A task whose command hangs runs. */
  | 'hangs'
  /** Nothing waits for its turn after it was handed over. */
  | 'nothing waits'
  /** The answer is enough. */
  | 'answered';

export type Step = { readonly until: Until } & (
  | { readonly apply: Model }
  | { readonly request: Verb; readonly tasks?: readonly string[] }
  | { readonly delete: true }
);

export interface Story {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The step from which on the daemon may die. */
  readonly from: number;
}

/** A graph, one of its tasks, which is edited, and how its edges are written. */
export interface Shape {
  readonly tasks: number;
  readonly edges: Edges;
  readonly edited: number;
  /** `dependsOn` without an expression, read silently, instead of an input. */
  readonly broad: boolean;
}

const SUCCEEDED = { phases: ['Succeeded'] };
/** A failure that all who depend on it catch is none of the workflow. */
const OVER = { phases: ['Succeeded', 'Failed'] };

/**
 * What may happen to a workflow on so many cores, each as short as it can be. In the undisturbed life nothing depends on how fast anybody is: a
 * command that is cancelled would never have ended.
 */
export function storiesOf(shape: Shape, cores: number): Story[] {
  const make = (salt: number): Step => ({ apply: model(shape, salt), until: SUCCEEDED });
  const hang: Step = { apply: model(shape, HANGS), until: 'hangs' };
  const edited = [`t${shape.edited}`];
  return [
    { name: 'made and edited', from: 0, steps: [make(FIRST), make(SECOND)] },
    { name: 'edited while it runs', from: 1, steps: [hang, make(FIRST)] },
    { name: 'edited back while it runs', from: 1, steps: [make(FIRST), hang, make(FIRST)] },
    {
      name: 'suspended and resumed',
      from: 1,
      steps: [
        { apply: after(cores === 1 ? QUICK : 0, model(shape, HANGS)), until: 'hangs' },
        { request: 'suspend', until: 'nothing waits' },
        { request: 'resume', until: 'answered' },
        make(FIRST),
      ],
    },
    {
      name: 'cancelled and reset',
      from: 1,
      steps: [
        hang,
        { request: 'cancel', tasks: edited, until: { phases: ['Cancelled'] } },
        make(FIRST),
        { request: 'reset', tasks: edited, until: 'answered' },
        make(FIRST),
      ],
    },
    {
      name: 'what a failure brought is moved aside when it is mended, and comes back',
      from: 1,
      steps: [
        { apply: model(shape, FAILS, true), until: OVER },
        { apply: model(shape, FIRST, true), until: SUCCEEDED },
        { apply: model(shape, FAILS, true), until: OVER },
      ],
    },
    {
      name: 'a task leaves and another comes',
      from: 1,
      steps: [make(FIRST), { apply: renamedLast(model(shape, FIRST)), until: SUCCEEDED }, make(SECOND)],
    },
    {
      name: 'deleted and applied again',
      from: 1,
      steps: [make(FIRST), { delete: true, until: { phases: ['NotFound'] } }, make(SECOND)],
    },
  ];
}

/** `catches`: tasks that depend on the edited one alone run when it fails, and not otherwise. */
function model({ tasks, edges, edited, broad }: Shape, salt: number, catches = false): Model {
  const task = (id: number): ModelTask => {
    const upstream = edges.filter(([, to]) => to === id).map(([from]) => from);
    const isCatching = catches && upstream.length === 1 && upstream[0] === edited;
    const isBroad = broad || isCatching;
    return {
      id,
      name: `t${id}`,
      salt: id === edited ? salt : 0,
      gate: false,
      param: undefined,
      files: upstream.length === 0 ? [0] : [],
      inputs: isBroad ? [] : upstream,
      mentions: [],
      dependsOn: isBroad ? upstream : [],
      silent: isBroad && !isCatching ? upstream : [],
      after: [],
      items: undefined,
      each: undefined,
      outputs: 1,
      place: 0,
      retries: 0,
      cpu: 1,
      triggerRule: isCatching ? 'AnyFailed' : undefined,
      allowFailure: false,
      either: [],
      resetAlso: undefined,
    };
  };
  return { tasks: Array.from({ length: tasks }, (_, id) => task(id)), params: {}, settings: {} };
}

/** What was quick so often is taken to stay so: then those that find no core are handed over ahead of their turn. */
const QUICK = 3;

/** With so many tasks more that come first. */
function after(count: number, whole: Model): Model {
  const quick = model({ tasks: count, edges: [], edited: 0, broad: false }, 0).tasks;
  const more = quick.map((task) => ({ ...task, id: QUICK_ID + task.id, name: `q${task.id}` }));
  return { ...whole, tasks: [...more, ...whole.tasks] };
}

/** Another command under another name, so that it is no rename. */
function renamedLast(whole: Model): Model {
  const last = whole.tasks.at(-1) as ModelTask;
  return { ...whole, tasks: whole.tasks.with(-1, { ...last, name: `n${last.id}`, salt: OTHER }) };
}

/** Every graph of so many tasks and every one of them edited, but for those that only names tell apart. */
export function shapesOf(tasks: number, broad: boolean): Shape[] {
  const pairs: [number, number][] = [];
  for (let to = 1; to < tasks; to++) for (let from = 0; from < to; from++) pairs.push([from, to]);
  const seen = new Set<string>();
  const shapes: Shape[] = [];
  const orders = permutations(tasks);
  for (let bits = 0; bits < 2 ** pairs.length; bits++) {
    const edges = pairs.filter((_pair, i) => (bits >> i) & 1);
    for (let edited = 0; edited < tasks; edited++) {
      const name = orders.map((order) => renamed(edges, edited, order)).sort()[0] as string;
      if (seen.has(name)) continue;
      seen.add(name);
      shapes.push({ tasks, edges, edited, broad });
    }
  }
  return shapes;
}

function renamed(edges: Edges, edited: number, order: readonly number[]): string {
  const names = edges.map(([from, to]) => `${order[from]}>${order[to]}`);
  return `${order[edited]} ${names.sort().join(' ')}`;
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, count - 1)),
  );
}
