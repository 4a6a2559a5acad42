import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TaskItem } from '../../../src/apis/task-view.ts';
import { document, shell } from './terminal.ts';

const REF = { namespace: 'default', name: 'a' };
const YAML = `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: a}
spec:
  params: {greeting: hi}
  tasks:
    - {name: one, run: "true"}
`;

function task(name: string, labels: Record<string, string> = {}): TaskItem {
  const attempt = {
    number: 1,
    uid: 'u',
    phase: 'Failed' as const,
    reason: 'ExitCode',
    exitCode: 3,
    backend: 'process',
    directory: '/runs/x',
    createTime: '2026-01-01T00:00:00.000Z',
    corrections: [],
  };
  const status = { phase: 'Failed' as const, reason: 'ExitCode', message: 'exit code 3', identity: {}, results: {} };
  return { metadata: { name, uid: name, labels }, spec: { run: 'x' }, status: { ...status, attempts: [attempt] } };
}

describe('get', () => {
  test('workflows: a table, wide, names, JSON, YAML, by label', async () => {
    await using sh = await shell();
    await sh.home.apply(document('a', 'true', { labels: { team: 'x' } }));
    await sh.home.apply(document('b'));
    sh.home.setStatus(REF, { phase: 'Failed', progress: '3/5', counts: { Failed: 2 }, reason: 'TasksFailed' });
    const table = await sh.fixpoint('get', 'workflows');
    expect(table.code).toBe(0);
    expect(table.out.split('\n')[0]).toMatch(/^NAME {3}STATUS {4}PROGRESS {3}FAILED {3}AGE$/);
    expect(table.out.split('\n')[1]).toMatch(/^a {6}Failed {4}3\/5 {8}2 {8}\d+d$/);
    expect((await sh.fixpoint('get', 'workflows', '-o', 'wide')).out).toContain('TasksFailed');
    expect((await sh.fixpoint('get', 'fwf', '-o', 'name')).out).toBe(
      'workflow.fixpoint.dev/a\nworkflow.fixpoint.dev/b\n',
    );
    const list = JSON.parse((await sh.fixpoint('get', 'workflows', '-o', 'json')).out);
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List', items: [{ kind: 'Workflow' }, {}] });
    expect(JSON.parse((await sh.fixpoint('get', 'workflow', 'a', '-o', 'json')).out).metadata.name).toBe('a');
    expect((await sh.fixpoint('get', 'workflow', 'a', '-o', 'yaml')).out).toContain('kind: Workflow');
    expect((await sh.fixpoint('get', 'workflows', '-l', 'team=x', '-o', 'name')).out).toBe('workflow.fixpoint.dev/a\n');
    expect((await sh.fixpoint('get', 'workflows', '-A')).out).toMatch(/^NAMESPACE/);
  });

  test('nothing found is said on standard error, and is no error', async () => {
    await using sh = await shell();
    expect(await sh.fixpoint('get', 'workflows')).toEqual({ code: 0, out: '', err: 'No workflows found.\n' });
    expect(JSON.parse((await sh.fixpoint('get', 'workflows', '-o', 'json')).out).items).toEqual([]);
  });

  test('tasks: keys, globs, groups, labels', async () => {
    await using sh = await shell();
    await sh.home.apply(document('a'));
    sh.home.setTasks(REF, [task('index'), task('align/x', { kind: 'slow' }), task('align/y')]);
    const names = async (...argv: string[]) => (await sh.fixpoint('get', 'tasks', 'a', ...argv, '-o', 'name')).out;
    expect(await names()).toBe('index\nalign/x\nalign/y\n');
    expect(await names('align/x')).toBe('align/x\n');
    expect(await names('align')).toBe('align/x\nalign/y\n');
    expect(await names('*')).toBe('index\n');
    expect(await names('-l', 'kind=slow')).toBe('align/x\n');
    const list = JSON.parse((await sh.fixpoint('get', 'tasks', 'a', '-o', 'json')).out);
    expect(list).toMatchObject({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'TaskList' });
    expect(list.items).toHaveLength(3);
    expect((await sh.fixpoint('get', 'tasks', 'a', '-o', 'wide')).out).toMatch(/process +3 +\/runs\/x +exit code 3/);
    expect((await sh.fixpoint('get', 'tasks', 'a', 'nope')).code).toBe(4);
  });
});

describe('exit codes', () => {
  test.each([
    [['get', 'workflow', 'none'], 4],
    [['get', 'tasks', 'none'], 4],
    [['describe', 'none'], 4],
    [['logs', 'none'], 4],
    [['events', 'none'], 4],
    [['retry', 'none'], 4],
    [['delete', 'none'], 4],
    [['delete', 'none', '--ignore-not-found'], 0],
    [['explain', 'none'], 4],
    [['plan', 'none'], 1],
    [['plan'], 1],
    [['plan', '--nonsense'], 1],
    [['get'], 2],
    [['get', 'pods'], 2],
    [['get', 'workflows', '-o', 'xml'], 2],
    [['get', 'workflows', '-l', 'a b'], 2],
    [['logs', 'a', '--tail', 'x'], 2],
    [['wait', 'a'], 2],
    [['wait', 'a', '--for', 'phase=Nope'], 2],
    [['fail', 'a'], 2],
    [['complete', 'a'], 2],
    [['delete'], 2],
    [['apply'], 2],
    [['apply', '-f', 'missing.yaml'], 2],
    [['nonsense'], 2],
    [['get', 'workflows', '--server', 'unix:/nonexistent/s.sock'], 6],
    [['--help'], 0],
    [['get', '--help'], 0],
    [['version'], 0],
    [['--version'], 0],
  ])('%j: %d', async (argv, code) => {
    await using sh = await shell();
    const seen = await sh.fixpoint(...argv);
    expect(seen.code).toBe(code);
    expect(code === 0 ? seen.err : seen.out).toBe('');
    if (code !== 0) expect(seen.err).not.toBe('');
  });

  test('a conflict is 5', async () => {
    await using sh = await shell();
    sh.home.apply = async () => ({ ok: false, error: { reason: 'Conflict', message: 'changed meanwhile' } });
    expect((await sh.fixpointWith({ stdin: YAML }, 'apply', '-f', '-')).code).toBe(5);
  });
});

describe('apply and delete', () => {
  test('as kubectl: created, configured, unchanged, deleted', async () => {
    await using sh = await shell();
    const apply = async (...more: string[]) =>
      (await sh.fixpointWith({ stdin: YAML }, 'apply', '-f', '-', ...more)).out;
    expect(await apply('--dry-run')).toBe('workflow.fixpoint.dev/a created (dry run)\n');
    expect(await apply()).toBe('workflow.fixpoint.dev/a created\n');
    expect(await apply()).toBe('workflow.fixpoint.dev/a unchanged\n');
    expect(await apply('--param', 'greeting=hello')).toBe('workflow.fixpoint.dev/a configured\n');
    const stored = await sh.home.get(REF);
    expect(stored.ok && stored.value.spec.params).toEqual({ greeting: 'hello' });
    expect(stored.ok && stored.value.metadata.annotations?.['fixpoint.dev/folder']).toBe(sh.serving.folder);
    expect((await sh.fixpointWith({ stdin: YAML }, 'delete', '-f', '-')).out).toBe('workflow.fixpoint.dev/a deleted\n');
  });

  test('an error in one file of a folder applies none', async () => {
    await using sh = await shell();
    await writeFile(join(sh.serving.folder, 'a.yaml'), YAML);
    await writeFile(join(sh.serving.folder, 'b.yaml'), YAML.replace('tasks:', 'tasksss:'));
    const seen = await sh.fixpoint('apply', '-f', '.');
    expect(seen.code).toBe(2);
    expect(seen.err).toMatch(/b\.yaml:\d+:\d+ E-[A-Z-]+ /);
    expect(sh.home.applies).toEqual([]);
    const json = await sh.fixpoint('apply', '-f', 'b.yaml', '-o', 'json');
    const [first] = json.out.split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({
      file: 'b.yaml',
      line: expect.any(Number),
      code: expect.any(String),
    });
  });

  test('what the home refuses is shown at its place in the file', async () => {
    await using sh = await shell();
    const diagnostics = [
      { severity: 'error' as const, code: 'E-CYCLE', path: ['spec', 'tasks', 0, 'run'], message: 'no.', hint: 'Do.' },
    ];
    sh.home.apply = async () => ({ ok: false, error: { reason: 'Invalid', message: 'bad', diagnostics } });
    const seen = await sh.fixpointWith({ stdin: YAML }, 'apply', '-f', '-');
    expect(seen).toEqual({ code: 2, out: '', err: '<stdin>:7:24 E-CYCLE tasks[0].run: no. Do.\n' });
  });
});

describe('views', () => {
  test('plan tells by its exit code whether there is something to do', async () => {
    await using sh = await shell();
    const plan = (text: string, ...more: string[]) => sh.fixpointWith({ stdin: text }, 'plan', '-f', '-', ...more);
    const fresh = await plan(YAML);
    expect(fresh).toMatchObject({ code: 2, err: '' });
    expect(fresh.out).toContain('+ one  Create');
    await sh.fixpointWith({ stdin: YAML }, 'apply', '-f', '-');
    expect((await plan(YAML)).code).toBe(0);
    expect((await sh.fixpoint('plan', 'a')).code).toBe(0);
    const json = await plan(YAML.replace('"true"', '"false"'), '-o', 'json');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ kind: 'Plan', summary: { Reset: 1 } });
    expect((await plan('kind: [')).code).toBe(1);
  });

  test('explain, describe, graph, logs, events', async () => {
    await using sh = await shell();
    await sh.home.apply(document('a'));
    sh.home.setTasks(REF, [task('one')]);
    sh.home.addEvent('a', { reason: 'AttemptStarted', task: 'one', attempt: 1 });
    sh.home.addLog({ task: 'one', attempt: 1, text: 'out\n' });
    sh.home.addLog({ task: 'one', attempt: 1, text: 'err\n' }, 'stderr');
    expect((await sh.fixpoint('explain', 'a', 'one')).out).toContain('its result stands');
    expect(JSON.parse((await sh.fixpoint('explain', 'a', 'one', '-o', 'json')).out).rule).toBe('its result stands');
    expect((await sh.fixpoint('describe', 'a')).out).toContain('not judged yet');
    expect((await sh.fixpoint('describe', 'a', 'one')).out).toMatch(/Exit code: +3\n/);
    expect((await sh.fixpoint('graph', 'a')).out).toBe('one\n');
    expect((await sh.fixpoint('graph', 'a', '-o', 'dot')).out).toContain('digraph');
    expect((await sh.fixpoint('logs', 'a', 'one')).out).toBe('out\n');
    expect((await sh.fixpoint('logs', 'a', '--stderr')).out).toBe('==> one (attempt 1) <==\nerr\n');
    expect((await sh.fixpoint('events', 'a')).out).toBe('00:00:00.000 AttemptStarted one\n');
    const event = JSON.parse((await sh.fixpoint('events', 'a', '-o', 'json')).out);
    expect(event).toMatchObject({ reason: 'AttemptStarted', task: 'one', attempt: 1, type: 'Normal' });
  });

  test('wait: at once, later, never', async () => {
    await using sh = await shell();
    await sh.home.apply(document('a'));
    sh.home.setStatus(REF, { phase: 'Running' });
    const waiting = sh.fixpoint('wait', 'a', '--for', 'phase=Succeeded', '--timeout', '0s');
    while (sh.home.openStreams === 0) await new Promise((resolve) => setImmediate(resolve));
    sh.home.setStatus(REF, { phase: 'Succeeded' });
    expect(await waiting).toEqual({ code: 0, out: 'workflow.fixpoint.dev/a condition met\n', err: '' });
    const failed = await sh.fixpoint('wait', 'a', '--for', 'condition=Failed', '--timeout', '1ms');
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('timed out');
    expect((await sh.fixpoint('wait', 'gone', '--for', 'delete')).code).toBe(0);
  });

  test('verbs are requests with their tasks and flags', async () => {
    await using sh = await shell();
    await sh.home.apply(document('a'));
    expect((await sh.fixpoint('reset', 'a', 'one', 'al*', '--ancestors', '--only')).out).toBe(
      'workflow.fixpoint.dev/a reset requested\n',
    );
    await sh.fixpoint('retry', 'a', '-l', 'x=y', '--force');
    await sh.fixpoint('suspend', 'a');
    expect(sh.home.requests).toEqual([
      { id: 'cli-id1', verb: 'reset', tasks: ['one', 'al*'], ancestors: true, only: true },
      { id: 'cli-id1', verb: 'retry', selector: 'x=y', force: true },
      { id: 'cli-id1', verb: 'suspend' },
    ]);
  });
});

test('colours on terminals alone, and not against NO_COLOR', async () => {
  await using sh = await shell();
  await sh.home.apply(document('a'));
  sh.home.addEvent('a', { reason: 'X', type: 'Warning' });
  const events = async (isTerminal: boolean, env: Record<string, string>) =>
    (await sh.fixpointWith({ isTerminal, env }, 'events', 'a')).out.includes('\u001b[');
  expect(await events(true, {})).toBe(true);
  expect(await events(true, { NO_COLOR: '1' })).toBe(false);
  expect(await events(true, { TERM: 'dumb' })).toBe(false);
  expect(await events(false, {})).toBe(false);
});
