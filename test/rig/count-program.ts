import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ShapeName } from './budget-shapes.ts';
import { ExecutedCode, type Execution, together } from './executed-code.ts';

// count-program.ts SHAPE COUNT…: runs workflows of these sizes and prints as JSON what each of them cost. A process of its
// own, because the engine counts blocks only of code that it loads after it was told to.

export interface Counted {
  readonly tasks: number;
  /** From the document to the workflow at its end. */
  readonly tally: Readonly<Record<string, number>>;
  readonly admitted: Execution;
  readonly ran: Execution;
}

const SLOTS = 2;
/** For one task, several times what any test allows: what is quadratic ends here, and says why. */
const FAR_TOO_MUCH = 1_000_000;

const code = new ExecutedCode(pathToFileURL(join(import.meta.dirname, '../../src/')).href);
code.start();
const { CountedHome } = await import('./counted-home.ts');
const { documentOf, SHAPES, SHARED_INPUT } = await import('./budget-shapes.ts');

async function count(name: ShapeName, tasks: number): Promise<Counted> {
  const shape = SHAPES[name];
  const rig = await new CountedHome(shape.behaviour).open(SLOTS);
  rig.world.files.write(SHARED_INPUT, 'read by all');
  rig.tally.clear();
  code.take();
  await rig.apply(documentOf(shape.tasks(tasks)));
  const admitted = code.take();
  let ran: Execution = { work: 0, functions: {} };
  const look = (): void => {
    ran = together(ran, code.take());
    if (ran.work > FAR_TOO_MUCH * tasks) throw new Error(`${name} of ${tasks}: ${muchExecuted(ran)}`);
  };
  await rig.untilSucceeded(look);
  look();
  const tally = rig.tally.all();
  await rig.close();
  return { tasks, tally, admitted, ran };
}

function muchExecuted({ functions }: Execution): string {
  const most = Object.entries(functions).sort(([, a], [, b]) => b.work - a.work);
  const named = most.slice(0, 5).map(([which, { calls }]) => `${which} (${calls} calls)`);
  return `far too much was executed, most of all ${named.join(', ')}`;
}

const [name, ...sizes] = process.argv.slice(2);
const counted: Counted[] = [];
for (const size of sizes) counted.push(await count(name as ShapeName, Number(size)));
process.stdout.write(JSON.stringify(counted));
