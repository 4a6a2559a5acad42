import { describe, expect, test } from 'vitest';
import type { Workflow } from '../../../src/apis/workflow.ts';
import { MAX_FAILING_TASKS_IN_STATUS } from '../../../src/base/limits.ts';
import { documentOf, HomeRig, REF } from './home-rig.ts';

describe('logs --tail', () => {
  const LINES = Array.from({ length: 5_000 }, (_, i) => `${i} ${'ü'.repeat(500)}\n`);

  test.each([1, 700, 4_999, 100_000])('%d of long lines', async (tail) => {
    const rig = await new HomeRig(() => ({ stdout: LINES.join('') })).open();
    await rig.apply(documentOf([{ name: 'one' }]));
    await rig.untilPhase('Succeeded');
    expect(await rig.logs({ tail })).toBe(LINES.slice(-tail).join(''));
  });

  test('of several tasks: the last lines of each', async () => {
    const rig = await new HomeRig((key) => ({ stdout: `${key} 1\n${key} 2\n` })).open();
    await rig.apply(documentOf([{ name: 'a' }, { name: 'b' }]));
    await rig.untilPhase('Succeeded');
    expect(await rig.logs({ tail: 1 })).toBe('a 2\nb 2\n');
  });
});

const shown = (workflow: Workflow): Record<string, string | undefined> =>
  Object.fromEntries((workflow.status?.failing ?? []).map(({ name, log }) => [name, log]));

/** The tails come a turn after the failure. */
async function untilTold(rig: HomeRig, told: Readonly<Record<string, string>>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (JSON.stringify(shown(await rig.get())) === JSON.stringify(told)) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    rig.clock.step();
  }
  expect(shown(await rig.get())).toEqual(told);
}

describe('the end of stderr in the status', () => {
  test('is there for every failure shown, however many came before', async () => {
    const trouble = { round: 0, failing: true };
    const rig = await new HomeRig((key) => ({
      exitCode: trouble.failing ? 1 : 0,
      stderr: `${key} in round ${trouble.round}\n`,
    })).open();
    const names = Array.from({ length: MAX_FAILING_TASKS_IN_STATUS - 8 }, (_, i) => `t${i + 10}`);
    await rig.apply(documentOf(names.map((name) => ({ name }))));
    for (let round = 0; round < 4; round++) {
      await rig.untilPhase('Failed');
      await untilTold(rig, Object.fromEntries(names.map((name) => [name, `${name} in round ${round}`])));
      trouble.round = round + 1;
      await rig.drive(rig.home.request(REF, { id: `r${round}`, verb: 'retry' }));
    }
    trouble.failing = false;
    await rig.untilPhase('Failed');
    await rig.drive(rig.home.request(REF, { id: 'last', verb: 'retry' }));
    expect(shown(await rig.untilPhase('Succeeded'))).toEqual({});
  });

  test('is there after a restart, without a write', async () => {
    const rig = await new HomeRig(() => ({ exitCode: 1, stderr: 'why\n' })).open();
    await rig.apply(documentOf([{ name: 'one' }]));
    await rig.untilPhase('Failed');
    await untilTold(rig, { one: 'why' });
    const before = await rig.get();
    await rig.reopen();
    expect(await rig.drive(rig.untilPhase('Failed'))).toEqual(before);
  });

  test('a log that cannot be read is no failure of the home', async () => {
    const rig = new HomeRig(() => ({ exitCode: 1, stderr: 'why\n' }));
    rig.logsBroken = true;
    await rig.open();
    await rig.apply(documentOf([{ name: 'one' }]));
    expect(shown(await rig.untilPhase('Failed'))).toEqual({ one: undefined });
  });
});
