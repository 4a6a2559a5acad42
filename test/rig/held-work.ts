import { expect } from 'vitest';
import type { Sandbox, Started } from './cli.ts';
import { until } from './eventually.ts';
import { noted, spansByTask } from './task-log.ts';

/** Tasks that run until they are told to go on, and others behind them: what a fault must neither harm nor repeat. */
const WIDTH = 6;
const AT_ONCE = 4;

export function heldWork(box: Sandbox): string {
  return box.workflow({
    tasks: [
      {
        name: 'a',
        foreach: { range: { count: WIDTH } },
        outputs: [{ name: 'o', path: 'a/${{ key }}.txt' }],
        // No script: a shell reads that while it runs, from the folder that may fail.
        command: [
          'bash',
          '-c',
          noted(`while [ ! -e ${box.path('go')} ]; do sleep 0.05; done; date > $FIXPOINT_TASK.txt`),
        ],
      },
      {
        name: 'b',
        foreach: { each: 'a' },
        inputs: [{ name: 'i', path: '${{ tasks.a.at(key).outputs.o }}' }],
        outputs: [{ name: 'o', path: 'b/${{ key }}.txt' }],
        run: noted('cat ${{ inputs.i }} > ${{ outputs.o }}'),
      },
    ],
  });
}

export const CAPACITY = ['--cpus', String(AT_ONCE)] as const;

/** Waits until as many tasks run as may, and the ledger knows. */
export async function heldTasksRun(box: Sandbox): Promise<void> {
  await until('tasks run', async () => {
    if (spansByTask(box.path('log')).size < AT_ONCE) return false;
    const phases = [...(await box.tasks()).values()].map(({ status }) => status.phase);
    return phases.filter((phase) => phase === 'Running').length === AT_ONCE;
  });
}

/** Waits until every held task's command has come to its end. */
export async function heldTasksEnd(box: Sandbox): Promise<void> {
  box.write('go', '');
  await until('the commands end', () => {
    const ended = [...spansByTask(box.path('log')).values()].filter(([span]) => span?.end !== undefined);
    return ended.length >= AT_ONCE;
  });
}

export async function nothingFailed(box: Sandbox): Promise<void> {
  const failed = [...(await box.tasks())].filter(([, { status }]) => status.phase === 'Failed');
  expect(failed.map(([key, { status }]) => `${key}: ${status.reason} ${status.message}`)).toEqual([]);
}

/** It has gone on by itself: everything succeeded at its first attempt, and every command was started once. */
export async function endsWell(box: Sandbox, daemon?: Started): Promise<void> {
  const waited = await box.cli('wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
  expect(waited.code, `${waited.stderr}${daemon?.stderr ?? ''}`).toBe(0);
  const tasks = await box.tasks();
  expect(tasks.size).toBe(2 * WIDTH);
  const seen = spansByTask(box.path('log'));
  for (const [key, { status }] of tasks) {
    const attempts = status.attempts.map(({ phase, reason }) => `${phase} ${reason}`);
    // What was withdrawn before it started is no start.
    const started = status.attempts.filter(({ startTime }) => startTime !== undefined);
    expect(`${key} ${status.phase} ${started.length}`, JSON.stringify(attempts)).toBe(`${key} Succeeded 1`);
    expect(seen.get(key)?.length, `starts of ${key}`).toBe(1);
    expect(seen.get(key)?.[0]?.end, `${key} was harmed`).toBeDefined();
  }
}
