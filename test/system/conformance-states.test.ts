import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import type { Plan } from '../../src/apis/task-view.ts';
import type { Workflow, WorkflowStatus } from '../../src/apis/workflow.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { attemptProcesses, runtimes, signalQuietly } from '../rig/processes.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// Behaviours that users of earlier systems rely on: states of workflows, suspension, cancelling, crashes. The ids are those
// of the conformance list.

const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.05; done';

async function statusOf(box: Sandbox): Promise<WorkflowStatus | undefined> {
  return (await box.json<Workflow>('get', 'workflow', 'w')).status;
}

const phasesOf = async (box: Sandbox): Promise<Record<string, string>> =>
  Object.fromEntries([...(await box.tasks())].map(([key, { status }]) => [key, status.phase]));

test('F-2 a child that allows failed parents keeps the workflow running, then completes it', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'parent', run: 'exit 1' },
      { name: 'hold', after: ['parent'], triggerRule: 'AllFinished', priority: 5, run: noted(WAIT_FOR_GO) },
      { name: 'child', dependsOn: ['parent'], triggerRule: 'AllFinished', run: noted(':') },
    ],
  });
  const running = box.start('run', file, '--cpus', '1');
  await until('the one core is taken', () => spansByTask(box.path('log')).has('hold'));
  expect(await phasesOf(box)).toEqual({ parent: 'Failed', hold: 'Running', child: 'Ready' });
  expect((await statusOf(box))?.phase).toBe('Running');
  box.write('go', '');
  expect((await running.ended).code).toBe(0);
  expect(await statusOf(box)).toMatchObject({ phase: 'Succeeded', reason: 'PartiallySucceeded' });
});

test('F-3 a second child that does not allow it fails the workflow', async ({ box }) => {
  const { code, workflow } = await box.run(
    box.workflow({
      tasks: [
        { name: 'parent', run: 'exit 1' },
        { name: 'allows', dependsOn: ['parent'], triggerRule: 'AllFinished', run: noted(':') },
        { name: 'minds', dependsOn: ['parent'], run: noted(':') },
      ],
    }),
  );
  expect(code).toBe(1);
  expect(workflow.status).toMatchObject({ phase: 'Failed', reason: 'TasksFailed' });
  expect(await box.summary()).toEqual({ parent: 'Failed 1', allows: 'Succeeded 1', minds: 'Skipped 0' });
});

test('F-4 a chain of two failures that are allowed goes on with the third', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'one', run: 'exit 1' },
      { name: 'two', dependsOn: ['one'], triggerRule: 'AllFinished', run: 'exit 1' },
      { name: 'three', dependsOn: ['two'], triggerRule: 'AllFinished', run: noted(WAIT_FOR_GO) },
    ],
  });
  const running = box.start('run', file);
  await until('the third runs', () => spansByTask(box.path('log')).has('three'));
  expect(await phasesOf(box)).toEqual({ one: 'Failed', two: 'Failed', three: 'Running' });
  expect((await statusOf(box))?.phase).toBe('Running');
  box.write('go', '');
  expect((await running.ended).code).toBe(0);
});

test('what a task made is gone while it is skipped, and back with the condition, without running again', async ({
  box,
}) => {
  const spec = (code: number) => ({
    tasks: [
      { name: 'try', retry: { limit: 0 }, run: `exit ${code}` },
      {
        name: 'instead',
        dependsOn: ['try'],
        triggerRule: 'AnyFailed',
        outputs: [{ name: 'o', path: 'instead.txt' }],
        run: noted('echo instead > instead.txt'),
      },
      // It reads the file without saying so.
      {
        name: 'report',
        dependsOn: ['try', 'instead'],
        triggerRule: 'AllFinished',
        outputs: [{ name: 'o', path: 'report.txt' }],
        run: noted('cat instead.txt > report.txt 2> /dev/null || echo none > report.txt'),
      },
    ],
  });
  await box.expectExit(0, 'run', box.workflow(spec(1)));
  expect(box.read('report.txt')).toBe('instead\n');
  const { stdout } = await box.expectExit(2, 'plan', '-f', box.workflow(spec(0)), '-o', 'json');
  const plan = JSON.parse(stdout) as Plan;
  expect(plan.tasks.map(({ name, action }) => `${name} ${action}`)).toContain('instead Reevaluate');
  await box.expectExit(0, 'run', box.workflow(spec(0)));
  expect(box.read('report.txt')).toBe('none\n');
  expect(existsSync(box.path('instead.txt'))).toBe(false);
  await box.expectExit(0, 'run', box.workflow(spec(1)));
  expect(box.read('report.txt')).toBe('instead\n');
  expect(box.read('instead.txt')).toBe('instead\n');
  expect(starts(box.path('log'))).toEqual({ instead: 1, report: 3 });
});

test('F-5 a suspended workflow launches nothing until it is resumed', async ({ box }) => {
  const file = box.workflow({ tasks: [{ name: 'root', run: noted(':') }] });
  await box.expectExit(0, 'run', file, '--follow=false');
  await box.expectExit(0, 'suspend', 'w');
  await box.expectExit(3, 'run', file);
  expect(await statusOf(box)).toMatchObject({ phase: 'Suspended' });
  expect((await box.tasks()).get('root')?.status).toMatchObject({ phase: 'Ready', reason: 'Suspended', attempts: [] });
  await box.expectExit(0, 'resume', 'w');
  await box.expectExit(0, 'run', file);
  expect(starts(box.path('log'))).toEqual({ root: 1 });
});

test('F-6 cancelling what is complete changes nothing', async ({ box }) => {
  const file = box.workflow({ tasks: [{ name: 't', run: noted(':') }] });
  await box.run(file);
  await box.daemon();
  await box.expectExit(0, 'cancel', 'w');
  await until('the request is carried out', async () =>
    (await box.events()).some(({ reason }) => reason === 'RequestHandled'),
  );
  expect(await statusOf(box)).toMatchObject({ phase: 'Succeeded' });
  expect(await box.summary()).toEqual({ t: 'Succeeded 1' });
});

test('F-7 a cancelled workflow goes on where it was when it is retried', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'a', run: noted(':') },
      { name: 'b', dependsOn: ['a'], run: noted(WAIT_FOR_GO) },
      { name: 'c', dependsOn: ['b'], run: noted(':') },
    ],
  });
  await box.daemon();
  await box.expectExit(0, 'apply', '-f', file);
  await until('the middle runs', () => spansByTask(box.path('log')).has('b'));
  await box.expectExit(0, 'cancel', 'w');
  await box.expectExit(0, 'wait', 'w', '--for', 'phase=Cancelled');
  expect(attemptProcesses(box.dir)).toEqual([]);
  expect(await phasesOf(box)).toEqual({ a: 'Succeeded', b: 'Cancelled', c: 'Skipped' });
  box.write('go', '');
  await box.expectExit(0, 'retry', 'w');
  await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded');
  expect(await box.summary()).toEqual({ a: 'Succeeded 1', b: 'Succeeded 2', c: 'Succeeded 1' });
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 1 });
});

test('F-13 attempts that ended while nobody looked are recorded as they ended', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'good', outputs: [{ name: 'o', path: 'good.txt' }], run: noted(`${WAIT_FOR_GO}; echo x > good.txt`) },
      { name: 'bad', run: noted(`${WAIT_FOR_GO}; exit 4`) },
      { name: 'next', inputs: [{ name: 'i', path: 'good.txt' }], run: noted(':') },
    ],
  });
  const first = box.start('run', file, '--cpus', '2');
  await until('both run', () => spansByTask(box.path('log')).size === 2);
  await first.kill('SIGKILL');
  box.write('go', '');
  await until('both have ended', () => runtimes(box.dir).length === 0);
  expect((await box.run(file, '--no-retry')).code).toBe(1);
  expect(await box.summary()).toEqual({ good: 'Succeeded 1', bad: 'Failed 1', next: 'Succeeded 1' });
  expect((await box.tasks()).get('bad')?.status.attempts[0]).toMatchObject({ reason: 'ExitCode', exitCode: 4 });
  expect(starts(box.path('log'))).toEqual({ good: 1, bad: 1, next: 1 });
});

test('L-5 ten jobs, killed after the first: nine are left to run', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      {
        name: 'job',
        foreach: { range: { count: 10 } },
        run: noted('[ $FIXPOINT_TASK = job/0 ] || while [ ! -e go ]; do sleep 0.05; done'),
      },
    ],
  });
  const first = box.start('run', file, '--cpus', '1');
  await until('the second has begun', () => spansByTask(box.path('log')).size === 2);
  await first.kill('SIGKILL');
  for (const { pid } of attemptProcesses(box.dir)) signalQuietly(pid, 'SIGKILL');
  await until('nothing runs', () => runtimes(box.dir).length === 0);
  box.write('go', '');
  expect((await box.run(file, '--cpus', '1')).workflow.status).toMatchObject({ phase: 'Succeeded', progress: '10/10' });
  const { 'job/0': done, ...others } = starts(box.path('log'));
  expect(done).toBe(1);
  expect(Object.keys(others)).toHaveLength(9);
});

test('L-11 a result is visible while others still run', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      {
        name: 'item',
        foreach: { items: ['fast', 'slow'] },
        run: noted(`echo out of \${{ item }}; [ \${{ item }} = fast ] || ${WAIT_FOR_GO}`),
      },
      { name: 'after', foreach: { each: 'item' }, run: noted(':') },
    ],
  });
  const running = box.start('run', file, '--cpus', '2');
  await until('the slow one runs and what follows the fast one is done', () => {
    const seen = spansByTask(box.path('log'));
    return seen.has('item/slow') && seen.get('after/fast')?.[0]?.end !== undefined;
  });
  await until('the ledger has it', async () => (await phasesOf(box))['after/fast'] === 'Succeeded');
  expect(await phasesOf(box)).toMatchObject({
    'item/fast': 'Succeeded',
    'item/slow': 'Running',
    'after/slow': 'Pending',
  });
  expect((await box.cli('logs', 'w', 'item/fast')).stdout).toContain('out of fast');
  box.write('go', '');
  expect((await running.ended).code).toBe(0);
});
