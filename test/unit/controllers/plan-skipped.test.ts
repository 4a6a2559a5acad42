import { expect, test } from 'vitest';
import { documentOf, HomeRig } from './home-rig.ts';

test('a task that was skipped, and whose upstream is reset with another one, may run', async () => {
  const rig = new HomeRig((key) => ({ exitCode: key === 'a' ? 1 : 0 }));
  await rig.open();
  const tasks = (run: string) =>
    documentOf([{ name: 'a' }, { name: 'b', dependsOn: ['a'] }, { name: 'c', run, resetAlso: { tasks: ['a'] } }]);
  await rig.apply(tasks('one'));
  await rig.untilPhase('Failed');
  const plan = await rig.drive(rig.home.plan(tasks('two')));
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  const actions = Object.fromEntries(plan.value.tasks.map(({ name, action }) => [name, action]));
  expect(actions).toEqual({ a: 'Reset', b: 'Reevaluate', c: 'Reset' });
});
