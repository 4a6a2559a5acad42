import { renameSync } from 'node:fs';
import { expect } from 'vitest';
import type { AttemptItem } from '../../src/apis/task-view.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// Behaviours that users of earlier systems rely on: retries, edits of finished workflows, restarts. The ids are those of
// the conformance list.

interface Chain {
  readonly b?: string;
  readonly bName?: string;
  readonly bMore?: object;
}

/** a → b → c, joined by `dependsOn`: whenever one runs again, so does the next. */
function chain({ b = 'echo b > b.txt', bName = 'b', bMore = {} }: Chain = {}) {
  return [
    { name: 'a', outputs: [{ name: 'o', path: 'a.txt' }], run: noted('echo a > a.txt') },
    { name: bName, dependsOn: ['a'], outputs: [{ name: 'o', path: 'b.txt' }], run: noted(b), ...bMore },
    { name: 'c', dependsOn: [bName], outputs: [{ name: 'o', path: 'c.txt' }], run: noted('echo c > c.txt') },
  ];
}

const attemptsOf = async (box: Sandbox, task: string): Promise<readonly AttemptItem[]> =>
  (await box.tasks()).get(task)?.status.attempts ?? [];

test('J-6 a task that always fails is tried four times, and each attempt is kept', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      {
        name: 't',
        retry: { limit: 3, backoff: { initial: '10ms' } },
        run: noted('echo try $FIXPOINT_ATTEMPT; exit 5'),
      },
    ],
  });
  expect((await box.run(file)).code).toBe(1);
  const attempts = await attemptsOf(box, 't');
  expect(attempts.map(({ number, phase, exitCode }) => [number, phase, exitCode])).toEqual(
    [1, 2, 3, 4].map((number) => [number, 'Failed', 5]),
  );
  expect((await box.cli('logs', 'w', 't', '--attempt', '2')).stdout).toContain('try 2');
  expect(starts(box.path('log'))).toEqual({ t: 4 });
});

test('J-7 a task that fails once is retried, and what follows runs once', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      {
        name: 't',
        retry: { limit: 1, backoff: { initial: '10ms' } },
        run: noted('[ -e again ] || { touch again; exit 1; }'),
      },
      { name: 'next', dependsOn: ['t'], run: noted(':') },
    ],
  });
  expect((await box.run(file)).code).toBe(0);
  expect(await box.summary()).toEqual({ t: 'Succeeded 2', next: 'Succeeded 1' });
  expect(starts(box.path('log'))).toEqual({ t: 2, next: 1 });
});

test('M-3 delays between attempts double', async ({ box }) => {
  const file = box.workflow({
    tasks: [{ name: 't', retry: { limit: 3, backoff: { initial: '100ms', factor: 2, jitter: 0 } }, run: 'exit 1' }],
  });
  expect((await box.run(file)).code).toBe(1);
  const attempts = await attemptsOf(box, 't');
  const pauses = attempts
    .slice(1)
    .map((attempt, i) => Date.parse(attempt.createTime) - Date.parse(attempts[i]?.finishTime ?? ''));
  expect(pauses).toHaveLength(3);
  // How much later than asked depends on the machine; earlier never.
  pauses.forEach((pause, i) => {
    expect(pause).toBeGreaterThanOrEqual(100 * 2 ** i);
  });
});

test('L-7 a flaky job says which attempt of how many it is', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 't', retry: { limit: 2, backoff: { initial: '1h' } }, run: '[ -e again ] || { touch again; exit 1; }' },
    ],
  });
  const running = box.start('run', file);
  await until('it waits for its second attempt', async () => {
    const listed = await box.cli('get', 'tasks', 'w', '-o', 'json');
    return listed.stdout.includes('BackOff');
  });
  expect((await box.tasks()).get('t')?.status.message).toContain('attempt 2 of 3');
  // A person who does not want to wait says so.
  await box.expectExit(0, 'retry', 'w', 't');
  expect((await running.ended).code).toBe(0);
  expect((await attemptsOf(box, 't')).map(({ phase }) => phase)).toEqual(['Failed', 'Succeeded']);
});

test('J-10 an identical workflow that is complete launches nothing and writes nothing', async ({ box }) => {
  const file = box.workflow({ tasks: chain() });
  const first = await box.run(file);
  const events = await box.events();
  const second = await box.run(file);
  expect(second.code).toBe(0);
  expect(second.workflow.metadata.resourceVersion).toBe(first.workflow.metadata.resourceVersion);
  await box.daemon();
  await box.expectExit(0, 'apply', '-f', file);
  const listed = await box.json<{ readonly items: readonly object[] }>('get', 'workflows');
  expect(listed.items).toEqual([second.workflow]);
  expect(await box.events()).toEqual(events);
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
});

test('J-11 a changed command runs that task again and what follows, nothing before', async ({ box }) => {
  await box.run(box.workflow({ tasks: chain() }));
  const file = box.workflow({ tasks: chain({ b: 'echo B > b.txt' }) });
  const plan = await box.plan('-f', file);
  expect(plan.code).toBe(2);
  expect(Object.fromEntries(plan.tasks.map(({ name, action }) => [name, action]))).toEqual({
    a: 'Keep',
    b: 'Reset',
    c: 'Reset',
  });
  expect((await box.run(file)).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 2 });
  expect((await box.plan('-f', file)).code).toBe(0);
});

test('J-12 other resources of a finished task are stored and run nothing', async ({ box }) => {
  await box.run(box.workflow({ tasks: chain({ bMore: { resources: { cpu: 1 } } }) }), '--cpus', '4');
  const file = box.workflow({ tasks: chain({ bMore: { resources: { cpu: 3 } } }) });
  expect((await box.run(file, '--cpus', '4')).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
  expect((await box.tasks()).get('b')?.spec).toMatchObject({ resources: { cpu: 3 } });
});

test('J-13 a failed task with more memory runs again, and what follows', async ({ box }) => {
  const withMemory = (memory: string) =>
    box.workflow({
      tasks: chain({ b: '[ "$FIXPOINT_MEMORY_BYTES" -gt 2000000 ]; echo b > b.txt', bMore: { resources: { memory } } }),
    });
  expect((await box.run(withMemory('1M'))).code).toBe(1);
  // Without this, the `run` alone would try a failed task again.
  expect((await box.run(withMemory('1M'), '--no-retry')).code).toBe(1);
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1 });
  expect((await box.run(withMemory('4M'), '--no-retry')).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 1 });
});

test('J-14 a new first task runs the chain again, unless it is order only or nothing it makes differs', async ({
  box,
}) => {
  const tasks = [
    { name: 'a', outputs: [{ name: 'o', path: 'a.txt' }], run: noted('echo a > a.txt') },
    {
      name: 'b',
      inputs: [{ name: 'i', path: 'a.txt' }],
      outputs: [{ name: 'o', path: 'b.txt' }],
      run: noted('cat a.txt > b.txt'),
    },
    { name: 'c', dependsOn: ['b'], run: noted(':') },
  ];
  await box.run(box.workflow({ tasks }));
  const order = { name: 'z', run: noted('echo z') };
  await box.run(box.workflow({ tasks: [order, { ...tasks[0], after: ['z'] }, ...tasks.slice(1)] }));
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1, z: 1 });
  // A data edge: a runs again, but makes what it made before, and there it ends.
  await box.run(box.workflow({ tasks: [{ ...order, requiredBy: ['a'] }, ...tasks] }));
  expect(starts(box.path('log'))).toEqual({ a: 2, b: 1, c: 1, z: 1 });
  const explained = await box.explain('a');
  expect(JSON.stringify(explained.because)).toContain('dependsOn');
  // Without cut-off everything downstream of it runs.
  await box.run(
    box.workflow({
      convergence: 'ResetDescendants',
      tasks: [{ ...order, run: noted('echo zz'), requiredBy: ['a'] }, ...tasks],
    }),
  );
  expect(starts(box.path('log'))).toEqual({ a: 3, b: 2, c: 2, z: 2 });
});

test('J-15 a renamed task takes its result along', async ({ box }) => {
  await box.run(box.workflow({ tasks: chain() }));
  const file = box.workflow({ tasks: chain({ bName: 'b2' }) });
  const plan = await box.plan('-f', file);
  expect(plan.tasks.find(({ name }) => name === 'b2')?.action).toBe('Adopt');
  expect((await box.run(file)).code).toBe(0);
  expect(await box.summary()).toEqual({ a: 'Succeeded 1', b2: 'Succeeded 1', c: 'Succeeded 1' });
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
});

test('J-16 a removed task is pruned, or kept by policy, and nobody can depend on it', async ({ box }) => {
  const extra = { name: 'extra', run: noted(':') };
  await box.run(box.workflow({ tasks: [...chain(), extra] }));
  await box.expectExit(2, 'run', box.workflow({ tasks: [...chain(), { name: 'd', after: ['extra'], run: ':' }] }));
  await box.run(box.workflow({ prune: 'Keep', tasks: chain() }));
  expect((await box.events()).map(({ reason }) => reason)).not.toContain('TaskPruned');
  await box.run(box.workflow({ prune: 'Keep', tasks: [...chain(), extra] }));
  expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1, extra: 1 });
  expect((await box.run(box.workflow({ tasks: chain() }))).code).toBe(0);
  expect((await box.events()).find(({ reason }) => reason === 'TaskPruned')?.task).toBe('extra');
  expect(Object.keys(await box.summary())).toEqual(['a', 'b', 'c']);
});

test('J-18 a running task outlives its controller and is adopted', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      {
        name: 'long',
        outputs: [{ name: 'o', path: 'long.txt' }],
        run: noted('while [ ! -e go ]; do sleep 0.05; done; echo done > long.txt'),
      },
      { name: 'next', dependsOn: ['long'], run: noted(':') },
      { name: 'meanwhile', run: noted('while [ ! -e second ]; do sleep 0.05; done') },
      // Longer than the grace that an attempt without a process is given for its record.
      { name: 'longer', dependsOn: ['meanwhile'], run: noted('sleep 1.5') },
    ],
  });
  const first = box.start('run', file, '--cpus', '4');
  await until('both run', () => spansByTask(box.path('log')).size === 2);
  await first.kill('SIGKILL');
  const second = box.start('run', file, '--cpus', '4');
  box.write('second', '');
  await until(
    'the second controller has been at work',
    () => spansByTask(box.path('log')).get('longer')?.[0]?.end !== undefined,
  );
  box.write('go', '');
  expect((await second.ended).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ long: 1, next: 1, meanwhile: 1, longer: 1 });
  expect(await box.summary()).toMatchObject({ long: 'Succeeded 1', next: 'Succeeded 1' });
});

test.for([
  { who: 'parents', upstream: 'Parents', grandparent: 1 },
  { who: 'ancestors', upstream: 'Ancestors', grandparent: 2 },
])('J-20 a failed child has its $who run again first', async ({ upstream, grandparent }, { box }) => {
  // The child is content with what its upstreams make the second time.
  const file = box.workflow({
    tasks: [
      { name: 'grandparent', run: noted('echo x >> grandparent.count') },
      { name: 'parent', after: ['grandparent'], dependsOn: ['grandparent'], run: noted('echo x >> parent.count') },
      {
        name: 'child',
        dependsOn: ['parent'],
        resetAlso: { upstream },
        run: noted(`[ $(wc -l < parent.count) -ge 2 ]; [ $(wc -l < grandparent.count) -ge ${grandparent} ]`),
      },
    ],
  });
  expect((await box.run(file)).code).toBe(1);
  expect((await box.run(file)).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ grandparent, parent: 2, child: 2 });
});

test('M-13 a fresh run executes everything', async ({ box }) => {
  const file = box.workflow({ tasks: chain() });
  await box.run(file);
  expect((await box.run(file, '--fresh')).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ a: 2, b: 2, c: 2 });
  // And what it made stands from now on.
  expect((await box.run(file)).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ a: 2, b: 2, c: 2 });
});

test('M-14 layout, comments, order of keys and a moved folder change no result', async ({ box }) => {
  const inner = (name: string) => box.path('project', name);
  box.write(
    'project/w.yaml',
    `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  params: {x: 1, sizes: {p: 1, q: 2}}
  tasks:
    - name: t
      inputs: [{name: i, path: in.txt}]
      outputs: [{name: o, path: out.txt}]
      run: |
        echo S t 1 1 1 >> "$LOG"
        cat \${{ inputs.i }} > \${{ outputs.o }}; echo \${{ toJson(params.sizes) }}
`,
  );
  box.write('project/in.txt', 'in\n');
  const state = ['--state', inner('.fixpoint')];
  await box.expectExit(0, 'run', inner('w.yaml'));
  const attempts = async () => (await box.expectExit(0, 'get', 'tasks', 'w', '-o', 'json', ...state)).stdout;
  const identity = /"identity": \{[^}]*\}/;
  const before = identity.exec(await attempts())?.[0];
  box.write(
    'project/w.yaml',
    `# A comment.
kind: Workflow
apiVersion: fixpoint.dev/v1alpha1
metadata:
  name: w
spec:
  tasks:
    - run: |
        # What this does:
        echo S t 1 1 1 >> "$LOG"

        cat \${{ inputs.i }} > \${{ outputs.o }}; echo \${{ toJson(params.sizes) }}
      outputs:
        - {path: out.txt, name: o}
      name: t
      inputs:
        - {path: in.txt, name: i}
  params:
    sizes: {q: 2, p: 1}
    x: 1
`,
  );
  await box.expectExit(0, 'run', inner('w.yaml'));
  expect(box.read('log')).toBe('S t 1 1 1\n');
  expect(identity.exec(await attempts())?.[0]).toBe(before);
  expect(before).toContain('execution');
  // The project is moved, state and all: nothing that identifies a result names the place where it lies.
  renameSync(box.path('project'), box.path('moved'));
  await box.expectExit(0, 'run', box.path('moved', 'w.yaml'));
  expect(box.read('log')).toBe('S t 1 1 1\n');
});
