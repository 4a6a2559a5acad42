import { describe, expect, test } from 'vitest';
import { documentOf, HomeRig } from './home-rig.ts';

const READER = { name: 'a', inputs: [{ name: 'i', path: 'in' }], outputs: [{ name: 'o', path: 'o' }] };

describe('a turn', () => {
  test('looks at the inputs once more at the end: what changed meanwhile is read again', async () => {
    const rig = new HomeRig(() => ({ runMs: 1_000 }));
    rig.world.files.write('/data/in', 'one');
    await rig.open();
    await rig.apply(documentOf([{ ...READER, run: 'cat ${{ inputs.i }} > ${{ outputs.o }}' }]));
    rig.clock.after(500, () => rig.world.files.write('/data/in', 'two'));
    await rig.untilPhase('Succeeded');
    const [a] = await rig.tasks();
    expect(a?.status.attempts.map(({ phase, reason }) => `${phase} ${reason}`)).toEqual([
      'Failed InputChanged',
      'Succeeded Completed',
    ]);
  });

  test('an optional input that its maker did not make is not compared', async () => {
    const rig = new HomeRig((key) => ({ exitCode: key === 'p' ? 1 : 0, partial: true }));
    await rig.open();
    await rig.apply(
      documentOf([
        { name: 'p', outputs: [{ name: 'x', path: 'x' }], allowFailure: true },
        { name: 'use', inputs: [{ name: 'i', path: 'x', optional: true }], triggerRule: 'AllFinished' },
      ]),
    );
    await rig.untilPhase('Succeeded');
    const use = (await rig.tasks()).find(({ metadata }) => metadata.name === 'use');
    expect(use?.status.attempts.map(({ phase }) => phase)).toEqual(['Succeeded']);
  });

  test('the status of a long run says within seconds what happened, though nothing else happens', async () => {
    const rig = new HomeRig((key) => ({ exitCode: key === 'bad' ? 1 : 0, runMs: key === 'long' ? 8 * 3_600_000 : 5 }));
    await rig.open();
    await rig.apply(documentOf([{ name: 'bad' }, { name: 'long' }]));
    const end = rig.clock.now() + 5_000;
    while ((rig.clock.nextAt() ?? end) < end) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      rig.clock.step();
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect((await rig.get()).status?.counts).toEqual({ Failed: 1, Running: 1 });
  });

  test('that fails while it prepares forgets no cancel', async () => {
    const rig = new HomeRig((key) => ({ runMs: key === 'a' ? 3_600_000 : 5 }));
    await rig.open();
    const before = documentOf([{ name: 'a' }, { name: 'b' }]);
    await rig.apply(before);
    const ended = async (): Promise<boolean> =>
      (await rig.tasks()).some(({ metadata, status }) => metadata.name === 'b' && status.phase === 'Succeeded');
    while (!(await ended())) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      rig.clock.step();
    }
    // No plan is made where so little can be lost: the launch of b asks first.
    rig.preimagesUntilFailure = 0;
    await rig.apply(
      documentOf([
        { name: 'a', run: 'other' },
        { name: 'b', run: 'other' },
      ]),
    );
    await rig.untilAttempts('a', 2);
    const a = (await rig.tasks()).find(({ metadata }) => metadata.name === 'a');
    expect(a?.status.attempts[0]).toMatchObject({ phase: 'Cancelled', reason: 'DefinitionChanged' });
    expect(rig.preimagesUntilFailure).toBeUndefined();
  });
});
