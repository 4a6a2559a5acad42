import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { attemptProcesses, isAlive } from '../rig/processes.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// Supervisors that end in order, and workflows that are deleted and made again. Kills at any moment: `soak.test.ts`.

const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.05; done';

describe('ending the supervisor in order cancels nothing', () => {
  const file = (box: Sandbox) =>
    box.workflow({
      tasks: [
        { name: 't', run: noted(WAIT_FOR_GO) },
        { name: 'u', dependsOn: ['t'], run: noted(':') },
      ],
    });

  test.for(['SIGTERM', 'SIGINT'] as const)('%s of a daemon', async (signal, { box }) => {
    const daemon = await box.daemon();
    await box.expectExit(0, 'apply', '-f', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    expect((await daemon.kill(signal)).code).toBe(0);
    expect(attemptProcesses(box.dir).length).toBeGreaterThan(0);
    box.write('go', '');
    await box.daemon();
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('SIGTERM of run', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    expect((await running.kill('SIGTERM')).code).not.toBe(0);
    expect(attemptProcesses(box.dir).length).toBeGreaterThan(0);
    box.write('go', '');
    expect((await box.run(file(box))).code).toBe(0);
    expect(await box.summary()).toEqual({ t: 'Succeeded 1', u: 'Succeeded 1' });
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('the first SIGINT of run launches nothing more and lets what runs end', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    running.child.kill('SIGINT');
    await until('it says how to go on', () => running.stderr.includes('ancel'));
    box.write('go', '');
    expect((await running.ended).code).toBe(130);
    expect(starts(box.path('log'))).toEqual({ t: 1 });
    expect((await box.run(file(box))).code).toBe(0);
    expect(await box.summary()).toEqual({ t: 'Succeeded 1', u: 'Succeeded 1' });
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('a second SIGINT of run cancels what runs', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    running.child.kill('SIGINT');
    await until('it says how to go on', () => running.stderr.includes('ancel'));
    if (!running.over) running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    await until('nothing runs', () => attemptProcesses(box.dir).length === 0);
    expect((await box.tasks()).get('t')?.status.phase).toBe('Cancelled');
  });
});

describe('deleted and made again', () => {
  const spec = {
    tasks: [
      { name: 'a', outputs: [{ name: 'o', path: 'a.txt' }], run: noted('echo a > a.txt') },
      {
        name: 'b',
        inputs: [{ name: 'i', path: 'a.txt' }],
        outputs: [{ name: 'o', path: 'b.txt' }],
        run: noted('cat a.txt > b.txt'),
      },
      { name: 'c', dependsOn: ['b'], run: noted(':') },
    ],
  };

  test('what stands is adopted; what is gone is made again; fresh runs all', async ({ box }) => {
    const file = box.workflow(spec);
    await box.run(file);
    const remake = async (...more: readonly string[]): Promise<void> => {
      await box.expectExit(0, 'delete', 'w', '--state', box.state);
      await box.expectExit(0, 'run', file, ...more);
    };
    await remake();
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
    await remake('--no-retry');
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
    rmSync(box.path('b.txt'));
    await remake();
    expect(box.read('b.txt')).toBe('a\n');
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 2 });
    rmSync(box.path('a.txt'));
    await remake();
    // What was made again is what it was: nothing follows from it.
    expect(starts(box.path('log'))).toEqual({ a: 2, b: 2, c: 2 });
    await remake('--fresh');
    expect(starts(box.path('log'))).toEqual({ a: 3, b: 3, c: 3 });
  });

  test('deleting what runs ends it first', async ({ box }) => {
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run: noted(WAIT_FOR_GO) }] }));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    const pids = attemptProcesses(box.dir).map(({ pid }) => pid);
    await box.expectExit(0, 'delete', 'w');
    await box.expectExit(0, 'wait', 'w', '--for', 'delete', '--timeout', '60s');
    expect(pids.filter(isAlive)).toEqual([]);
    await box.expectExit(4, 'get', 'workflows', 'w');
  });
});
