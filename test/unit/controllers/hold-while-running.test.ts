import { expect, test } from 'vitest';
import type { WorkflowDocument } from '../../../src/apis/workflow.ts';
import { documentOf, HomeRig, type TaskText } from './home-rig.ts';

// A plan is made where something may be lost, and what runs may be: whatever an edit does to it counts before it does it.

const MANY = 1_000_000;
const LONG_MS = 10 * 3_600_000;

function limited(...tasks: readonly TaskText[]): WorkflowDocument {
  const document = documentOf(tasks);
  return { ...document, spec: { ...document.spec, approval: { discardedCoreHours: 1 } } };
}

/** With an attempt of `a` that has run for three hours. */
async function longRunning(...tasks: readonly TaskText[]): Promise<HomeRig> {
  const rig = new HomeRig((key) => ({ runMs: key === 'a' ? LONG_MS : 5, exitCode: key === 'b' ? 1 : 0 }));
  await rig.open();
  await rig.apply(limited(...tasks));
  const end = rig.clock.now() + 3 * 3_600_000;
  rig.clock.after(3 * 3_600_000, () => undefined);
  while (rig.clock.now() < end) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    rig.clock.step();
  }
  return rig;
}

const A = { name: 'a', resources: { cpu: 1 } };

test.each([
  { what: 'is made another', edited: [{ ...A, run: 'other' }], reason: 'ApprovalRequired' },
  { what: 'stays what it is', edited: [A, { name: 'new' }], reason: 'TasksRunning' },
])('where what runs $what: $reason', async ({ edited, reason }) => {
  const rig = await longRunning(A);
  await rig.apply(limited(...edited));
  expect((await rig.get()).status?.reason).toBe(reason);
});

test('what goes on as it is needs no plan, also when the home opens again', async () => {
  const rig = await longRunning(A);
  rig.preimagesUntilFailure = MANY;
  await rig.apply(limited(A));
  await rig.reopen();
  expect(rig.preimagesUntilFailure).toBe(MANY);
  await rig.apply(limited({ ...A, run: 'other' }));
  expect(rig.preimagesUntilFailure).toBeLessThan(MANY);
});

test('a task that would be reset with another one, which never succeeded, needs a plan', async () => {
  const b = { name: 'b', resetAlso: { tasks: ['a'] } };
  const rig = await longRunning(A, b);
  await rig.apply(limited(A, { ...b, run: 'other' }));
  expect((await rig.get()).status?.reason).toBe('ApprovalRequired');
});
