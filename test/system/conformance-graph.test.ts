import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { GraphView, TaskItem } from '../../src/apis/task-view.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { noted, type Span, spansByTask, starts } from '../rig/task-log.ts';

// Behaviours that users of earlier systems rely on: order, edges, failure, admission, parameters, fan-out. The ids are
// those of the conformance list.

/** Ends of the first come before the beginning of the second, by what the tasks themselves noted. */
function expectOrder(seen: ReadonlyMap<string, readonly Span[]>, first: string, second: string): void {
  const ends = seen.get(first)?.map((span) => span.end) ?? [];
  const begins = seen.get(second)?.map((span) => span.begin) ?? [];
  expect(ends, first).toHaveLength(1);
  expect(begins, second).toHaveLength(1);
  expect(ends[0], `${first} before ${second}`).toBeLessThanOrEqual(begins[0] as bigint);
}

/** How many of these ran at once, at most. */
function mostAtOnce(all: readonly Span[]): number {
  const moments = all.flatMap((span) => [
    { at: span.begin, change: 1 },
    { at: span.end ?? 0n, change: -1 },
  ]);
  moments.sort((a, b) => (a.at === b.at ? a.change - b.change : a.at < b.at ? -1 : 1));
  let now = 0;
  let most = 0;
  for (const { change } of moments) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

/** `fixpoint run` with what must be refused: exit code 2, and nothing was launched. */
const REFUSED = 2;

test('J-1 before, after and a file make an order', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'D', inputs: [{ name: 'i', path: 'b.txt' }], run: noted('cat ${{ inputs.i }}') },
      { name: 'C', after: ['B'], run: noted(':') },
      { name: 'B', outputs: [{ name: 'o', path: 'b.txt' }], run: noted('echo b > ${{ outputs.o }}') },
      { name: 'A', requiredBy: ['B'], run: noted(':') },
    ],
  });
  expect(await box.run(file)).toMatchObject({ code: 0, workflow: { status: { phase: 'Succeeded' } } });
  const seen = spansByTask(box.path('log'));
  expectOrder(seen, 'A', 'B');
  expectOrder(seen, 'B', 'C');
  expectOrder(seen, 'B', 'D');
  expect(await box.summary()).toEqual({ A: 'Succeeded 1', B: 'Succeeded 1', C: 'Succeeded 1', D: 'Succeeded 1' });
});

test('J-2 a pattern does not match the task that has it', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'align_a', run: ':' },
      { name: 'align_b', run: ':' },
      { name: 'align_c', run: ':' },
      { name: 'other', run: ':' },
      { name: 'align_all', after: ['align_*'], run: ':' },
    ],
  });
  const graph = await box.json<GraphView>('graph', '-f', file);
  const edges = graph.edges.map(({ from, to }) => `${graph.tasks[from]?.name} ${graph.tasks[to]?.name}`);
  expect(edges.sort()).toEqual(['align_a align_all', 'align_b align_all', 'align_c align_all']);
  expect((await box.run(file)).code).toBe(0);
});

test('J-3 after a task that does not exist is refused, naming both', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'first', run: noted(':') },
      { name: 'second', after: ['frist'], run: noted(':') },
    ],
  });
  for (const command of [
    ['run', file],
    ['lint', file],
    ['apply', '-f', file, '--state', box.state],
  ]) {
    const { stderr, stdout } = await box.expectExit(REFUSED, ...command);
    expect(`${stderr}${stdout}`).toMatch(/frist/);
    expect(`${stderr}${stdout}`).toMatch(/second/);
  }
  expect(starts(box.path('log'))).toEqual({});
});

test('J-4 an input that nobody makes is refused, unless it says that it comes from outside', async ({ box }) => {
  const input = { name: 'i', path: 'nowhere.txt' };
  const task = (more: object) => ({
    tasks: [{ name: 't', inputs: [{ ...input, ...more }], run: noted('cat ${{ inputs.i }}') }],
  });
  const refused = await box.expectExit(REFUSED, 'run', box.workflow(task({})));
  expect(refused.stderr).toContain('nowhere.txt');
  const file = box.workflow(task({ external: true }));
  expect((await box.run(file)).code).toBe(1);
  expect((await box.tasks()).get('t')?.status).toMatchObject({ phase: 'Failed', reason: 'MissingInput', attempts: [] });
  box.write('nowhere.txt', 'here now\n');
  expect((await box.run(file)).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ t: 1 });
});

test('J-5 a failure skips what follows, names the cause, and lets the rest run', async ({ box }) => {
  const { code, workflow } = await box.run(
    box.workflow({
      tasks: [
        { name: 'A', run: 'exit 1' },
        { name: 'B', after: ['A'], run: noted(':') },
        { name: 'C', dependsOn: ['B'], run: noted(':') },
        { name: 'D', run: noted(':') },
      ],
    }),
  );
  expect(code).toBe(1);
  expect(workflow.status).toMatchObject({ phase: 'Failed', reason: 'TasksFailed' });
  const tasks = await box.tasks();
  expect(tasks.get('A')?.status).toMatchObject({ phase: 'Failed', reason: 'ExitCode' });
  for (const key of ['B', 'C']) {
    expect(tasks.get(key)?.status).toMatchObject({ phase: 'Skipped', reason: 'UpstreamFailed', attempts: [] });
    expect(tasks.get(key)?.status.message).toContain('A');
  }
  expect(starts(box.path('log'))).toEqual({ D: 1 });
});

test('J-27 two tasks alike without names get names of their own', async ({ box }) => {
  const file = box.workflow({ tasks: [{ run: noted('echo same') }, { run: noted('echo same') }] });
  expect((await box.run(file)).code).toBe(0);
  const names = [...(await box.tasks()).keys()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^step-[a-z0-9]+-\d+$/);
  expect(Object.values(starts(box.path('log')))).toEqual([1, 1]);
});

test('J-29 render writes the document and executes nothing', async ({ box }) => {
  const file = box.workflow({ params: { n: 1 }, tasks: [{ name: 't', run: noted('echo ${{ params.n }}') }] });
  const { stdout } = await box.expectExit(0, 'render', file, '--param', 'n=2', '-o', 'json');
  const [workflow] = (JSON.parse(stdout) as { readonly items: readonly object[] }).items;
  expect(workflow).toMatchObject({ kind: 'Workflow', spec: { params: { n: 2 }, tasks: [{ name: 't' }] } });
  expect(starts(box.path('log'))).toEqual({});
  expect(existsSync(box.state)).toBe(false);
  // What was rendered is a document like any other.
  expect((await box.run(box.write('rendered.json', JSON.stringify(workflow)))).code).toBe(0);
  expect(starts(box.path('log'))).toEqual({ t: 1 });
});

test('J-30 parameters keep their types, and one without a value is refused by name', async ({ box }) => {
  const file = box.workflow({
    params: { fromDocument: 'x' },
    paramSchema: [
      { name: 's', type: 'string' },
      { name: 'b', type: 'bool' },
      { name: 'i', type: 'int' },
      { name: 'f', type: 'double' },
      { name: 'l', type: 'list<string>' },
      { name: 'm', type: 'map<int>' },
    ],
    tasks: [
      {
        name: 't',
        files: [
          {
            name: 'all',
            content: '${{ toJson([params.s, string(params.b), string(params.i + 1), string(params.f / 2.0)]) }}',
          },
        ],
        run: 'cat ${{ files.all }}; echo; printf "<%s>" ${{ params.l }}; echo; echo ${{ params.m.k + 1 }}',
      },
    ],
  });
  box.write('more.yaml', 'l: [a b, c]\nm: {k: 41}\n');
  const given = ['--param', 's=007', '--param', 'b=true', '--param', 'i=41', '--param', 'f=0.5'];
  const missing = await box.expectExit(REFUSED, 'run', file, ...given, '--param', 'm={"k":1}');
  expect(missing.stderr).toMatch(/\bl\b/);
  await box.expectExit(REFUSED, 'run', file, ...given, '--param-file', 'more.yaml', '--param', 'i=4.5');
  expect((await box.run(file, ...given, '--param-file', 'more.yaml')).code).toBe(0);
  const { stdout } = await box.expectExit(0, 'logs', 'w', 't');
  expect(stdout).toContain('["007","true","42","0.25"]');
  expect(stdout).toContain('<a b><c>');
  expect(stdout).toContain('42');
});

test('C-1 a command that exits 1 fails once with its code', async ({ box }) => {
  const { code, workflow } = await box.run(box.workflow({ tasks: [{ name: 't', run: 'echo why >&2; exit 1' }] }));
  expect(code).toBe(1);
  expect(workflow.status).toMatchObject({ phase: 'Failed', failing: [{ name: 't', reason: 'ExitCode', exitCode: 1 }] });
  const attempts = (await box.tasks()).get('t')?.status.attempts;
  expect(attempts).toMatchObject([{ number: 1, phase: 'Failed', reason: 'ExitCode', exitCode: 1 }]);
});

test('S-3 exit codes and commands that do not exist are told apart', async ({ box }) => {
  box.write('no-exec.sh', 'echo no\n', 0o644);
  expect(
    await box.run(
      box.workflow({
        tasks: [
          { name: 'code', run: 'exit 7' },
          { name: 'shell', run: 'no-such-program-here' },
          { name: 'argv', command: ['no-such-program-here'] },
          { name: 'exec', command: ['./no-exec.sh'] },
          { name: 'signal', run: 'kill -KILL $$' },
        ],
      }),
    ),
  ).toMatchObject({ code: 1 });
  const tasks = await box.tasks();
  const ends = Object.fromEntries(
    [...tasks].map(([key, { status }]) => [key, `${status.reason} ${status.attempts.at(-1)?.exitCode}`]),
  );
  expect(ends).toEqual({
    code: 'ExitCode 7',
    shell: 'CommandNotFound 127',
    argv: 'CommandNotFound 127',
    exec: 'NotExecutable 126',
    signal: 'Signal 137',
  });
});

test('S-6 a required file that is missing fails the task before it is launched', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'makes', run: noted('touch made-by-the-way') },
      { name: 'reads', after: ['makes'], inputs: [{ name: 'i', path: 'in.txt', external: true }], run: noted(':') },
      { name: 'then', dependsOn: ['reads'], run: noted(':') },
    ],
  });
  expect((await box.run(file)).code).toBe(1);
  const tasks = await box.tasks();
  expect(tasks.get('reads')?.status).toMatchObject({ phase: 'Failed', reason: 'MissingInput', attempts: [] });
  expect(tasks.get('reads')?.status.message).toContain('in.txt');
  expect(tasks.get('then')?.status.phase).toBe('Skipped');
  expect(starts(box.path('log'))).toEqual({ makes: 1 });
});

test('M-1 a diamond runs the two in the middle beside each other', async ({ box }) => {
  const meet = (mine: string, other: string): string =>
    noted(`touch ${mine}; for i in $(seq 600); do [ -e ${other} ] && break; sleep 0.05; done; [ -e ${other} ]`);
  const file = box.workflow({
    tasks: [
      { name: 'a', run: noted(':') },
      { name: 'b', dependsOn: ['a'], run: meet('b.here', 'c.here') },
      { name: 'c', dependsOn: ['a'], run: meet('c.here', 'b.here') },
      { name: 'd', dependsOn: ['b', 'c'], run: noted(':') },
    ],
  });
  expect((await box.run(file, '--cpus', '2')).code).toBe(0);
  const seen = spansByTask(box.path('log'));
  for (const [first, second] of [
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'd'],
    ['c', 'd'],
  ] as const)
    expectOrder(seen, first, second);
});

test('M-2 exit code 3 fails, and dependents are skipped', async ({ box }) => {
  const file = box.workflow({
    tasks: [
      { name: 'x', run: 'exit 3' },
      { name: 'y', dependsOn: ['x'], run: noted(':') },
    ],
  });
  expect((await box.run(file)).code).toBe(1);
  expect(await box.summary()).toEqual({ x: 'Failed 1', y: 'Skipped 0' });
  expect((await box.tasks()).get('x')?.status.attempts[0]?.exitCode).toBe(3);
});

test('M-5 with a failure the rest is done and readable, and allowFailure makes it a partial success', async ({
  box,
}) => {
  const spec = (allowFailure: boolean) => ({
    tasks: [
      { name: 'bad', allowFailure, run: 'exit 1' },
      { name: 'after_bad', allowFailure, dependsOn: ['bad'], run: ':' },
      { name: 'good', outputs: [{ name: 'o', path: 'good.txt' }], run: 'echo fine > ${{ outputs.o }}' },
      { name: 'show', run: 'cat ${{ tasks.good.outputs.o }}' },
    ],
  });
  expect(await box.run(box.workflow(spec(false)))).toMatchObject({
    code: 1,
    workflow: { status: { phase: 'Failed', reason: 'TasksFailed' } },
  });
  expect(box.read('good.txt')).toBe('fine\n');
  expect((await box.cli('logs', 'w', 'show')).stdout).toContain('fine');
  expect(await box.run(box.workflow(spec(true)))).toMatchObject({
    code: 0,
    workflow: { status: { phase: 'Succeeded', reason: 'PartiallySucceeded' } },
  });
});

test('L-6 a limit of six is used in full and never passed', async ({ box }) => {
  // Each waits until six have begun, so that the test does not depend on how fast they start.
  const wait =
    'n=$(( ($(wc -l < began) + 5) / 6 * 6 )); for i in $(seq 1200); do [ $(wc -l < began) -ge $n ] && break; sleep 0.05; done';
  const file = box.workflow({
    parallelism: 6,
    tasks: [
      {
        name: 'job',
        foreach: { range: { count: 12 } },
        resources: { cpu: 1 },
        run: noted(`echo x >> began; ${wait}; sleep 0.2`),
      },
    ],
  });
  expect((await box.run(file, '--cpus', '12')).code).toBe(0);
  const all = [...spansByTask(box.path('log')).values()].flat();
  expect(all).toHaveLength(12);
  expect(mostAtOnce(all)).toBe(6);
});

test('K-4 fan-outs over nothing, one, many, tuples and maps keep their order and their cap', async ({ box }) => {
  const show = (text: string): string => noted(`echo ${text}; sleep 0.05`);
  const file = box.workflow({
    params: {
      none: [],
      pairs: [
        ['a', 1],
        ['b', 2],
      ],
    },
    tasks: [
      { name: 'none', foreach: { itemsFrom: '${{ params.none }}' }, run: show('x') },
      { name: 'afterNone', dependsOn: ['none'], run: noted(':') },
      { name: 'one', foreach: { items: ['only'] }, run: show('${{ item }}') },
      { name: 'many', foreach: { items: ['z', 'y', 'x', 'w', 'v', 'u'], parallelism: 2 }, run: show('${{ item }}') },
      {
        name: 'pair',
        foreach: { itemsFrom: '${{ params.pairs }}', key: '${{ item[0] }}' },
        run: show('${{ item[0] }} ${{ item[1] }}'),
      },
      {
        name: 'map',
        foreach: {
          items: [
            { id: 'p', n: 1 },
            { id: 'q', n: 2 },
          ],
          key: '${{ item.id }}',
        },
        run: show('${{ item.n }}'),
      },
    ],
  });
  expect((await box.run(file, '--cpus', '8')).code).toBe(0);
  expect([...(await box.tasks()).keys()].filter((key) => key !== 'none')).toEqual([
    'afterNone',
    'one/only',
    'many/z',
    'many/y',
    'many/x',
    'many/w',
    'many/v',
    'many/u',
    'pair/a',
    'pair/b',
    'map/p',
    'map/q',
  ]);
  expect((await box.cli('logs', 'w', 'pair/b')).stdout).toContain('b 2');
  const seen = spansByTask(box.path('log'));
  expect(seen.has('none')).toBe(false);
  const many = [...seen].filter(([key]) => key.startsWith('many/')).flatMap(([, list]) => list);
  expect(mostAtOnce(many)).toBe(2);
});

test('M-16 two more points of a sweep are two more runs', async ({ box }) => {
  const sweep = (values: readonly number[]) =>
    box.workflow({
      tasks: [
        {
          name: 'point',
          foreach: {
            matrix: [
              { name: 'lr', values },
              { name: 'opt', values: ['sgd'] },
            ],
          },
          outputs: [{ name: 'o', path: 'out/${{ key }}.txt' }],
          run: noted('echo ${{ item.lr }} > ${{ outputs.o }}'),
        },
      ],
    });
  await box.run(sweep([0.1, 0.2, 0.3]));
  await box.run(sweep([0.1, 0.15, 0.2, 0.3, 0.4]));
  expect(starts(box.path('log'))).toEqual({
    'point/lr=0.1,opt=sgd': 1,
    'point/lr=0.15,opt=sgd': 1,
    'point/lr=0.2,opt=sgd': 1,
    'point/lr=0.3,opt=sgd': 1,
    'point/lr=0.4,opt=sgd': 1,
  });
  const attempts = [...(await box.tasks()).values()].map(({ status }: TaskItem) => status.attempts.length);
  expect(attempts).toEqual([1, 1, 1, 1, 1]);
});

describe('an input with a fallback', () => {
  const spec = (fallback: string, optional = false) => ({
    tasks: [
      {
        name: 'a',
        allowFailure: true,
        inputs: [{ name: 'ok', path: 'ok', optional: true, external: true }],
        outputs: [{ name: 'x', path: 'a.txt' }],
        run: 'test -e ok && echo a > a.txt',
      },
      {
        name: 'b',
        allowFailure: true,
        inputs: [{ name: 'no', path: 'no', optional: true, external: true }],
        outputs: [{ name: 'y', path: 'b.txt' }],
        run: 'test ! -e no && echo b > b.txt',
      },
      {
        name: 'c',
        inputs: [
          { name: 'i', path: `\${{ default(tasks.a.outputs.x, ${fallback}) }}`, ...(optional ? { optional } : {}) },
        ],
        outputs: [{ name: 'o', path: 'c.txt' }],
        run: 'cat ${{ inputs.i }} < /dev/null > c.txt',
      },
    ],
  });

  test('7.2 names the file of whichever upstream made one, and follows when that changes', async ({ box }) => {
    const file = box.workflow(spec('tasks.b.outputs.y'));
    await box.expectExit(0, 'run', file);
    expect(await box.summary()).toEqual({ a: 'Failed 1', b: 'Succeeded 1', c: 'Succeeded 1' });
    expect(box.read('c.txt')).toBe('b\n');
    box.write('ok', '');
    await box.expectExit(0, 'run', file);
    expect(box.read('c.txt')).toBe('a\n');
    expect((await box.summary())['c']).toBe('Succeeded 2');
    await box.expectExit(0, 'run', file);
    expect((await box.summary())['c']).toBe('Succeeded 2');
  });

  test('7.2 falls back to a file that nobody makes, looked at when it is needed', async ({ box }) => {
    const file = box.workflow(spec('"spare.txt"'));
    box.write('spare.txt', 'spare 1\n');
    await box.expectExit(0, 'run', file);
    expect(box.read('c.txt')).toBe('spare 1\n');
    box.write('spare.txt', 'spare 2\n');
    await box.expectExit(0, 'run', file);
    expect(box.read('c.txt')).toBe('spare 2\n');
    box.write('ok', '');
    await box.expectExit(0, 'run', file);
    expect(box.read('c.txt')).toBe('a\n');
    rmSync(box.path('ok'));
    await box.expectExit(0, 'run', file);
    expect(box.read('c.txt')).toBe('spare 2\n');
  });

  test('7.2 without any of them the task is skipped, or runs without, if the input is optional', async ({ box }) => {
    box.write('no', '');
    await box.expectExit(0, 'run', box.workflow(spec('tasks.b.outputs.y')));
    const skipped = (await box.tasks()).get('c')?.status;
    expect(`${skipped?.phase} ${skipped?.reason}`).toBe('Skipped UpstreamSkipped');
    await box.expectExit(0, 'run', box.workflow(spec('tasks.b.outputs.y', true)), '--no-retry');
    expect((await box.summary())['c']).toBe('Succeeded 1');
    expect(box.read('c.txt')).toBe('');
  });

  test('7.2 a file to fall back to that a task makes is waited for', async ({ box }) => {
    const [a, , c] = spec('"raw.txt"').tasks;
    const raw = { name: 'raw', outputs: [{ name: 'x', path: 'raw.txt' }], run: 'sleep 1; echo raw > raw.txt' };
    await box.expectExit(0, 'run', box.workflow({ tasks: [c, a, raw] }));
    expect(box.read('c.txt')).toBe('raw\n');
    expect(await box.summary()).toEqual({ c: 'Succeeded 1', a: 'Failed 1', raw: 'Succeeded 1' });
    const circle = { ...raw, inputs: [{ name: 'i', path: 'c.txt' }] };
    const refused = await box.expectExit(2, 'lint', box.workflow({ tasks: [c, a, circle] }));
    expect(refused.stderr + refused.stdout).toContain('E-CYCLE');
  });
});

test('an optional input that is not there is absent, wherever it is named', async ({ box }) => {
  const optional = [{ name: 'x', path: 'none.txt', optional: true }];
  const file = box.workflow({
    tasks: [
      {
        name: 'a',
        inputs: optional,
        outputs: [{ name: 'o', path: 'a' }],
        run: "echo ${{ default(inputs.x, 'absent') }} > a",
      },
      { name: 'b', inputs: optional, outputs: [{ name: 'o', path: 'b' }], run: 'echo ${{ has(inputs.x) }} > b' },
      { name: 'c', inputs: optional, outputs: [{ name: 'o', path: 'c' }], run: 'set -- ${{ inputs.x }}; echo $# > c' },
    ],
  });
  await box.expectExit(0, 'run', file);
  expect(['a', 'b', 'c'].map((name) => box.read(name))).toEqual(['absent\n', 'false\n', '0\n']);
  box.write('none.txt', '');
  await box.expectExit(0, 'run', file);
  expect(['a', 'b', 'c'].map((name) => box.read(name))).toEqual(['none.txt\n', 'true\n', '1\n']);
});

test('a word of a command that is one list is spliced', async ({ box }) => {
  const file = box.workflow({
    params: { l: ['x', 'two words', '*'] },
    tasks: [
      { name: 'm', outputs: [{ name: 'g', glob: 'm/*' }], run: 'mkdir -p m; touch m/1 m/2' },
      { name: 'a', command: ['printf', '<%s>', '${{ params.l }}'], stdout: 'a', outputs: [{ name: 'o', path: 'a' }] },
      {
        name: 'b',
        command: ['printf'],
        args: ['<%s>', '${{ tasks.m.outputs.g }}', 'end'],
        stdout: 'deep/b',
        outputs: [{ name: 'o', path: 'deep/b' }],
      },
    ],
  });
  await box.expectExit(0, 'run', file);
  expect(box.read('a')).toBe('<x><two words><*>');
  expect(box.read('deep/b')).toBe('<m/1><m/2><end>');
});

test('no output may lie where Fixpoint keeps its own files', async ({ box }) => {
  const file = box.workflow({ tasks: [{ name: 'a', outputs: [{ name: 'o', path: '.fixpoint/x' }], run: 'echo' }] });
  const refused = await box.expectExit(2, 'run', file);
  expect(refused.stderr).toContain('E-OUTPUT-PATH');
});

test('what a person left at the place of an output is kept', async ({ box }) => {
  box.write('o', 'mine');
  const spec = (text: string) => ({
    tasks: [{ name: 'a', outputs: [{ name: 'o', path: 'o' }], run: `echo ${text} > o` }],
  });
  await box.expectExit(0, 'run', box.workflow(spec('1')));
  await box.expectExit(0, 'run', box.workflow(spec('2')));
  await box.expectExit(0, 'run', box.workflow(spec('3')));
  const runs = readdirSync(box.path('.fixpoint/runs'), { recursive: true, encoding: 'utf8' });
  const kept = runs.filter((name) => name.endsWith('kept/o')).map((name) => box.read(`.fixpoint/runs/${name}`));
  expect(kept).toEqual(['mine']);
});

test('J-23 thousands of small tasks, many sleeping at once, and tasks without a command', async ({ box }) => {
  const sleepers = 200;
  const file = box.workflow({
    tasks: [
      { name: 'trivial', foreach: { range: { count: 3_000 } }, resources: { cpu: '10m' }, command: ['true'] },
      { name: 'sleeps', foreach: { range: { count: sleepers } }, resources: { cpu: '10m' }, run: noted('sleep 2') },
      { name: 'gate', after: ['trivial'] },
      { name: 'gates', foreach: { range: { count: 500 } }, dependsOn: ['gate'] },
      { name: 'end', dependsOn: ['gates', 'sleeps'], run: noted(':') },
    ],
  });
  const running = box.start('run', file, '--cpus', '4');
  let memoryKb = 0;
  let files = 0;
  let over = false;
  void running.ended.finally(() => {
    over = true;
  });
  await until('it ends', () => {
    if (over) return true;
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running.pid}/status`, 'latin1'));
      memoryKb = Math.max(memoryKb, Number(peak?.[1] ?? 0));
      files = Math.max(files, readdirSync(`/proc/${running.pid}/fd`).length);
    } catch {
      // It has ended meanwhile.
    }
    return false;
  });
  expect((await running.ended).code).toBe(0);
  const phases = [...(await box.tasks()).values()].map(({ status }) => status.phase);
  expect(phases).toEqual(Array(3_702).fill('Succeeded'));
  const seen = spansByTask(box.path('log'));
  expect(
    mostAtOnce([...seen].filter(([key]) => key.startsWith('sleeps/')).flatMap(([, spans]) => spans)),
  ).toBeGreaterThan(50);
  expect(memoryKb / 1024, 'MB of the program').toBeLessThan(250);
  // However many run, and end in one moment.
  expect(files, 'open files of the program').toBeLessThan(sleepers);
});
