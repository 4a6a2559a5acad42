import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Budget, expectWithin } from '../../rig/budget.ts';
import type { ShapeName } from '../../rig/budget-shapes.ts';
import type { Counted } from '../../rig/count-program.ts';
import type { Execution } from '../../rig/executed-code.ts';
import type { Retained } from '../../rig/retained-program.ts';

// What one task costs the daemon, by count: whoever makes its path more expensive is told here, by the figure and why it
// was that. Time is not looked at. A figure that went down is a figure to lower.

const TIMEOUT_MS = 120_000;
const COUNT_PROGRAM = fileURLToPath(new URL('../../rig/count-program.ts', import.meta.url));
const RETAINED_PROGRAM = fileURLToPath(new URL('../../rig/retained-program.ts', import.meta.url));

/** Small and large: what is figured for one task must not depend on how many there are. */
const SIZES: Readonly<Record<ShapeName, readonly number[]>> = {
  'fan-out': [200, 2_000],
  'fan-out that lasts': [200],
  chain: [200, 1_000],
};

interface ShapeBudget extends Budget {
  readonly shape: ShapeName;
  /** Of the sums in `perTask`. */
  readonly of: string;
}

const EXACT: readonly ShapeBudget[] = [
  {
    shape: 'chain',
    of: 'entries',
    name: 'journal entries',
    most: 2,
    why: 'The intent and the end; the start of a short attempt goes with its end.',
  },
  {
    shape: 'fan-out',
    of: 'entries',
    name: 'journal entries, with another task beside it',
    most: 3,
    why: 'News of a start is written with the next commit, which here is that of the other task. To come down to 2.',
  },
  {
    shape: 'fan-out that lasts',
    of: 'entries',
    name: 'journal entries, where it lasts',
    most: 3,
    why: 'Who looks at the ledger must see that it runs.',
  },
  {
    shape: 'chain',
    of: 'commits',
    name: 'commits',
    most: 1.1,
    why: 'An end and the intent that follows it go together.',
  },
  {
    shape: 'fan-out',
    of: 'commits',
    name: 'commits, two slots',
    most: 1.1,
    why: 'An end and the intent that takes its slot go together.',
  },
  {
    shape: 'fan-out that lasts',
    of: 'commits',
    name: 'commits, where it lasts',
    most: 2.1,
    why: 'One more for the start, which waits in vain for company.',
  },
  { shape: 'fan-out', of: 'transactions', name: 'transactions', most: 1.1, why: 'Each waits for the disk once.' },
  {
    shape: 'chain',
    of: 'statements',
    name: 'SQL statements',
    most: 5.1,
    why: 'For each of two entries the line and the record, and one to see that there was no record.',
  },
  {
    shape: 'fan-out',
    of: 'statements',
    name: 'SQL statements, with another task beside it',
    most: 7.1,
    why: 'For each of three entries the line and the record, and one to see that there was no record.',
  },
  {
    shape: 'fan-out that lasts',
    of: 'statements',
    name: 'SQL statements, where it lasts',
    most: 7.6,
    why: 'As for three entries, and the status once a second.',
  },
  {
    shape: 'fan-out',
    of: 'looks',
    name: 'looks at files',
    most: 2.05,
    why: 'What it reads, as it is launched and when it has ended: nothing may have changed in between.',
  },
  {
    shape: 'chain',
    of: 'looks',
    name: 'looks at files',
    most: 2,
    why: 'What it reads, as it is launched and when it has ended: nothing may have changed in between.',
  },
  { shape: 'fan-out', of: 'launches', name: 'launches', most: 1, why: 'Every task is launched once.' },
  {
    shape: 'fan-out',
    of: 'submit calls',
    name: 'calls to launch',
    most: 1,
    why: 'One that brings at least one launch.',
  },
  {
    shape: 'fan-out',
    of: 'released',
    name: 'run folders tidied',
    most: 1,
    why: 'Its own, after its success; there were no earlier attempts.',
  },
  {
    shape: 'fan-out',
    of: 'judgements',
    name: 'judgements',
    most: 3,
    why: 'When it is intended, when it has started, when it has ended; nothing depends on it.',
  },
  {
    shape: 'chain',
    of: 'judgements',
    name: 'judgements, with one task downstream',
    most: 7,
    why: 'Its own, and that of its reader whenever its view changes. To come down: nothing but its end matters there.',
  },
  {
    shape: 'fan-out',
    of: 'turns',
    name: 'turns of the loop',
    most: 4.1,
    why: 'The start, the end, and after each what was written asks for one more look at the world.',
  },
];

/** A quarter above what was found, in characters of our code that were executed. */
const WORK: readonly ShapeBudget[] = [
  {
    shape: 'fan-out',
    of: 'work of a run',
    name: 'code executed while it runs',
    most: 158_000,
    why: 'Found: 126,000.',
  },
  {
    shape: 'chain',
    of: 'work of a run',
    name: 'code executed while it runs',
    most: 177_000,
    why: 'Found: 141,000.',
  },
  {
    shape: 'fan-out',
    of: 'work of admission',
    name: 'code executed to admit it',
    most: 49_000,
    why: 'Found: 39,000.',
  },
  {
    shape: 'chain',
    of: 'work of admission',
    name: 'code executed to admit it',
    most: 97_000,
    why: 'Found: 77,500; a template of its own.',
  },
];

/** A function may need a few steps more among many tasks, as a heap does; not one more for each of them. */
const MOST_GROWTH_OF_A_FUNCTION = 2_000;

describe('what one task costs', () => {
  test.for([...EXACT, ...WORK])('$shape: $name, at most $most', { timeout: TIMEOUT_MS }, async (budget) => {
    const largest = (await counted(budget.shape)).at(-1) as Counted;
    expectWithin(budget, perTask(largest)[budget.of], mostExecuted(largest));
  });
});

describe('does not depend on how many tasks there are', () => {
  test.for(['fan-out', 'chain'] as const)('%s', { timeout: TIMEOUT_MS }, async (shape) => {
    const [few, many] = (await counted(shape)) as [Counted, Counted];
    const before = perTask(few);
    const grown = Object.entries(perTask(many)).filter(([of, found]) => found > 1.1 * (before[of] ?? 0) + 0.01);
    expect(grown.map(([of, found]) => `${of}: ${found}, was ${before[of]}`)).toEqual([]);
  });

  test.for(['fan-out', 'chain'] as const)('%s: any function', { timeout: TIMEOUT_MS }, async (shape) => {
    const [few, many] = (await counted(shape)) as [Counted, Counted];
    for (const part of ['admitted', 'ran'] as const)
      expect(grownFunctions(few[part], few.tasks, many[part], many.tasks), part).toEqual([]);
  });
});

describe('bytes that one task keeps', () => {
  const retained = once(async () => await program<Retained>(['--expose-gc', RETAINED_PROGRAM, '10000', '4000']));

  test('of its graph', { timeout: TIMEOUT_MS }, async () => {
    const why = 'Found: 970, in a fan-out of 10,000 with an input and an output each.';
    expectWithin({ name: 'bytes of the graph', most: 1_250, why }, (await retained()).graph);
  });

  test('of all that is known of it when it has ended', { timeout: TIMEOUT_MS }, async () => {
    const why = 'Found: 2,900, graph included, in a fan-out of 4,000. To come down: most of it is never read again.';
    expectWithin({ name: 'bytes of a finished task', most: 3_700, why }, (await retained()).finished);
  });
});

/** Each shape is run once for all that is asked of it. */
const counted = onceForEach((shape: ShapeName) =>
  program<Counted[]>([COUNT_PROGRAM, shape, ...SIZES[shape].map(String)]),
);

async function program<T>(args: readonly string[]): Promise<T> {
  // Whatever it does, nothing of it outlives the test.
  const options = { maxBuffer: 1 << 26, timeout: TIMEOUT_MS - 5_000, killSignal: 'SIGKILL' } as const;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...args], options);
  return JSON.parse(stdout) as T;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function onceForEach<K, T>(make: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const made = new Map<K, Promise<T>>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}

function perTask({ tasks, tally, admitted, ran }: Counted): Record<string, number> {
  const sumOf = (...prefixes: readonly string[]): number =>
    Object.entries(tally)
      .filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)))
      .reduce((sum, [, count]) => sum + count, 0);
  const calls = (name: string): number => ran.functions[name]?.calls ?? 0;
  const sums = {
    ...tally,
    // Those about the workflow as a whole are few, however many tasks it has.
    entries: sumOf('entry ') - sumOf('entry Workflow'),
    statements: sumOf('sql '),
    judgements: calls('planning/judge.ts judge'),
    turns: calls('controllers/reconciler.ts #turn'),
    'work of a run': ran.work,
    'work of admission': admitted.work,
  };
  return Object.fromEntries(Object.entries(sums).map(([name, count]) => [name, count / tasks]));
}

function mostExecuted({ ran, tasks }: Counted): string {
  const functions = Object.entries(ran.functions).sort(([, a], [, b]) => b.work - a.work);
  const lines = functions.slice(0, 15).map(([name, { calls, work }]) => {
    return `  ${name}: ${(calls / tasks).toFixed(2)} calls, ${(work / tasks).toFixed(0)} characters`;
  });
  return `\nMost of the code that was executed for one task:\n${lines.join('\n')}`;
}

function grownFunctions(few: Execution, fewTasks: number, many: Execution, manyTasks: number): string[] {
  return Object.entries(many.functions).flatMap(([name, { work }]) => {
    const now = work / manyTasks;
    const before = (few.functions[name]?.work ?? 0) / fewTasks;
    return now - before > MOST_GROWTH_OF_A_FUNCTION ? [`${name}: ${now.toFixed(0)}, was ${before.toFixed(0)}`] : [];
  });
}
