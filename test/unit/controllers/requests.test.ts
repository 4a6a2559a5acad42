import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/json.ts';
import { MAX_REQUEST_GLOBS, MAX_REQUEST_TASKS } from '../../../src/base/limits.ts';
import { parseRequest, parseRequestAnnotation } from '../../../src/controllers/parse-request.ts';
import { documentOf, HomeRig, REF } from './home-rig.ts';

const ONE = [{ name: 'one' }, { name: 'two', dependsOn: ['one'] }];
const annotation = (id: string, text: string) => ({ [`request.fixpoint.dev/${id}`]: text });

describe('what is no request', () => {
  test.each([
    ['no JSON', 'not JSON'],
    ['null', 'must be a JSON object'],
    ['[]', 'must be a JSON object'],
    ['{}', 'verb must be one of'],
    ['{"verb":"rerun"}', 'verb must be one of'],
    ['{"verb":"toString"}', 'verb must be one of'],
    ['{"verb":["retry"]}', 'verb must be one of'],
    ['{"verb":"retry","tasks":"align"}', 'tasks must be a list'],
    ['{"verb":"retry","tasks":[1]}', 'tasks must be a list'],
    ['{"verb":"retry","tasks":["{a"]}', 'never closed'],
    ['{"verb":"retry","selector":7}', 'selector must be a string'],
    ['{"verb":"retry","selector":"a b"}', 'cannot read'],
    ['{"verb":"reset","ancestor":true}', 'unknown field "ancestor"'],
    ['{"verb":"reset","only":"yes"}', 'only must be true or false'],
    ['{"verb":"retry","__proto__":{}}', 'unknown field "__proto__"'],
    ['{"verb":"retry","id":"other"}', 'id is not the one'],
    [`{"verb":"retry","tasks":${JSON.stringify(Array(MAX_REQUEST_TASKS + 1).fill('a'))}}`, 'MAX_REQUEST_TASKS'],
    [`{"verb":"retry","tasks":${JSON.stringify(Array(MAX_REQUEST_GLOBS + 1).fill('*'))}}`, 'MAX_REQUEST_GLOBS'],
    [`{"verb":"retry","tasks":["${'a'.repeat(2_000)}"]}`, 'longer than'],
    [`{"verb":"retry"}${' '.repeat(70_000)}`, 'MAX_REQUEST_CHARS'],
  ])('%.60s', (text, message) => {
    const parsed = parseRequestAnnotation('id', text);
    expect(parsed.ok ? 'a request' : parsed.error).toContain(message);
  });

  test.each(['', 'A', 'a_b', 'a'.repeat(64)])('the id %j', (id) => {
    expect(parseRequest({ id, verb: 'retry' }).ok).toBe(false);
  });

  test('whatever JSON it is, it is read or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.json(), fc.anything(), (text, value) => {
        expect(parseRequestAnnotation('id', text).ok).toBe(false);
        expect(parseRequest(value).ok).toBe(false);
      }),
    );
  });

  test('one of each field is read as it is', () => {
    const request = { verb: 'reset', tasks: ['a', 'b/*'], selector: 'a in (b,c)', ancestors: true, only: false };
    expect(parseRequestAnnotation('my-id', JSON.stringify(request))).toEqual({
      ok: true,
      value: { ...request, id: 'my-id' },
    });
  });
});

describe('an annotation that is no request', () => {
  test.each(['{"verb":"rerun"}', '{"verb":"retry","tasks":"align"}', 'nonsense', ''])(
    'in a document, %j: told, removed, and the workflow runs',
    async (text) => {
      const rig = await new HomeRig().open();
      await rig.apply(documentOf(ONE, annotation('x', text)));
      await rig.untilPhase('Succeeded');
      expect(await rig.attempts()).toEqual({ one: 1, two: 1 });
      const told = (await rig.events()).filter((event) => event.reason === 'RequestHandled');
      expect(told).toHaveLength(1);
      expect(told[0]?.message).toContain('not a request');
      expect(Object.keys((await rig.get()).metadata.annotations ?? {})).toEqual(['fixpoint.dev/folder']);
      // Remembered: the same document brings nothing up again.
      await rig.apply(documentOf([...ONE, { name: 'three' }], annotation('x', text)));
      await rig.untilPhase('Succeeded');
      expect((await rig.events()).filter((event) => event.reason === 'RequestHandled')).toHaveLength(1);
    },
  );

  test('of the wrong form in a patch is refused; of no meaning it is told', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(documentOf(ONE));
    await rig.untilPhase('Succeeded');
    const patch = (annotations: Json) => rig.drive(rig.home.patch(REF, { metadata: { annotations } }));
    for (const wrong of [{ 'request.fixpoint.dev/a': { toString: 1 } }, { 'request.fixpoint.dev/': '{}' }, 'text'])
      expect(await patch(wrong)).toMatchObject({ ok: false, error: { reason: 'Invalid' } });
    expect((await patch({ 'request.fixpoint.dev/Not_One': '{"verb":"reset"}' })).ok).toBe(true);
    expect((await rig.events()).at(-1)?.message).toContain('id must match');
    expect((await patch({ 'request.fixpoint.dev/b': '{"verb":"reset","tasks":["two"]}' })).ok).toBe(true);
    await rig.untilPhase('Succeeded');
    expect(await rig.attempts()).toEqual({ one: 1, two: 2 });
  });

  test('a workflow with one can be deleted', async () => {
    const rig = await new HomeRig(() => ({ runMs: Number.POSITIVE_INFINITY })).open();
    await rig.apply(documentOf(ONE, annotation('x', '{"verb":"rerun"}')));
    await rig.drive(rig.home.delete(REF));
    for (let i = 0; i < 100 && (await rig.home.get(REF)).ok; i++) {
      rig.clock.step();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await rig.home.get(REF)).toMatchObject({ ok: false, error: { reason: 'NotFound' } });
  });
});

describe('a request', () => {
  test('that names nothing, or is none, is refused where it is made', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(documentOf(ONE));
    const ask = (request: object) => rig.drive(rig.home.request(REF, request as never));
    expect(await ask({ id: 'a', verb: 'retry', tasks: ['one', 'nobody'] })).toMatchObject({
      ok: false,
      error: { reason: 'NotFound', message: 'workflow w has no task nobody' },
    });
    expect(await ask({ id: 'a', verb: 'retry', tasks: ['x*'] })).toMatchObject({ error: { reason: 'NotFound' } });
    expect(await ask({ id: 'A', verb: 'retry' })).toMatchObject({ ok: false, error: { reason: 'Invalid' } });
  });

  test('selects by every form of label selector', async () => {
    const rig = await new HomeRig().open();
    await rig.apply(documentOf(['a', 'b', 'c'].map((name) => ({ name, labels: { kind: name } }))));
    await rig.untilPhase('Succeeded');
    await rig.drive(rig.home.request(REF, { id: 'a', verb: 'reset', selector: 'kind in (a, c)' }));
    await rig.untilPhase('Succeeded');
    expect(await rig.attempts()).toEqual({ a: 2, b: 1, c: 2 });
  });

  test('retry --ancestors takes what is upstream along', async () => {
    const failing = new Set(['one', 'side']);
    const rig = await new HomeRig((key) => ({ exitCode: failing.has(key) ? 1 : 0 })).open();
    await rig.apply(documentOf([...ONE, { name: 'side' }]));
    await rig.untilPhase('Failed');
    failing.clear();
    await rig.drive(rig.home.request(REF, { id: 'a', verb: 'retry', tasks: ['two'], ancestors: true }));
    await rig.untilPhase('Failed');
    expect(await rig.attempts()).toEqual({ one: 2, two: 1, side: 1 });
  });
});
