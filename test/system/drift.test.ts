import { readFileSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Workflow } from '../../src/apis/workflow.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { noted, starts } from '../rig/task-log.ts';

// Files change after a workflow has finished: shown and left alone, unless it asks for being watched.

const COPY = noted('cat in.txt > out.txt');

const spec = (watchInputs: boolean) => ({
  watchInputs,
  tasks: [
    {
      name: 'copy',
      inputs: [{ name: 'in', path: 'in.txt' }],
      outputs: [{ name: 'out', path: 'out.txt' }],
      run: COPY,
    },
    { name: 'other', run: noted('true') },
  ],
});

/** Old enough that its digest is trusted, as a user's file is. */
function writeInput(box: Sandbox, text: string): void {
  const path = box.write('in.txt', text);
  const time = new Date(Date.now() - 60_000);
  utimesSync(path, time, time);
}

/** Nothing while it is made anew: what it was is moved aside before. */
function copied(box: Sandbox): string | undefined {
  try {
    return box.read('out.txt');
  } catch {
    return undefined;
  }
}

const condition = async (box: Sandbox, type: string) => {
  const workflow = await box.json<Workflow>('get', 'workflow', 'w');
  return workflow.status?.conditions.find((c) => c.type === type);
};

const ran = (box: Sandbox) => starts(box.path('log'));

describe('watchInputs', () => {
  test('a changed input runs what reads it, without an apply', async ({ box }) => {
    writeInput(box, 'one\n');
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow(spec(true)));
    await box.expectExit(0, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s');
    expect(ran(box)).toEqual({ copy: 1, other: 1 });
    writeInput(box, 'two\n');
    await until('it ran again', () => ran(box)['copy'] === 2 && copied(box) === 'two\n');
    // Replaced by renaming, as editors do, and gone and back.
    box.write('next.txt', 'three\n');
    renameSync(box.path('next.txt'), box.path('in.txt'));
    await until('a replaced file is seen', () => ran(box)['copy'] === 3 && copied(box) === 'three\n');
    await box.expectExit(0, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s');
    expect(ran(box)['other']).toBe(1);
  });

  test('without it nothing happens before the next look', async ({ box }) => {
    writeInput(box, 'one\n');
    const daemon = await box.daemon();
    const file = box.workflow(spec(false));
    await box.expectExit(0, 'apply', '-f', file);
    await box.expectExit(0, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s');
    const watching = {
      watchInputs: true,
      tasks: [{ name: 'seen', inputs: [{ name: 'in', path: 'in.txt' }], run: noted('true') }],
    };
    await box.expectExit(0, 'apply', '-f', box.workflow(watching, 'v'));
    await box.expectExit(0, 'wait', 'v', '--for', 'condition=Complete', '--timeout', '60s');
    writeInput(box, 'two\n');
    // An unchanged document applied to a live daemon looks at nothing.
    await box.expectExit(0, 'apply', '-f', file);
    await until('the one that watches ran again', () => ran(box)['seen'] === 2);
    await daemon.kill('SIGTERM');
    expect(ran(box)).toEqual({ copy: 1, other: 1, seen: 2 });
  });
});

describe('drift of a finished workflow', () => {
  const finished = async (box: Sandbox): Promise<string> => {
    writeInput(box, 'one\n');
    const file = box.workflow(spec(false));
    expect((await box.run(file)).code).toBe(0);
    return file;
  };

  test('is shown by the daemon that opens it, and acted on at the next apply', async ({ box }) => {
    const file = await finished(box);
    writeInput(box, 'two\n');
    await box.daemon();
    expect(await condition(box, 'InputsChanged')).toMatchObject({
      status: 'True',
      reason: 'FilesChanged',
      message: `files changed since it finished; the next apply runs again: copy (${box.path('in.txt')})`,
    });
    expect((await box.json<Workflow>('get', 'workflow', 'w')).status?.phase).toBe('Succeeded');
    expect(ran(box)).toEqual({ copy: 1, other: 1 });
    await box.expectExit(0, 'apply', '-f', file);
    await until('it ran again', () => ran(box)['copy'] === 2);
    await box.expectExit(0, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s');
    expect(await condition(box, 'InputsChanged')).toBeUndefined();
    expect(ran(box)).toEqual({ copy: 2, other: 1 });
  });

  test('a request is a wish too', async ({ box }) => {
    await finished(box);
    rmSync(box.path('out.txt'));
    await box.daemon();
    expect((await condition(box, 'InputsChanged'))?.message).toContain(`copy (${box.path('out.txt')})`);
    await box.expectExit(0, 'retry', 'w');
    await until('it ran again', () => ran(box)['copy'] === 2);
    await until('the condition is gone', async () => (await condition(box, 'InputsChanged')) === undefined);
  });

  test('what is put back in time was no drift', async ({ box }) => {
    await finished(box);
    writeInput(box, 'two\n');
    await (await box.daemon()).kill('SIGTERM');
    writeInput(box, 'one\n');
    await box.daemon();
    expect(await condition(box, 'InputsChanged')).toBeUndefined();
    expect(ran(box)).toEqual({ copy: 1, other: 1 });
  });

  test('a deleted workflow that rests goes', async ({ box }) => {
    await finished(box);
    writeInput(box, 'two\n');
    await box.daemon();
    await box.expectExit(0, 'delete', 'w');
    await until('it is gone', async () => (await box.cli('get', 'workflow', 'w')).code === 4);
  });

  test('run acts on it at once', async ({ box }) => {
    const file = await finished(box);
    writeInput(box, 'two\n');
    const { workflow } = await box.run(file);
    expect(workflow.status?.conditions.map((c) => c.type)).not.toContain('InputsChanged');
    expect(ran(box)).toEqual({ copy: 2, other: 1 });
  });

  test('what failurePolicy holds back is no drift', async ({ box }) => {
    const tasks = [
      { name: 'a', priority: 10, run: noted('exit 3') },
      { name: 'b', run: noted('true') },
    ];
    const { code, workflow } = await box.run(box.workflow({ failurePolicy: 'Stop', parallelism: 1, tasks }));
    expect([code, workflow.status?.reason]).toEqual([1, 'StoppedAfterFailure']);
    await box.daemon();
    expect(await condition(box, 'InputsChanged')).toBeUndefined();
  });
});

describe('a plan that waits for approval', () => {
  test('waits still after a restart', async ({ box }) => {
    const spec = (x: number) => ({
      approval: { discardedTasks: 0 },
      params: { x },
      tasks: [{ name: 'a', run: noted('echo ${{ params.x }}') }],
    });
    expect((await box.run(box.workflow(spec(1)))).code).toBe(0);
    expect((await box.run(box.workflow(spec(2)))).code).toBe(3);
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 'later', run: noted('true') }] }, 'v'));
    await until('something else has run', () => ran(box)['later'] === 1);
    expect((await box.json<Workflow>('get', 'workflow', 'w')).status?.reason).toBe('ApprovalRequired');
    expect(ran(box)['a']).toBe(1);
    await box.expectExit(0, 'approve', 'w');
    await until('it ran', () => ran(box)['a'] === 2);
  });
});

describe('a file that a source cannot use', () => {
  test('is a condition until the next good one, also where that changes nothing', async ({ box }) => {
    const good = readFileSync(box.workflow({ tasks: [{ name: 'a', run: noted('true') }] }), 'utf8');
    box.write('watched/w.json', good);
    await box.daemon('--watch', 'watched');
    await until('it is applied', () => ran(box)['a'] === 1);
    box.write('watched/w.json', '{"spec": ');
    await until('it is shown', async () => (await condition(box, 'SourceInvalid'))?.status === 'True');
    box.write('watched/w.json', good);
    await until('it is over', async () => (await condition(box, 'SourceInvalid')) === undefined);
    expect(ran(box)['a']).toBe(1);
  });
});

describe('configuration', () => {
  test('limits come from config.yaml in the state folder, and an unknown backend is refused by name', async ({
    box,
  }) => {
    box.write('.fixpoint/config.yaml', 'backends: [{name: process, type: process, cpus: 1}]\n');
    const two = box.workflow({ tasks: [{ name: 'a', resources: { cpu: 2 }, run: 'true' }] });
    const refused = await box.expectExit(2, 'run', two);
    expect(refused.stderr).toContain('E-RESOURCES tasks[0].resources.cpu: a asks for 2 cores');
    await box.expectExit(0, 'run', two, '--cpus', '2');
    const elsewhere = await box.expectExit(
      2,
      'run',
      box.workflow({ tasks: [{ name: 'a', backend: 'pbs', run: 'true' }] }),
    );
    expect(elsewhere.stderr).toContain('E-BACKEND tasks[0].backend: "pbs" is no configured backend. There is: process');
    box.write('bad.yaml', 'backends: [{name: hpc, type: pbs}]\n');
    const bad = await box.expectExit(2, 'run', two, '--config', 'bad.yaml');
    expect(bad.stderr).toContain('bad.yaml:1:30 E-BACKEND backends[0].type: "pbs" is no type of backend');
  });
});
