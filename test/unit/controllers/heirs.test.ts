import { expect, test } from 'vitest';
import { documentOf, HomeRig, type TaskText } from './home-rig.ts';

// A renamed task takes over what the removed one made, whenever that comes to an end.

const BIG = { resources: { cpu: 4 } };
const WORKS: TaskText = { name: 'a', run: 'make', ...BIG };
const MAKES: TaskText = { ...WORKS, outputs: [{ name: 'o', path: 'o/a' }] };

test('a task that waits for the capacity of a removed one takes over what that has made after all', async () => {
  // It has succeeded, and nobody knows yet.
  const rig = new HomeRig(() => ({ runMs: 10, endNoticeMs: 3_000 }));
  await rig.open();
  await rig.apply(documentOf([WORKS]));
  const over = rig.clock.now() + 10;
  while (rig.clock.now() < over) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    rig.clock.step();
  }
  await rig.apply(documentOf([{ ...WORKS, name: 'b' }]));
  await rig.untilPhase('Succeeded');
  expect(await rig.attempts()).toEqual({ b: 1 });
  expect((await rig.events()).filter(({ reason }) => reason === 'AttemptCreated')).toHaveLength(1);
});

test('what is taken over and reset with another task runs, and the plan says so', async () => {
  const rig = await new HomeRig().open();
  const also: TaskText = { name: 'c', run: 'one', resetAlso: { tasks: ['a'] } };
  await rig.apply(documentOf([MAKES, also]));
  await rig.untilPhase('Succeeded');
  const renamed = documentOf([
    { ...MAKES, name: 'b' },
    { ...also, run: 'two', resetAlso: { tasks: ['b'] } },
  ]);
  const plan = await rig.drive(rig.home.plan(renamed));
  expect(plan).toMatchObject({ ok: true, value: { summary: { Reset: 2 } } });
  await rig.apply(renamed);
  await rig.untilPhase('Succeeded');
  expect(await rig.attempts()).toEqual({ b: 2, c: 2 });
});
