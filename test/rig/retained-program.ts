import { buildGraph } from '../../src/graph/build.ts';
import { documentOf, SHAPES, SHARED_INPUT } from './budget-shapes.ts';
import { CountedHome } from './counted-home.ts';

// retained-program.ts GRAPH FINISHED, with --expose-gc: prints as JSON how many bytes of the heap one task keeps, of a graph of
// so many tasks and of so many that have ended. A process of its own, in which nothing else comes and goes.

export interface Retained {
  /** Of a graph that was built. */
  readonly graph: number;
  /** Of a home in which the task has ended: graph, record, view, facts, and whatever was forgotten to be let go. */
  readonly finished: number;
}

const collect = (globalThis as unknown as { gc: () => void }).gc;

function heapUsed(): number {
  // What the first one lets go may be all that kept something else.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function ofGraph(tasks: number): number {
  const document = documentOf(SHAPES['fan-out'].tasks(tasks));
  const { spec } = document;
  const build = () => buildGraph({ name: 'w', namespace: 'default', spec, folder: '/data', sheets: new Map() });
  const before = heapUsed();
  const built = build();
  const after = heapUsed();
  if (!built.ok || built.value.graph.tasks.length !== tasks) throw new Error('the graph has other tasks');
  return (after - before) / tasks;
}

async function ofFinished(tasks: number): Promise<number> {
  const shape = SHAPES['fan-out'];
  const rig = await new CountedHome(shape.behaviour).open(2);
  rig.world.files.write(SHARED_INPUT, 'read by all');
  const before = heapUsed();
  await rig.apply(documentOf(shape.tasks(tasks)));
  await rig.untilSucceeded();
  // The world is not ours: a machine has its processes and files elsewhere.
  rig.world.attempts.clear();
  rig.world.files.remove('/data');
  rig.world.files.remove('/runs');
  const after = heapUsed();
  await rig.close();
  return (after - before) / tasks;
}

const [graph, finished] = process.argv.slice(2).map(Number) as [number, number];
// Once for nothing: what is made at the first use of something belongs to no task.
ofGraph(100);
await ofFinished(100);
const retained: Retained = { graph: ofGraph(graph), finished: await ofFinished(finished) };
process.stdout.write(JSON.stringify(retained));
