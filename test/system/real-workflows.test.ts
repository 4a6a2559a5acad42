import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import type { TaskItem } from '../../src/apis/task-view.ts';
import { test } from '../rig/in-sandbox.ts';

// Workflows as their owners recorded them, at a tiny scale: each must import, lint clean, run to success in the order of
// every recorded edge, and be at rest afterwards.

const FOLDER = resolve(import.meta.dirname, '../../examples/wfinstances');
const INSTANCES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

interface Recorded {
  readonly workflow: {
    readonly specification: { readonly tasks: readonly { readonly id: string; readonly parents: readonly string[] }[] };
  };
}

interface Times {
  readonly start: number;
  readonly finish: number;
}

function timesById(tasks: Iterable<TaskItem>): ReadonlyMap<string, Times> {
  const times = new Map<string, Times>();
  for (const { metadata, status } of tasks) {
    const id = metadata.annotations?.['wfformat/id'];
    const [only] = status.attempts;
    if (id === undefined || only?.startTime === undefined || only.finishTime === undefined) continue;
    times.set(id, { start: Date.parse(only.startTime), finish: Date.parse(only.finishTime) });
  }
  return times;
}

test('there are twelve recorded workflows', () => {
  expect(INSTANCES).toHaveLength(12);
});

test.for(INSTANCES)('%s runs in the recorded order, and once', async (name, { box }) => {
  const instance = join(FOLDER, name);
  const scales = ['--time-scale', '0.0002', '--size-scale', '0.00001'];
  const imported = await box.expectExit(0, 'import', 'wfformat', instance, ...scales);
  const file = box.write('w.yaml', imported.stdout);
  const linted = await box.expectExit(0, 'lint', file);
  expect(linted.stdout).not.toMatch(/[EW]-[A-Z]/);

  const first = await box.run(file, '--cpus', '4');
  expect(first).toMatchObject({ code: 0, workflow: { status: { phase: 'Succeeded', reason: 'Completed' } } });
  const workflow = first.workflow.metadata.name;
  const tasks = await box.tasks(workflow);
  for (const [key, { status }] of tasks) expect(`${key} ${status.attempts.length}`).toBe(`${key} 1`);

  const { specification } = (JSON.parse(readFileSync(instance, 'utf8')) as Recorded).workflow;
  const times = timesById(tasks.values());
  expect(times.size).toBe(specification.tasks.length);
  for (const { id, parents } of specification.tasks)
    for (const parent of parents)
      expect(times.get(id)?.start, `${parent} before ${id}`).toBeGreaterThanOrEqual(
        times.get(parent)?.finish ?? Infinity,
      );

  const events = await box.events(workflow);
  const second = await box.run(file, '--cpus', '4');
  expect(second).toMatchObject({ code: 0, workflow: { status: { phase: 'Succeeded' } } });
  expect((await box.events(workflow)).length).toBe(events.length);
});
