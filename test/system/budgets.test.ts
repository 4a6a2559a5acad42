import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { expectWithin } from '../rig/budget.ts';
import type { Sandbox } from '../rig/cli.ts';
import { test } from '../rig/in-sandbox.ts';
import { spawnerInstructions, whyNotCounted } from '../rig/spawner-instructions.ts';
import { type Traced, type TracedCall, tracedRun, whyNotTraced } from '../rig/traced-run.ts';

// What one task costs the machine, by count: processes, system calls, files, bytes of the ledger, instructions. What it
// costs the daemon inside is in `test/unit/controllers/budgets.test.ts`. A figure that went down is a figure to lower.

const TIMEOUT_MS = 170_000;
const FEW = 100;
const MANY = 400;

function trivialTasks(box: Sandbox, count: number): string {
  return box.workflow({ tasks: [{ name: 't', foreach: { range: { count } }, command: ['true'] }] }, `w${count}`);
}

describe('what one task leaves on the disk', () => {
  test('a run folder with five files, and its part of the ledger', { timeout: TIMEOUT_MS }, async ({ box }) => {
    await box.expectExit(0, 'run', trivialTasks(box, FEW), '--cpus', '2');
    const runs = join(box.state, 'runs', `w${FEW}`);
    expect(readdirSync(runs)).toHaveLength(FEW);
    const found = new Set(readdirSync(runs).map((task) => filesOfAttempts(join(runs, task)).join(' ')));
    expect([...found]).toEqual(['claim exit.json metadata.json stderr stdout']);
    const bytes = statSync(join(box.state, 'fixpoint.db')).size / FEW;
    const why =
      'Found: 3,300; two or three entries and the record, each with the identity and its contributions in full.';
    expectWithin({ name: 'bytes of the ledger', most: 4_200, why }, bytes);
    expect(existsSync(join(box.state, 'fixpoint.db-wal')), 'the log is in the ledger at the end').toBe(false);
  });
});

/** Of the one attempt that each task had. */
function filesOfAttempts(task: string): string[] {
  const attempts = readdirSync(task);
  expect(attempts).toHaveLength(1);
  return readdirSync(join(task, attempts[0] as string)).sort();
}

describe(`what one task asks of the system${whyNotTraced && ` [SKIPPED: ${whyNotTraced}]`}`, () => {
  test.skipIf(whyNotTraced)(
    'processes and calls, among few and among many',
    { timeout: TIMEOUT_MS },
    async ({ box }) => {
      const few = await tracedRun(box, trivialTasks(box, FEW), '--cpus', '2', '--state', box.path('few'));
      aloneInTheWorld(few, FEW);
      const many = await tracedRun(box, trivialTasks(box, MANY), '--cpus', '2', '--state', box.path('many'));
      aloneInTheWorld(many, MANY);
      withinBudgets(many, MANY);
      const before = ratesOf(few, FEW);
      const after = ratesOf(many, MANY);
      expect(after.others, `calls for one task, ${before.others} among few`).toBeLessThanOrEqual(1.2 * before.others);
      // The tree of the ledger gets deeper, and its log is long enough to be taken over: that is no more than this.
      expect(after.ledger, `calls for the ledger, ${before.ledger} among few`).toBeLessThanOrEqual(1.5 * before.ledger);
    },
  );
});

function aloneInTheWorld(traced: Traced, tasks: number): void {
  const processes = (['spawner', 'supervisor', 'command', 'beyond'] as const).map((role) => traced.processes(role));
  // A task is a supervisor and its command. Nobody forks anything else.
  expect(processes).toEqual([1, tasks, tasks, 0]);
}

function withinBudgets(traced: Traced, tasks: number): void {
  const { commits, ledger, others } = ratesOf(traced, tasks);
  const execs = traced.of('command').filter(({ name }) => name === 'execve').length / tasks;
  const folder = traced.ofDaemonAtWork().filter((call) => !isOfLedger(call) && call.args.includes('/runs/'));
  const budgets: readonly (readonly [name: string, most: number, found: number, why: string])[] = [
    ['commits', 2.1, commits, 'One, and one more where the machine is slow and the start is told for itself.'],
    [
      'calls for the ledger',
      60,
      ledger,
      'Found: 25 to 37; two for each page that changed, six locks, a wait for the disk.',
    ],
    ['calls of the daemon for other things', 9, others, 'Found: 7; an order, notices of start and end, lines of news.'],
    ['calls of the daemon in the run folder', 1.2, folder.length / tasks, 'Found: 1; the notice says the rest.'],
    [
      'calls of the spawner',
      4,
      traced.of('spawner').length / tasks,
      'It waits, reads an order, forks, and hears of the end.',
    ],
    ['calls of the supervisor', 26, traced.of('supervisor').length / tasks, 'Found: 25; folders, five files, a fork.'],
    ['programs tried', 2, execs, 'The command is found in the first folder of the path, or in the second.'],
  ];
  for (const [name, most, found, why] of budgets) expectWithin({ name, most, why }, found);
}

/** For one task. */
interface Rates {
  readonly commits: number;
  readonly ledger: number;
  readonly others: number;
}

function ratesOf(traced: Traced, tasks: number): Rates {
  const calls = traced.ofDaemonAtWork();
  const ledger = calls.filter(isOfLedger);
  const commits = ledger.filter(({ name, args }) => /^f(?:data)?sync$/.test(name) && args.includes('-wal')).length;
  return { commits: commits / tasks, ledger: ledger.length / tasks, others: (calls.length - ledger.length) / tasks };
}

function isOfLedger({ args }: TracedCall): boolean {
  return args.includes('/fixpoint.db');
}

describe(`instructions of the native spawner${whyNotCounted && ` [SKIPPED: ${whyNotCounted}]`}`, () => {
  test.skipIf(whyNotCounted)('for an order, and for the attempt', { timeout: TIMEOUT_MS }, async ({ box }) => {
    const none = await spawnerInstructions(box.dir, 0);
    const orders = 20;
    const some = await spawnerInstructions(box.dir, orders);
    expect(some.supervisors).toBe(orders);
    const taken = (some.spawner - none.spawner) / orders;
    // Half as much again as was found: compilers differ.
    const why = 'Found: 430; it finds the end of the order and forks.';
    expectWithin({ name: 'instructions to take an order', most: 650, why }, taken);
    const all = 'Found: 20,600; the folder, its files, the command, the record and its checksum.';
    expectWithin({ name: 'instructions to supervise an attempt', most: 31_000, why: all }, some.supervisor);
  });
});
