import { describe, expect, test } from 'vitest';
import { documentOf, HomeRig, REF } from './home-rig.ts';

/** one → two, three → four, and beside them a side branch and a fan-out. */
const DIAMOND = documentOf([
  { name: 'one' },
  { name: 'two', dependsOn: ['one'] },
  { name: 'three', dependsOn: ['one'] },
  { name: 'four', dependsOn: ['two', 'three'] },
  { name: 'side' },
  { name: 'item', foreach: { items: ['x', 'z'] } },
  { name: 'last', dependsOn: ['item', 'side'] },
]);
const NOTHING = { one: 0, two: 0, three: 0, four: 0, side: 0, 'item/x': 0, 'item/z': 0, last: 0 };

describe('until', () => {
  test.each([
    [['two'], { one: 1, two: 1 }],
    [['four'], { one: 1, two: 1, three: 1, four: 1 }],
    [['t*'], { one: 1, two: 1, three: 1 }],
    [['item'], { 'item/x': 1, 'item/z': 1 }],
    [['item/z', 'side'], { 'item/z': 1, side: 1 }],
    [['last'], { 'item/x': 1, 'item/z': 1, side: 1, last: 1 }],
  ])('%j: that and what is upstream, and then the rest', async (until, ran) => {
    const rig = await new HomeRig().open(REF);
    await rig.apply(DIAMOND, { look: true, until });
    expect(rig.home.reached(REF)).toBe('Moving');
    await rig.untilPhase('Suspended');
    expect(rig.home.reached(REF)).toBe('Succeeded');
    expect(await rig.attempts()).toEqual({ ...NOTHING, ...ran });
    await rig.rest();
    expect(await rig.attempts()).toEqual({ ...NOTHING, ...ran });
    // Once more: nothing is left to do, not even while the home opens.
    await rig.reopen(REF);
    await rig.apply(DIAMOND, { look: true, until });
    await rig.rest();
    expect(rig.home.reached(REF)).toBe('Succeeded');
    expect(await rig.attempts()).toEqual({ ...NOTHING, ...ran });
    await rig.reopen();
    await rig.untilPhase('Succeeded');
    expect(Object.values(await rig.attempts())).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });

  test('tasks that are left out are ready, and say that they are not wanted', async () => {
    const rig = await new HomeRig().open(REF);
    await rig.apply(DIAMOND, { look: true, until: ['two'] });
    await rig.untilPhase('Suspended');
    const items = await rig.home.tasks(REF);
    const side = items.ok ? items.value.find((item) => item.metadata.name === 'side') : undefined;
    expect(side?.status).toMatchObject({ phase: 'Ready', reason: 'Suspended' });
  });

  test('nothing of it is written: no event tells of it but the phase', async () => {
    const rig = await new HomeRig().open(REF);
    await rig.apply(DIAMOND, { look: true, until: ['one'] });
    const { spec, metadata } = await rig.untilPhase('Suspended');
    expect(spec).toEqual(DIAMOND.spec);
    expect(Object.keys(metadata.annotations ?? {})).toEqual(['fixpoint.dev/folder']);
    expect((await rig.events()).map(({ reason }) => reason)).toEqual([
      'WorkflowApplied',
      'AttemptCreated',
      'TasksRunning',
      'AttemptStarted',
      'Completed',
      'Suspended',
    ]);
  });

  test('a failure on the way, and one that is none of it', async () => {
    const rig = await new HomeRig((key) => ({ exitCode: key === 'three' ? 1 : 0 })).open(REF);
    await rig.apply(DIAMOND, { look: true, until: ['four'] });
    await rig.untilPhase('Suspended');
    expect(rig.home.reached(REF)).toBe('Failed');
    await rig.reopen(REF);
    await rig.apply(DIAMOND, { look: true, until: ['two'] });
    await rig.rest();
    expect(rig.home.reached(REF)).toBe('Succeeded');
    expect(await rig.attempts()).toMatchObject({ one: 1, two: 1, three: 1, four: 0, side: 0 });
  });

  test('holds for the next generation as well, by names', async () => {
    const rig = await new HomeRig().open(REF);
    await rig.apply(DIAMOND, { look: true, until: ['two'] });
    await rig.untilPhase('Suspended');
    const shifted = {
      ...DIAMOND,
      spec: { ...DIAMOND.spec, tasks: [{ name: 'new', run: 'true' }, ...DIAMOND.spec.tasks] },
    };
    await rig.apply(shifted);
    await rig.rest();
    expect(await rig.attempts()).toEqual({ new: 0, ...NOTHING, one: 1, two: 1 });
  });

  test.each([
    [['tvo'], 'no task tvo to run until. Did you mean two?'],
    [['two', 'q*'], 'no task q* to run until.'],
    [['{a'], 'the { in {a is never closed'],
  ])('%j is refused, and nothing has happened', async (until, message) => {
    const rig = await new HomeRig().open(REF);
    expect(await rig.drive(rig.home.apply(DIAMOND, { look: true, until }))).toEqual({
      ok: false,
      error: { reason: 'Invalid', message, diagnostics: [] },
    });
    expect((await rig.home.get(REF)).ok).toBe(false);
  });
});

describe('a request that comes with the document', () => {
  const edited = documentOf([{ name: 'one', run: 'false' }, { name: 'two', dependsOn: ['one'] }, { name: 'three' }]);
  const first = documentOf([{ name: 'one' }, { name: 'two', dependsOn: ['one'] }, { name: 'three' }]);
  const reset = { id: 'a', verb: 'reset' } as const;

  test('is carried out before anything is launched', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(first);
    await rig.untilPhase('Succeeded');
    await rig.apply(edited, { look: true, request: reset });
    await rig.untilPhase('Succeeded');
    expect(await rig.attempts()).toEqual({ one: 2, two: 2, three: 2 });
    // The same id is carried out once.
    await rig.apply(edited, { look: true, request: reset });
    await rig.rest();
    expect(await rig.attempts()).toEqual({ one: 2, two: 2, three: 2 });
  });

  test('with an unchanged document, and with one that is new', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(first, { look: true, request: reset });
    await rig.untilPhase('Succeeded');
    expect(await rig.attempts()).toEqual({ one: 1, two: 1, three: 1 });
    await rig.apply(first, { request: { ...reset, id: 'b', tasks: ['three'] } });
    await rig.untilPhase('Succeeded');
    expect(await rig.attempts()).toEqual({ one: 1, two: 1, three: 2 });
  });

  test('that makes no sense for it refuses both', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(first);
    const before = await rig.untilPhase('Succeeded');
    const nobody = { ...reset, tasks: ['nobody'] };
    const refused = await rig.drive(rig.home.apply(edited, { look: true, request: nobody }));
    expect(refused).toMatchObject({ ok: false, error: { reason: 'NotFound' } });
    expect(await rig.get()).toEqual(before);
  });
});

describe('a workflow that is about to be applied', () => {
  test('launches nothing before that', async () => {
    const rig = await new HomeRig().open(REF);
    await rig.apply(DIAMOND, { look: true, until: ['one'] });
    await rig.untilPhase('Suspended');
    await rig.reopen(REF);
    await rig.rest();
    expect(await rig.attempts()).toEqual({ ...NOTHING, one: 1 });
    await rig.apply(DIAMOND);
    await rig.untilPhase('Succeeded');
  });

  test('is deleted all the same', async () => {
    const rig = new HomeRig();
    rig.activity = 'Passive';
    await rig.open();
    await rig.apply(DIAMOND);
    await rig.drive(rig.home.delete(REF));
    expect((await rig.home.get(REF)).ok).toBe(true);
    rig.activity = 'Active';
    await rig.reopen(REF);
    await rig.rest();
    expect((await rig.home.get(REF)).ok).toBe(false);
  });
});
