import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retrySettings } from '../../../src/apis/defaults.ts';
import { effectiveTask } from '../../../src/apis/merge.ts';
import type { TaskDefaults, TaskSpec } from '../../../src/apis/workflow.ts';

function merged(defaults: TaskDefaults, task: Omit<TaskSpec, 'name'>): Omit<TaskSpec, 'name'> {
  const { name: _, ...rest } = effectiveTask({ defaults, tasks: [] }, { name: 'a', ...task });
  return rest;
}

test('objects merge field by field', () => {
  expect(
    merged(
      { resources: { cpu: 1, memory: '1Gi' }, retry: { limit: 2, backoff: { initial: '1s', max: '5m' } } },
      { resources: { memory: '2Gi' }, retry: { backoff: { max: '9m' } } },
    ),
  ).toEqual({
    resources: { cpu: 1, memory: '2Gi' },
    retry: { limit: 2, backoff: { initial: '1s', max: '9m' } },
  });
});

test('list-maps merge by name, in the place of the default', () => {
  expect(
    merged(
      {
        env: [
          { name: 'A', value: '1', identity: 'Exclude' },
          { name: 'B', value: '2' },
        ],
      },
      {
        env: [
          { name: 'C', value: '3' },
          { name: 'A', value: '4' },
        ],
      },
    ),
  ).toEqual({
    env: [
      { name: 'A', value: '4', identity: 'Exclude' },
      { name: 'B', value: '2' },
      { name: 'C', value: '3' },
    ],
  });
});

test('of fields that exclude one another the one of the task stands alone', () => {
  const secret = { secretKeyRef: { name: 's', key: 'k' } };
  const map = { configMapKeyRef: { name: 'c', key: 'k' } };
  const cases = [
    [{ valueFrom: secret }, { value: 'x' }],
    [{ value: 'x' }, { valueFrom: secret }],
    [{ valueFrom: secret }, { valueFrom: map }],
  ] as const;
  for (const [under, over] of cases)
    expect(merged({ env: [{ name: 'A', ...under }] }, { env: [{ name: 'A', ...over }] })).toEqual({
      env: [{ name: 'A', ...over }],
    });
  expect(merged({ env: [{ name: 'A', valueFrom: secret }] }, { env: [{ name: 'A', identity: 'Exclude' }] })).toEqual({
    env: [{ name: 'A', valueFrom: secret, identity: 'Exclude' }],
  });
});

test('plain lists and sets are replaced', () => {
  expect(
    merged(
      { shell: ['sh', '-e'], retry: { reasons: ['OutOfMemory'], exitCodes: [1] } },
      { shell: ['bash'], retry: { exitCodes: [] } },
    ),
  ).toEqual({
    shell: ['bash'],
    retry: { reasons: ['OutOfMemory'], exitCodes: [] },
  });
});

test('empty is a value', () => {
  expect(
    merged(
      { setup: 'module load x', shell: ['sh'], retry: { limit: 3 }, workdir: 'w' },
      { setup: '', retry: { limit: 0 }, workdir: '' },
    ),
  ).toEqual({
    setup: '',
    shell: ['sh'],
    retry: { limit: 0 },
    workdir: '',
  });
});

test('moving a field between levels changes nothing, and merging changes neither side', () => {
  const amounts = fc.record({ cpu: fc.nat(), memory: fc.string() }, { requiredKeys: [] });
  const env = fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B', '__proto__'), value: fc.string() }), {
    selector: (e) => e.name,
  });
  const defaults = fc.record(
    { resources: amounts, env, setup: fc.string(), priority: fc.integer() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(defaults, (fields) => {
      const before = structuredClone(fields);
      expect(merged(fields, {})).toEqual(fields);
      expect(merged({}, fields)).toEqual(fields);
      expect(merged(fields, fields)).toEqual(fields);
      expect(fields).toEqual(before);
    }),
  );
});

test('without defaults the task is itself', () => {
  const task = { name: 'a' };
  expect(effectiveTask({ tasks: [] }, task)).toBe(task);
});

test('documented defaults of retry', () => {
  expect(retrySettings(undefined)).toEqual({
    limit: 0,
    initialMs: 1000,
    factor: 2,
    maxMs: 300_000,
    jitter: 0.1,
    reasons: undefined,
    exitCodes: undefined,
  });
  expect(retrySettings({ limit: 2, backoff: { initial: '2m' } })).toMatchObject({
    limit: 2,
    initialMs: 120_000,
    maxMs: 300_000,
  });
});
