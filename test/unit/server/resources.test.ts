import { describe, expect, test } from 'vitest';
import { MAX_DOCUMENT_BYTES } from '../../../src/base/limits.ts';
import { fail } from '../../../src/base/result.ts';
import { call, document, problem, type Serving, serve, WORKFLOWS } from './serving.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };

describe('discovery', () => {
  test('shows the group, its version and its resources as Kubernetes does', async () => {
    await using serving = await serve();
    expect((await call(serving, 'GET', '/apis')).json.groups[0].name).toBe('fixpoint.dev');
    const group = (await call(serving, 'GET', '/apis/fixpoint.dev')).json;
    expect(group).toMatchObject({ kind: 'APIGroup', preferredVersion: { groupVersion: 'fixpoint.dev/v1alpha1' } });
    const list = (await call(serving, 'GET', '/apis/fixpoint.dev/v1alpha1')).json;
    expect(list.kind).toBe('APIResourceList');
    expect(list.resources[0]).toMatchObject({
      name: 'workflows',
      kind: 'Workflow',
      shortNames: ['fwf'],
      namespaced: true,
    });
    expect((await call(serving, 'GET', '/version')).json.gitVersion).toBe('v1.2.3');
  });

  test('health is not readiness', async () => {
    await using serving = await serve({ isReady: () => false });
    expect((await call(serving, 'GET', '/healthz')).code).toBe(200);
    expect((await call(serving, 'GET', '/readyz')).code).toBe(503);
  });

  test('unknown paths and methods get a Status', async () => {
    await using serving = await serve();
    const unknown = await call(serving, 'GET', '/api/v1/pods');
    expect(unknown.code).toBe(404);
    expect(unknown.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound' });
    const method = await call(serving, 'PUT', `${WORKFLOWS}/a/status`, document('a'));
    expect(method.code).toBe(405);
    expect(method.headers['allow']).toBe('GET');
  });
});

describe('workflows', () => {
  test('are created once, read, listed and deleted', async () => {
    await using serving = await serve();
    const created = await call(serving, 'POST', WORKFLOWS, document('a'));
    expect(created.code).toBe(201);
    expect(created.json.metadata).toMatchObject({ name: 'a', generation: 1 });
    const again = await call(serving, 'POST', WORKFLOWS, document('a'));
    expect([again.code, again.json.reason]).toEqual([409, 'AlreadyExists']);
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/status`)).json.metadata.name).toBe('a');
    const list = (await call(serving, 'GET', '/apis/fixpoint.dev/v1alpha1/workflows')).json;
    expect(list).toMatchObject({ kind: 'WorkflowList', items: [{ metadata: { name: 'a' } }] });
    expect(list.metadata.resourceVersion).toMatch(/^\d+$/);
    expect((await call(serving, 'DELETE', `${WORKFLOWS}/a`)).code).toBe(200);
    const gone = await call(serving, 'GET', `${WORKFLOWS}/a`);
    expect([gone.code, gone.json.reason]).toEqual([404, 'NotFound']);
  });

  test('an empty list is a list', async () => {
    await using serving = await serve();
    expect((await call(serving, 'GET', WORKFLOWS)).json.items).toEqual([]);
  });

  test('an update with an old resourceVersion is a conflict, one without a workflow is not found', async () => {
    await using serving = await serve();
    const first = (await call(serving, 'POST', WORKFLOWS, document('a'))).json;
    const second = await call(serving, 'PUT', `${WORKFLOWS}/a`, { ...first, spec: document('a', 'false').spec });
    expect(second.code).toBe(200);
    expect(second.json.metadata.generation).toBe(2);
    const stale = await call(serving, 'PUT', `${WORKFLOWS}/a`, { ...first, spec: document('a', 'echo').spec });
    expect([stale.code, stale.json.reason]).toEqual([409, 'Conflict']);
    expect((await call(serving, 'PUT', `${WORKFLOWS}/b`, document('b'))).code).toBe(404);
  });

  test('what only the home writes is not taken from the caller', async () => {
    await using serving = await serve();
    const sent = { ...document('a'), status: { phase: 'Succeeded' } };
    const forged = { ...sent, metadata: { ...sent.metadata, uid: 'mine', generation: 7 } };
    const { json } = await call(serving, 'POST', WORKFLOWS, forged);
    expect(json.metadata).toMatchObject({ generation: 1, uid: 'uid-a' });
    expect(json.status).toBeUndefined();
  });

  test('a merge patch changes and removes; other patches are refused', async () => {
    await using serving = await serve();
    await call(serving, 'POST', WORKFLOWS, document('a', 'true', { labels: { x: '1', y: '2' } }));
    const patch = { spec: { suspend: true }, metadata: { labels: { x: null } } };
    const patched = await call(serving, 'PATCH', `${WORKFLOWS}/a`, patch, MERGE);
    expect(patched.json.spec.suspend).toBe(true);
    expect(patched.json.metadata.labels).toEqual({ y: '2' });
    const type = { 'content-type': 'application/json-patch+json' };
    const refused = await call(serving, 'PATCH', `${WORKFLOWS}/a`, [], type);
    expect([refused.code, refused.json.reason]).toEqual([415, 'UnsupportedMediaType']);
    expect((await call(serving, 'PATCH', `${WORKFLOWS}/a`, [], MERGE)).code).toBe(400);
  });

  test('an invalid document names its fields', async () => {
    await using serving = await serve();
    const bad = await call(serving, 'POST', WORKFLOWS, { ...document('a'), spec: { tasks: [{ run: 'x' }] } });
    expect(bad.code).toBe(422);
    expect(bad.json.details.causes).toEqual([
      { reason: 'E-REQUIRED', message: 'is missing', field: 'spec.tasks[0].name' },
    ]);
  });

  test('what decoding refuses never reaches the home', async () => {
    await using serving = await serve({ decode: async () => fail([problem('E-X')]) });
    expect((await call(serving, 'POST', WORKFLOWS, document('a'))).code).toBe(422);
    expect(serving.home.applies).toEqual([]);
  });

  test('path and body must agree', async () => {
    await using serving = await serve();
    await call(serving, 'POST', WORKFLOWS, document('a'));
    expect((await call(serving, 'POST', WORKFLOWS, document('a', 'true', { namespace: 'other' }))).code).toBe(400);
    expect((await call(serving, 'PUT', `${WORKFLOWS}/a`, document('b'))).code).toBe(400);
  });

  test('a dry run stores nothing', async () => {
    await using serving = await serve();
    expect((await call(serving, 'POST', `${WORKFLOWS}?dryRun=All`, document('a'))).code).toBe(201);
    expect((await call(serving, 'GET', `${WORKFLOWS}/a`)).code).toBe(404);
  });
});

describe('hostile requests', () => {
  const NAMES = ['..', '%2e%2e', '..%2f..%2fetc', 'a%2Fb', '%00', 'a%0ab', '%', '%zz', '%5c', 'a%25b', 'x'.repeat(254)];

  test.each(NAMES)('the name %j is refused before the home sees it', async (name) => {
    await using serving = await serve();
    const { code, json } = await call(serving, 'GET', `${WORKFLOWS}/${name}`);
    expect([code, json.reason]).toEqual([400, 'BadRequest']);
  });

  test.each(['//', '/apis/fixpoint.dev/v1alpha1/namespaces/default/workflows/', '/apis//v1alpha1'])(
    'the path %j is no route',
    async (path) => {
      await using serving = await serve();
      expect([400, 404]).toContain((await call(serving, 'GET', path)).code);
    },
  );

  test('prototype keys are data', async () => {
    await using serving = await serve();
    const body = `{"apiVersion":"fixpoint.dev/v1alpha1","kind":"Workflow","metadata":{"name":"a","labels":{"__proto__":"x","constructor":"y"}},"spec":{"tasks":[{"name":"t"}]},"__proto__":{"polluted":true}}`;
    const created = await call(serving, 'POST', WORKFLOWS, body);
    expect(created.code).toBe(201);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const found = await call(serving, 'GET', `${WORKFLOWS}?labelSelector=toString`);
    expect(found.json.items).toEqual([]);
    expect((await call(serving, 'GET', `${WORKFLOWS}/__proto__`)).code).toBe(404);
  });

  test.each(['{', '[]', '"x"', 'null', ''])('the body %j is refused', async (body) => {
    await using serving = await serve();
    expect((await call(serving, 'POST', WORKFLOWS, body)).code).toBe(400);
  });

  test('a body that is too large is refused unread', async () => {
    await using serving = await serve();
    const headers = { 'content-length': MAX_DOCUMENT_BYTES + 1 };
    const { code, json } = await call(serving, 'POST', WORKFLOWS, undefined, headers).catch((error: Error) => {
      throw new Error(`no answer: ${error.message}`);
    });
    expect([code, json.reason]).toEqual([413, 'RequestEntityTooLarge']);
  });

  test('a head that is too large is refused', async () => {
    await using serving = await serve();
    expect((await call(serving, 'GET', `${WORKFLOWS}?x=${'y'.repeat(20_000)}`)).code).toBe(431);
  });

  test('a bug answers 500 without its cause', async () => {
    await using serving = await serve();
    serving.home.get = () => Promise.reject(new Error('secret'));
    const { code, text } = await call(serving, 'GET', `${WORKFLOWS}/a`);
    expect(code).toBe(500);
    expect(text).not.toContain('secret');
    expect(serving.errors).toHaveLength(1);
  });
});

describe('views', () => {
  test('tasks, plan, explain and graph of a workflow; plan and graph of a document', async () => {
    await using serving = await serve();
    await call(serving, 'POST', WORKFLOWS, document('a'));
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/tasks`)).json).toMatchObject({ kind: 'TaskList', items: [] });
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/plan`)).json.tasks[0].action).toBe('Keep');
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/explain?task=one`)).json.items[0].rule).toBe(
      'its result stands',
    );
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/graph`)).json.tasks).toEqual([{ name: 'one', phase: '' }]);
    const base = WORKFLOWS.replace('/workflows', '');
    expect((await call(serving, 'POST', `${base}/plan`, document('a', 'x'))).json.tasks[0].action).toBe('Reset');
    expect((await call(serving, 'POST', `${base}/graph`, document('n'))).json.edges).toEqual([]);
    expect((await call(serving, 'GET', `${WORKFLOWS}/none/tasks`)).code).toBe(404);
  });

  test('requests are checked and handed on', async () => {
    await using serving = await serve();
    await call(serving, 'POST', WORKFLOWS, document('a'));
    const post = (body: unknown) => call(serving, 'POST', `${WORKFLOWS}/a/requests`, body);
    expect((await post({ id: 'r1', verb: 'retry', tasks: ['one'] })).code).toBe(200);
    expect(serving.home.requests).toEqual([{ id: 'r1', verb: 'retry', tasks: ['one'] }]);
    expect((await post({ id: 'r2', verb: 'explode' })).code).toBe(400);
    expect((await post({ id: 'R 2', verb: 'retry' })).code).toBe(400);
    expect((await post({ id: 'r2', verb: 'reset', ancestor: true })).json.message).toContain('ancestor');
    expect((await post({ id: 'r2', verb: 'retry', tasks: 'one' })).code).toBe(400);
    expect(serving.home.requests).toHaveLength(1);
  });
});

describe('a request that comes with a document', () => {
  const APPLY = '/apis/fixpoint.dev/v1alpha1/namespaces/default/apply';
  const post = (serving: Serving, request: string) =>
    call(serving, 'POST', `${APPLY}?request=${encodeURIComponent(request)}`, document('a'));

  test('reaches the home with it', async () => {
    await using serving = await serve();
    expect((await post(serving, '{"id":"x","verb":"reset","only":true}')).code).toBe(200);
    expect(serving.home.applies[0]?.request).toEqual({ id: 'x', verb: 'reset', only: true });
  });

  test.each(['nonsense', '{"id":"x","verb":"rerun"}', '{"verb":"reset"}', ''])('%j is refused', async (request) => {
    await using serving = await serve();
    expect((await post(serving, request)).code).toBe(400);
    expect(serving.home.applies).toEqual([]);
  });
});
