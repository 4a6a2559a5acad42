import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/json.ts';
import { isTooDeep, mergePatch, versionNamedBy } from '../../../src/controllers/merge-patch.ts';
import { documentOf, HomeRig, REF, valueOf } from './home-rig.ts';

const TASKS = [{ name: 'one' }];

async function running(): Promise<HomeRig> {
  const rig = await new HomeRig().open();
  await rig.apply(documentOf(TASKS));
  await rig.untilPhase('Succeeded');
  return rig;
}

describe('patches at once', () => {
  test('each keeps what the others changed', async () => {
    const rig = await running();
    const fields: readonly Json[] = [
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { b: '2' } } },
      { spec: { params: { p: 'x' } } },
      { spec: { suspend: true } },
    ];
    const patched = await rig.drive(Promise.all(fields.map((patch) => rig.home.patch(REF, patch))));
    expect(patched.map((p) => p.ok)).toEqual([true, true, true, true]);
    const { metadata, spec } = await rig.get();
    expect(metadata.labels).toEqual({ a: '1', b: '2' });
    expect(spec).toMatchObject({ params: { p: 'x' }, suspend: true });
  });

  test('with a document applied meanwhile: the document stands, with the patch over it', async () => {
    const rig = await running();
    const document = documentOf([...TASKS, { name: 'two' }]);
    const [applied, patched] = await rig.drive(
      Promise.all([rig.home.apply(document), rig.home.patch(REF, { metadata: { labels: { a: '1' } } })]),
    );
    expect([applied.ok, patched.ok]).toEqual([true, true]);
    const { metadata, spec } = await rig.get();
    expect(spec.tasks.map((task) => task.name)).toEqual(['one', 'two']);
    expect(metadata.labels).toEqual({ a: '1' });
  });

  test('goes on beside a status that changes all the time', async () => {
    const rig = await new HomeRig(() => ({ runMs: 1 })).open();
    await rig.apply(documentOf(Array.from({ length: 20 }, (_, i) => ({ name: `t${i}` }))));
    expect((await rig.drive(rig.home.patch(REF, { metadata: { labels: { a: '1' } } }))).ok).toBe(true);
  });
});

describe('the resourceVersion of a patch', () => {
  test('stale: a conflict, and nothing changes', async () => {
    const rig = await running();
    const { resourceVersion } = (await rig.get()).metadata;
    const patch = { metadata: { resourceVersion, labels: { a: '1' } } };
    expect(valueOf(await rig.drive(rig.home.patch(REF, patch))).metadata.labels).toEqual({ a: '1' });
    const stale = { metadata: { resourceVersion, labels: { a: '2' } } };
    expect(await rig.drive(rig.home.patch(REF, stale))).toMatchObject({ ok: false, error: { reason: 'Conflict' } });
    expect((await rig.get()).metadata.labels).toEqual({ a: '1' });
  });

  test('is not tried again behind the back of who named it', async () => {
    const rig = await running();
    const { resourceVersion } = (await rig.get()).metadata;
    const patches = ['1', '2'].map((a) => rig.home.patch(REF, { metadata: { resourceVersion, labels: { a } } }));
    const outcomes = await rig.drive(Promise.all(patches));
    expect(outcomes.filter((o) => o.ok)).toHaveLength(1);
  });

  test.each<[Json, string | undefined]>([
    [{ metadata: { resourceVersion: '7' } }, '7'],
    [{ metadata: { resourceVersion: { toString: 1 } } }, '{"toString":1}'],
    [{ metadata: { resourceVersion: '' } }, undefined],
    [{ metadata: null }, undefined],
    [{ spec: {} }, undefined],
    ['text', undefined],
  ])('of %j is %j', (patch, version) => {
    expect(versionNamedBy(patch)).toBe(version);
  });
});

describe('what a patch may not do', () => {
  test.each<Json>([
    { metadata: null },
    { metadata: { name: 'other' } },
    { metadata: { namespace: 'other' } },
    { metadata: { labels: { a: 1 } } },
    { metadata: { annotations: 'text' } },
    { spec: null },
    { spec: { tasks: 'text' } },
    { kind: 'Pod' },
    'text',
    null,
  ])('%j', async (patch) => {
    const rig = await running();
    const before = await rig.get();
    expect(await rig.drive(rig.home.patch(REF, patch))).toMatchObject({ ok: false, error: { reason: 'Invalid' } });
    expect(await rig.get()).toEqual(before);
  });

  test('nest without end', async () => {
    const rig = await running();
    const deep = JSON.parse(`${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`) as Json;
    expect(isTooDeep(deep)).toBe(true);
    expect(await rig.drive(rig.home.patch(REF, { spec: deep }))).toMatchObject({ error: { reason: 'Invalid' } });
  });
});

test('merging: null removes, objects merge, the rest replaces; a prototype key is a key', () => {
  const target = { a: { b: 1, c: [1, 2] }, d: 'x' };
  expect(mergePatch(target, { a: { b: null, c: [3] }, e: { f: null } })).toEqual({ a: { c: [3] }, d: 'x', e: {} });
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}') as Json);
  expect(Object.keys(merged as object)).toEqual(['__proto__']);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});
