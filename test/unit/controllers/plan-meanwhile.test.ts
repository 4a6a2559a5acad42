import { expect, test } from 'vitest';
import type { Look } from '../../../src/planning/facts.ts';
import { documentOf, HomeRig, type TaskText } from './home-rig.ts';

// A plan is made beside the turns: the workflow goes on while files are looked at for it.

const OUTPUT = { outputs: [{ name: 'o', path: 'o/a' }] };
const FIRST: TaskText = { name: 'a', ...OUTPUT };
const SECOND: TaskText = { ...FIRST, run: 'other' };

/** `a` has succeeded, and was edited; what runs now ends so. `meanwhile`: once, while files are looked at for a plan. */
async function rerunning(exitCode: number): Promise<{ rig: HomeRig; meanwhile: (run: () => Promise<void>) => void }> {
  let started = 0;
  const rig = new HomeRig(() => ({ runMs: 1_000, exitCode: started++ === 0 ? 0 : exitCode, partial: true }));
  await rig.open();
  await rig.apply(documentOf([FIRST]));
  await rig.untilPhase('Succeeded');
  await rig.apply(documentOf([SECOND]));
  await rig.untilPhase('Running');
  const { files } = rig.world;
  const look = files.look.bind(files);
  const meanwhile = (run: () => Promise<void>): void => {
    files.look = async (looks: readonly Look[]) => {
      const seen = await look(looks);
      if (looks.length > 0) {
        files.look = look;
        await run();
      }
      return seen;
    };
  };
  return { rig, meanwhile };
}

test('what an attempt left open meanwhile is looked at again, and once', async () => {
  const { rig, meanwhile } = await rerunning(1);
  meanwhile(async () => {
    await rig.untilPhase('Failed');
  });
  const plan = await rig.drive(rig.home.plan(documentOf([FIRST])));
  expect(plan).toMatchObject({ ok: true, value: { tasks: [{ name: 'a', action: 'Reevaluate' }] } });
});

test('what an attempt has stamped meanwhile is not forgotten for what was seen before', async () => {
  const { rig, meanwhile } = await rerunning(0);
  meanwhile(async () => {
    await rig.untilPhase('Succeeded');
  });
  const plan = await rig.drive(rig.home.plan(documentOf([SECOND])));
  expect(plan).toMatchObject({ ok: true, value: { summary: { Keep: 1 } } });
  await rig.rest();
  expect(await rig.attempts()).toEqual({ a: 2 });
});
