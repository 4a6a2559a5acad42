import { spawn } from 'node:child_process';
import { describe, expect } from 'vitest';
import type { TaskItem } from '../../src/apis/task-view.ts';
import type { Workflow } from '../../src/apis/workflow.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { attemptProcesses } from '../rig/processes.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// What a user asks for by verbs, what the program answers, and with which exit code.

const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.05; done';

/** one → two by `dependsOn`, two → three by a file, and beside them a fan-out; each notes that it began. */
function pipeline() {
  return [
    { name: 'one', outputs: [{ name: 'o', path: 'one.txt' }], run: noted('echo 1 > one.txt') },
    { name: 'two', dependsOn: ['one'], outputs: [{ name: 'o', path: 'two.txt' }], run: noted('echo 2 > two.txt') },
    { name: 'three', inputs: [{ name: 'i', path: 'two.txt' }], run: noted(':') },
    { name: 'item', labels: { kind: 'item' }, foreach: { items: ['x', 'y'] }, run: noted(':') },
  ];
}

const waitFor = async (box: Sandbox, phase: string): Promise<void> => {
  await box.expectExit(0, 'wait', 'w', '--for', `phase=${phase}`, '--timeout', '60s');
};

const statusOf = async (box: Sandbox): Promise<Workflow['status']> =>
  (await box.json<Workflow>('get', 'workflow', 'w')).status;

async function finishedUnderDaemon(box: Sandbox): Promise<string> {
  await box.daemon('--cpus', '4');
  const file = box.workflow({ tasks: pipeline() });
  await box.expectExit(0, 'apply', '-f', file);
  await waitFor(box, 'Succeeded');
  return file;
}

/** The verb, and then rest: the request is gone from the resource when it has been carried out. */
async function asked(box: Sandbox, ...words: readonly string[]): Promise<void> {
  await box.expectExit(0, ...words);
  await until('the request is carried out', async () => {
    const { metadata } = await box.json<Workflow>('get', 'workflow', 'w');
    return !Object.keys(metadata.annotations ?? {}).some((name) => name.startsWith('request.'));
  });
}

describe('suspend and resume', () => {
  test('what runs goes on, nothing new is launched', async ({ box }) => {
    await box.daemon();
    await box.expectExit(
      0,
      'apply',
      '-f',
      box.workflow({
        tasks: [
          { name: 'a', run: noted(WAIT_FOR_GO) },
          { name: 'b', dependsOn: ['a'], run: noted(':') },
        ],
      }),
    );
    await until('it runs', () => spansByTask(box.path('log')).has('a'));
    await asked(box, 'suspend', 'w');
    box.write('go', '');
    await waitFor(box, 'Suspended');
    expect(starts(box.path('log'))).toEqual({ a: 1 });
    await asked(box, 'resume', 'w');
    await waitFor(box, 'Succeeded');
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 1 });
  });
});

describe('cancel and retry', () => {
  test('one task is cancelled, what depends on it is skipped, the rest runs; retry makes it whole', async ({ box }) => {
    await box.daemon('--cpus', '4');
    const file = box.workflow({
      tasks: [
        { name: 'stuck', run: noted(WAIT_FOR_GO) },
        { name: 'next', dependsOn: ['stuck'], run: noted(':') },
        { name: 'other', run: noted(WAIT_FOR_GO) },
      ],
    });
    await box.expectExit(0, 'apply', '-f', file);
    await until('both run', () => spansByTask(box.path('log')).size === 2);
    await asked(box, 'cancel', 'w', 'stuck');
    await until('it is cancelled', async () => (await box.summary())['stuck'] === 'Cancelled 1');
    expect(await box.summary()).toEqual({ stuck: 'Cancelled 1', next: 'Skipped 0', other: 'Running 1' });
    box.write('go', '');
    await waitFor(box, 'Cancelled');
    await box.expectExit(1, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s');
    await asked(box, 'retry', 'w', 'stuck');
    await waitFor(box, 'Succeeded');
    expect(starts(box.path('log'))).toEqual({ stuck: 2, next: 1, other: 1 });
  });

  test('a failed task is retried by request alone', async ({ box }) => {
    await box.daemon();
    const file = box.workflow({ tasks: [{ name: 't', run: noted('[ -e go ]') }] });
    await box.expectExit(0, 'apply', '-f', file);
    await waitFor(box, 'Failed');
    await box.expectExit(0, 'apply', '-f', file);
    box.write('go', '');
    expect(starts(box.path('log'))).toEqual({ t: 1 });
    await asked(box, 'retry', 'w');
    await waitFor(box, 'Succeeded');
    expect(starts(box.path('log'))).toEqual({ t: 2 });
  });
});

describe('reset', () => {
  test.for([
    { words: ['two'], again: { two: 2, three: 2 } },
    { words: ['two', '--only'], again: { two: 2 } },
    { words: ['three', '--ancestors'], again: { one: 2, two: 2, three: 2 } },
    { words: ['item/*'], again: { 'item/x': 2, 'item/y': 2 } },
    { words: ['t*', '--only'], again: { two: 2, three: 2 } },
    { words: ['-l', 'kind=item'], again: { 'item/x': 2, 'item/y': 2 } },
    { words: ['item'], again: { 'item/x': 2, 'item/y': 2 } },
  ])('reset $words', async ({ words, again }, { box }) => {
    await finishedUnderDaemon(box);
    await asked(box, 'reset', 'w', ...words);
    await waitFor(box, 'Succeeded');
    expect(starts(box.path('log'))).toEqual({ one: 1, two: 1, three: 1, 'item/x': 1, 'item/y': 1, ...again });
  });
});

describe('requests in a document', () => {
  test('that are none are told and taken away; the workflow runs and can be deleted', async ({ box }) => {
    const document = (annotations: object) =>
      box.write(
        'w.json',
        JSON.stringify({
          apiVersion: 'fixpoint.dev/v1alpha1',
          kind: 'Workflow',
          metadata: { name: 'w', annotations },
          spec: { tasks: pipeline() },
        }),
      );
    await box.daemon('--cpus', '4');
    const wrong = {
      'request.fixpoint.dev/a': '{"verb":"rerun"}',
      'request.fixpoint.dev/b': '{"verb":"retry","tasks":"one"}',
      'request.fixpoint.dev/c': 'reset',
    };
    await box.expectExit(0, 'apply', '-f', document(wrong));
    await waitFor(box, 'Succeeded');
    const once = { one: 1, two: 1, three: 1, 'item/x': 1, 'item/y': 1 };
    expect(starts(box.path('log'))).toEqual(once);
    const told = (await box.events()).filter(({ reason }) => reason === 'RequestHandled');
    expect(told.map(({ message }) => message.slice(0, 13))).toEqual(Array(3).fill('not a request'));
    expect(Object.keys((await box.json<Workflow>('get', 'workflow', 'w')).metadata.annotations ?? {})).toEqual([
      'fixpoint.dev/folder',
    ]);
    await box.expectExit(0, 'delete', 'w');
    await box.expectExit(0, 'wait', 'w', '--for', 'delete', '--timeout', '60s');
  });
});

describe('run --until', () => {
  /** one → two, three → four, and a branch beside them. */
  const diamond = [
    { name: 'one', run: noted(':') },
    { name: 'two', dependsOn: ['one'], run: noted(':') },
    { name: 'three', dependsOn: ['one'], run: noted(':') },
    { name: 'four', dependsOn: ['two', 'three'], run: noted(':') },
    { name: 'side', run: noted(':') },
    { name: 'item', foreach: { items: ['x', 'y'] }, run: noted('[ $FIXPOINT_TASK = item/x ] || [ -e go ]') },
  ];

  test('runs what is named and what is upstream, then the rest, and nothing twice', async ({ box }) => {
    const file = box.workflow({ tasks: diamond });
    const ran = await box.expectExit(0, 'run', file, '--until', 'two');
    expect(ran.stderr).toContain('the rest was left as it is');
    expect(starts(box.path('log'))).toEqual({ one: 1, two: 1 });
    await box.expectExit(0, 'run', file, '--until', 'two');
    expect(starts(box.path('log'))).toEqual({ one: 1, two: 1 });
    await box.expectExit(0, 'run', file, '--until', 'four', '--until', 'item/x');
    expect(starts(box.path('log'))).toEqual({ one: 1, two: 1, three: 1, four: 1, 'item/x': 1 });
    await box.expectExit(1, 'run', file, '--until', 'item');
    expect(starts(box.path('log'))).toEqual({ one: 1, two: 1, three: 1, four: 1, 'item/x': 1, 'item/y': 1 });
    // What failed outside of what is wanted stays as it is; what is wanted is tried again.
    await box.expectExit(0, 'run', file, '--until', 'one');
    box.write('go', '');
    await box.expectExit(0, 'run', file, '--until', 'item');
    await box.expectExit(0, 'run', file, '--until', 'one', '--fresh');
    expect(starts(box.path('log'))).toEqual({ one: 2, two: 1, three: 1, four: 1, 'item/x': 1, 'item/y': 2 });
    await box.expectExit(0, 'run', file);
    const all = { one: 2, two: 2, three: 2, four: 2, side: 1, 'item/x': 1, 'item/y': 2 };
    expect(starts(box.path('log'))).toEqual(all);
    await box.expectExit(0, 'run', file);
    expect(starts(box.path('log'))).toEqual(all);
  });

  test('ends although others, left by an earlier run, still run', async ({ box }) => {
    const file = box.workflow({
      tasks: [
        { name: 'slow', run: noted(WAIT_FOR_GO) },
        { name: 'quick', dependsOn: ['first'], run: noted(':') },
        { name: 'first', run: noted('[ -e again ]') },
      ],
    });
    const left = box.start('run', file);
    await until('both began', () => spansByTask(box.path('log')).size === 2);
    await left.kill('SIGTERM');
    box.write('again', '');
    await box.expectExit(0, 'run', file, '--until', 'quick');
    expect(starts(box.path('log'))).toEqual({ slow: 1, first: 2, quick: 1 });
    box.write('go', '');
    await box.expectExit(0, 'run', file);
    expect(starts(box.path('log'))).toEqual({ slow: 1, first: 2, quick: 1 });
  });

  test('is refused for a task that is none, and where a daemon owns the state', async ({ box }) => {
    const file = box.workflow({ tasks: diamond });
    const unknown = await box.expectExit(2, 'run', file, '--until', 'tvo');
    expect(unknown.stderr).toContain('Did you mean two?');
    await box.expectExit(2, 'run', file, '--until', 'two', '--follow=false');
    await box.daemon();
    const owned = await box.expectExit(2, 'run', file, '--until', 'two');
    expect(owned.stderr).toContain('daemon');
    expect(starts(box.path('log'))).toEqual({});
  });
});

describe('run --fresh', () => {
  test('of an edited workflow makes one attempt of each task', async ({ box }) => {
    const spec = (text: string) =>
      box.workflow({ tasks: pipeline().map((t) => ({ ...t, run: `${t.run}; : ${text}` })) });
    await box.run(spec('first'));
    await box.expectExit(0, 'run', spec('second'), '--fresh');
    expect(await box.summary()).toEqual({
      one: 'Succeeded 2',
      two: 'Succeeded 2',
      three: 'Succeeded 2',
      'item/x': 'Succeeded 2',
      'item/y': 'Succeeded 2',
    });
    const seen = (await box.events()).length;
    await box.expectExit(0, 'run', spec('second'));
    expect(await box.events()).toHaveLength(seen);
  });

  test('of one that was left while it ran: nothing of the old definition is launched again', async ({ box }) => {
    const spec = (text: string) =>
      box.workflow({
        tasks: [
          { name: 'a', run: noted(`[ ${text} = old ] && sleep 1; :`) },
          { name: 'b', dependsOn: ['a'], run: noted(`: ${text}`) },
        ],
      });
    const left = box.start('run', spec('old'));
    await until('it runs', () => spansByTask(box.path('log')).has('a'));
    await left.kill('SIGTERM');
    await until('what was left is over', () => attemptProcesses(box.dir).length === 0);
    await box.expectExit(0, 'run', spec('new'), '--fresh');
    expect(starts(box.path('log'))).toEqual({ a: 2, b: 1 });
  });
});

describe('by hand', () => {
  test('complete and fail stand for attempts, and accept keeps a result under a new definition', async ({ box }) => {
    await box.daemon();
    const spec = (text: string) =>
      box.workflow({
        tasks: [
          { name: 'broken', outputs: [{ name: 'o', path: 'o.txt' }], run: noted(`exit 1; ${text}`) },
          { name: 'after', inputs: [{ name: 'i', path: 'o.txt' }], run: noted('cat o.txt') },
        ],
      });
    await box.expectExit(0, 'apply', '-f', spec(':'));
    await waitFor(box, 'Failed');
    box.write('o.txt', 'by hand\n');
    await box.expectExit(2, 'complete', 'w');
    await asked(box, 'complete', 'w', 'broken');
    await waitFor(box, 'Succeeded');
    expect((await box.tasks()).get('broken')?.status).toMatchObject({ phase: 'Succeeded', reason: 'CompletedByHand' });
    // A new definition would run it again; `accept` says that what is there will do.
    await asked(box, 'suspend', 'w');
    await box.expectExit(0, 'apply', '-f', spec('true'));
    await waitFor(box, 'Suspended');
    await asked(box, 'accept', 'w', 'broken');
    await asked(box, 'resume', 'w');
    await waitFor(box, 'Succeeded');
    expect(starts(box.path('log'))).toEqual({ broken: 1, after: 1 });
    await asked(box, 'fail', 'w', 'after');
    await waitFor(box, 'Failed');
    expect((await box.tasks()).get('after')?.status).toMatchObject({ phase: 'Failed', reason: 'FailedByHand' });
  });
});

describe('approval', () => {
  test('a costly plan is held until somebody approves it', async ({ box }) => {
    const spec = (text: string) =>
      box.workflow({
        approval: { discardedTasks: 1 },
        tasks: pipeline().map((task) => ({ ...task, run: `${task.run}; : ${text}` })),
      });
    await box.run(spec('one'));
    expect((await box.plan('-f', spec('two'))).code).toBe(2);
    const held = await box.expectExit(3, 'run', spec('two'));
    expect(held.stderr).toContain('approve');
    expect(starts(box.path('log'))).toMatchObject({ one: 1, two: 1 });
    expect(await statusOf(box)).toMatchObject({ phase: 'Suspended', reason: 'ApprovalRequired' });
    await box.expectExit(0, 'approve', 'w');
    await box.expectExit(0, 'run', spec('two'));
    expect(starts(box.path('log'))).toEqual({ one: 2, two: 2, three: 2, 'item/x': 2, 'item/y': 2 });
    await box.expectExit(0, 'run', spec('three'), '--yes');
    expect(starts(box.path('log'))).toEqual({ one: 3, two: 3, three: 3, 'item/x': 3, 'item/y': 3 });
  });
});

describe('exit codes', () => {
  test('are those that scripts rely on', async ({ box }) => {
    const good = box.workflow({ tasks: [{ name: 't', run: ':' }] });
    const bad = box.workflow({ tasks: [{ name: 't', depends_on: ['u'], run: ':' }] }, 'bad');
    await box.expectExit(6, 'get', 'workflows');
    await box.expectExit(1, 'plan');
    await box.expectExit(1, 'plan', '-f', bad);
    await box.expectExit(2, 'lint', bad);
    await box.expectExit(2, 'run', bad);
    await box.expectExit(2, 'run', 'no-such-file.yaml');
    await box.expectExit(2, 'run', good, '--no-such-option');
    await box.expectExit(2, 'no-such-command');
    await box.expectExit(0, 'run', good);
    await box.expectExit(0, 'plan', '-f', good);
    await box.expectExit(0, 'plan', 'w');
    await box.expectExit(4, 'get', 'workflow', 'nobody');
    await box.expectExit(4, 'get', 'tasks', 'w', 'nobody');
    await box.expectExit(4, 'explain', 'w', 'nobody');
    await box.expectExit(4, 'cancel', 'nobody');
    await box.expectExit(4, 'retry', 'w', 'nobody');
    await box.expectExit(4, 'delete', 'nobody');
    await box.expectExit(0, 'delete', 'nobody', '--ignore-not-found');
  });

  test('a state that another holds is refused with its pid', async ({ box }) => {
    const daemon = await box.daemon();
    const second = await box.expectExit(6, 'daemon');
    expect(second.stderr).toContain(String(daemon.pid));
  });

  test('run where a daemon owns the state submits to it and follows', async ({ box }) => {
    await box.daemon();
    const ran = await box.run(box.workflow({ tasks: [{ name: 't', run: noted('exit 1') }] }));
    expect(ran.code).toBe(1);
    expect(starts(box.path('log'))).toEqual({ t: 1 });
  });
});

describe('plan and explain', () => {
  test('say what differs, from what to what, and which upstream caused it', async ({ box }) => {
    const spec = (value: string) =>
      box.workflow({
        params: { greeting: value },
        tasks: [
          {
            name: 'say',
            outputs: [{ name: 'o', path: 'say.txt' }],
            run: noted('echo ${{ params.greeting }} > ${{ outputs.o }}'),
          },
          { name: 'hear', inputs: [{ name: 'i', path: 'say.txt' }], run: noted('cat ${{ inputs.i }}') },
          { name: 'other', run: noted(':') },
        ],
      });
    await box.run(spec('hello'));
    const plan = await box.plan('-f', spec('world'));
    expect(plan.summary).toEqual({ Reset: 1, Reevaluate: 1, Keep: 1 });
    const say = plan.tasks.find(({ name }) => name === 'say');
    expect(say).toMatchObject({ action: 'Reset', because: [{ old: 'hello', new: 'world' }] });
    expect(JSON.stringify(say?.because)).toContain('run');
    expect(plan.tasks.find(({ name }) => name === 'hear')).toMatchObject({
      action: 'Reevaluate',
      because: [{ task: 'say' }],
    });
    expect(starts(box.path('log'))).toEqual({ say: 1, hear: 1, other: 1 });

    await box.run(spec('world'));
    const explained = await box.explain('say');
    expect(explained.history).toHaveLength(2);
    expect(explained.history[1]?.startedBecause).toMatchObject([{ old: 'hello', new: 'world' }]);
    expect(JSON.stringify((await box.explain('hear')).because)).toContain('inputs.i');
    const text = await box.expectExit(0, 'explain', 'w', 'say');
    expect(text.stdout).toMatch(/hello.*world/s);
    expect(starts(box.path('log'))).toEqual({ say: 2, hear: 2, other: 1 });
  });

  test('a task that waits says for whom', async ({ box }) => {
    await box.run(
      box.workflow({
        tasks: [
          { name: 'bad', run: 'exit 9' },
          { name: 'waits', dependsOn: ['bad'], run: ':' },
        ],
      }),
    );
    const explained = await box.explain('waits');
    expect(explained).toMatchObject({ phase: 'Skipped' });
    expect(`${explained.message} ${explained.rule}`).toContain('bad');
  });
});

describe('looking', () => {
  test('logs: of one task, of an attempt, of the other stream, the end of it', async ({ box }) => {
    const file = box.workflow({
      tasks: [
        {
          name: 't',
          retry: { limit: 1, backoff: { initial: '10ms' } },
          run: 'for i in 1 2 3; do echo "line $i of $FIXPOINT_ATTEMPT"; done; echo trouble >&2; [ $FIXPOINT_ATTEMPT = 2 ]',
        },
      ],
    });
    await box.run(file);
    const logs = async (...more: readonly string[]) => (await box.expectExit(0, 'logs', 'w', 't', ...more)).stdout;
    expect(await logs()).toBe('line 1 of 2\nline 2 of 2\nline 3 of 2\n');
    expect(await logs('--attempt', '1')).toContain('line 1 of 1');
    expect(await logs('--stderr')).toBe('trouble\n');
    expect(await logs('--tail', '1')).toBe('line 3 of 2\n');
  });

  test('logs --tail counts lines, whatever their length', async ({ box }) => {
    await box.run(
      box.workflow({
        tasks: [
          { name: 't', run: 'head -c 700000 /dev/zero | tr "\\0" z; echo; for i in $(seq 5000); do echo "$i é"; done' },
        ],
      }),
    );
    const tail = async (count: number) => (await box.expectExit(0, 'logs', 'w', 't', '--tail', String(count))).stdout;
    const lines = Array.from({ length: 5_000 }, (_, i) => `${i + 1} é\n`);
    expect(await tail(3_000)).toBe(lines.slice(-3_000).join(''));
    expect(await tail(5_001)).toBe(`${'z'.repeat(700_000)}\n${lines.join('')}`);
  });

  test('logs -f shows what comes and ends with the task', async ({ box }) => {
    await box.daemon();
    await box.expectExit(
      0,
      'apply',
      '-f',
      box.workflow({ tasks: [{ name: 't', run: noted(`echo early; ${WAIT_FOR_GO}; echo late`) }] }),
    );
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    const following = box.start('logs', 'w', 't', '-f');
    await until('the first line is shown', () => following.stdout.includes('early'));
    box.write('go', '');
    const ended = await following.ended;
    expect(ended).toMatchObject({ code: 0, stdout: 'early\nlate\n' });
  });

  test('events tell the story in order, and -w goes on', async ({ box }) => {
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run: noted(WAIT_FOR_GO) }] }));
    const watching = box.start('events', 'w', '-w', '-o', 'json');
    await until('its start is told', () => watching.stdout.includes('AttemptStarted'));
    box.write('go', '');
    await waitFor(box, 'Succeeded');
    await until('its end is told', () => watching.stdout.includes('"Succeeded"'));
    await watching.kill('SIGINT');
    const reasons = (await box.events()).filter(({ task }) => task === 't').map(({ reason }) => reason);
    expect(reasons).toEqual(['AttemptCreated', 'AttemptStarted', 'Completed']);
    const times = (await box.events()).map(({ time }) => time);
    expect(times).toEqual([...times].sort());
  });

  test('get -w shows tasks and workflows as they change', async ({ box }) => {
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run: noted(WAIT_FOR_GO) }] }));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    const tasks = box.start('get', 'tasks', 'w', '-w');
    const workflows = box.start('get', 'workflows', '-w');
    await until('both have begun', () => tasks.stdout.includes('Running') && workflows.stdout.includes('Running'));
    box.write('go', '');
    await until(
      'both show the end',
      () => tasks.stdout.includes('Succeeded') && workflows.stdout.includes('Succeeded'),
    );
    for (const watching of [tasks, workflows]) await watching.kill('SIGINT');
  });

  test('an attempt has the promised fields, and its processes are gone', async ({ box }) => {
    await box.run(
      box.workflow({
        tasks: [
          { name: 't', labels: { a: 'b' }, annotations: { c: 'd' }, run: 'head -c 50000000 /dev/zero | sha256sum' },
        ],
      }),
    );
    const item = (await box.tasks()).get('t') as TaskItem;
    expect(item.metadata).toMatchObject({ name: 't', labels: { a: 'b' }, annotations: { c: 'd' } });
    expect(item.status.identity.execution).toMatch(/^[0-9a-f]{64}$/);
    const [attempt] = item.status.attempts;
    expect(attempt).toMatchObject({ number: 1, phase: 'Succeeded', exitCode: 0, backend: 'process', corrections: [] });
    expect(attempt?.handle).toMatchObject({ pid: expect.any(Number) as number });
    expect(attempt?.startTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(attempt?.usage?.cpuSeconds).toBeGreaterThan(0);
    expect(attemptProcesses(box.dir)).toEqual([]);
  });
});

describe('doctor --orphans', () => {
  test('lists what outlived its attempt, and nothing that runs as it should', async ({ box }) => {
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run: noted(WAIT_FOR_GO) }] }));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    const none = await box.expectExit(0, 'doctor', '--orphans');
    expect(none).toMatchObject({ stdout: '', stderr: expect.stringContaining('No process') as string });
    const folder = box.path('.fixpoint', 'runs', 'w', 'gone', '1-nobody');
    const left = spawn('sleep', ['300'], { env: { PATH: process.env['PATH'], FIXPOINT_ATTEMPT_DIR: folder } });
    try {
      const found = await box.expectExit(0, 'doctor', '--orphans');
      expect(found.stdout).toBe(`${left.pid}  of an attempt that the ledger does not know (${folder})\n`);
    } finally {
      left.kill('SIGKILL');
    }
    box.write('go', '');
    await waitFor(box, 'Succeeded');
  });
});
