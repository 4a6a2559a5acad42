import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { Api } from '../../src/kubernetes/api.ts';
import { openCluster } from '../../src/kubernetes/cluster.ts';
import { type ApiObject, PODS, type Resource } from '../../src/kubernetes/resource.ts';
import { Transport } from '../../src/kubernetes/transport.ts';
import { until } from '../rig/eventually.ts';
import { useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';

// What callers decide by, provoked on a real API server.

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
const QUOTAS: Resource = { group: '', version: 'v1', plural: 'resourcequotas', namespaced: true };
const REVIEWS: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  namespaced: false,
};

interface ConfigMap extends ApiObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface Pod extends ApiObject {
  readonly spec: object;
  readonly status?: { readonly phase?: string };
}

const map = (namespace: string, name: string, data: Readonly<Record<string, string>> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

const pod = (namespace: string, name: string, args: readonly string[] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name },
  spec: { containers: [{ name: 'main', image: 'none', args }] },
});

describe.skipIf(WHY_NO_CLUSTER)(`a real API server${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('api');

  test('creates, gives, replaces, patches and deletes', async () => {
    const namespace = await cluster.namespace();
    const { api, transport } = await cluster.client();
    const at = { namespace, name: 'a' };
    const created = await api.create(CONFIG_MAPS, map(namespace, 'a', { x: '1' }));
    if (!created.ok) throw new Error(created.error.message);
    const got = await api.get<ConfigMap>(CONFIG_MAPS, at);
    expect(got).toEqual(created);
    const replaced = await api.replace<ConfigMap>(CONFIG_MAPS, { ...created.value, data: { x: '2' } });
    expect(replaced).toMatchObject({ ok: true, value: { data: { x: '2' } } });
    const merged = await api.patch<ConfigMap>(CONFIG_MAPS, at, { type: 'merge', body: { data: { z: '3' } } });
    expect(merged).toMatchObject({ value: { data: { x: '2', z: '3' } } });
    const body = [{ op: 'remove', path: '/data/z' }];
    const patched = await api.patch<ConfigMap>(CONFIG_MAPS, at, { type: 'json', body });
    expect(patched.ok && patched.value.data).toEqual({ x: '2' });
    const deleted = await api.delete<ConfigMap>(CONFIG_MAPS, at);
    expect(deleted.ok).toBe(true);
    expect(await api.get(CONFIG_MAPS, at)).toMatchObject({ error: { kind: 'NotFound', status: 404 } });
    expect(await api.delete(CONFIG_MAPS, at)).toMatchObject({ error: { kind: 'NotFound' } });
    expect(Object.fromEntries(transport.requests())).toEqual({
      'create 2xx': 1,
      'get 2xx': 1,
      'get 4xx': 1,
      'replace 2xx': 1,
      'patch 2xx': 2,
      'delete 2xx': 1,
      'delete 4xx': 1,
    });
  });

  test('names who wrote by the user agent', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client({ userAgent: 'fixpoint/1.2.3' });
    const created = await api.create<ApiObject>(CONFIG_MAPS, map(namespace, 'a', { x: '1' }));
    expect(created).toMatchObject({ value: { metadata: { managedFields: [{ manager: 'fixpoint' }] } } });
  });

  test('makes names, and tries without doing', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const metadata = { namespace, generateName: 'made-' };
    const made = await api.create<ApiObject>(CONFIG_MAPS, { ...map(namespace, ''), metadata });
    expect(made.ok && made.value.metadata.name).toMatch(/^made-\w{5}$/);
    expect(await api.create(CONFIG_MAPS, map(namespace, 'a'), { dryRun: true })).toMatchObject({ ok: true });
    expect(await api.get(CONFIG_MAPS, { namespace, name: 'a' })).toMatchObject({ error: { kind: 'NotFound' } });
  });

  test('refuses a second of the same name, a stale version, and another uid', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const at = { namespace, name: 'a' };
    const first = await api.create(CONFIG_MAPS, map(namespace, 'a'));
    if (!first.ok) throw new Error(first.error.message);
    const { uid = '', resourceVersion = '' } = first.value.metadata;
    expect(await api.create(CONFIG_MAPS, map(namespace, 'a'))).toMatchObject({
      error: { kind: 'AlreadyExists', status: 409, details: { name: 'a' } },
    });
    await api.patch(CONFIG_MAPS, at, { type: 'merge', body: { data: { x: '1' } } });
    expect(await api.replace(CONFIG_MAPS, first.value)).toMatchObject({ error: { kind: 'Conflict', status: 409 } });
    const stale = { metadata: { resourceVersion }, data: { x: '2' } };
    expect(await api.patch(CONFIG_MAPS, at, { type: 'merge', body: stale })).toMatchObject({
      error: { kind: 'Conflict' },
    });
    const another = '00000000-0000-0000-0000-000000000000';
    expect(await api.delete(CONFIG_MAPS, at, { uid: another })).toMatchObject({ error: { kind: 'Conflict' } });
    expect(await api.delete(CONFIG_MAPS, at, { uid, resourceVersion })).toMatchObject({ error: { kind: 'Conflict' } });
    expect(await api.delete(CONFIG_MAPS, at, { uid })).toMatchObject({ ok: true });
  });

  test('tells a deletion that waits from one that is done', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const at = { namespace, name: 'a' };
    const finalizers = ['fixpoint.dev/test'];
    await api.create(CONFIG_MAPS, { ...map(namespace, 'a'), metadata: { namespace, name: 'a', finalizers } });
    const waits = await api.delete<ConfigMap>(CONFIG_MAPS, at);
    expect(waits).toMatchObject({ value: { metadata: { finalizers, deletionTimestamp: expect.any(String) } } });
    expect(await api.create(CONFIG_MAPS, map(namespace, 'a'))).toMatchObject({ error: { kind: 'AlreadyExists' } });
    const freed = await api.patch<ConfigMap>(CONFIG_MAPS, at, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    expect(freed.ok).toBe(true);
    expect(await api.get(CONFIG_MAPS, at)).toMatchObject({ error: { kind: 'NotFound' } });
  });

  test('applies fields with an owner, who may be overruled', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const at = { namespace, name: 'a' };
    const apply = async (fieldManager: string, x: string, force = false) =>
      await api.patch<ConfigMap>(CONFIG_MAPS, at, {
        type: 'apply',
        body: map(namespace, 'a', { x }),
        fieldManager,
        force,
      });
    expect(await apply('one', '1')).toMatchObject({ ok: true });
    expect(await apply('two', '2')).toMatchObject({
      error: { kind: 'Conflict', details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.x' }] } },
    });
    expect(await apply('two', '2', true)).toMatchObject({ value: { data: { x: '2' } } });
  });

  test('writes the status apart from the rest', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    await api.create(PODS, pod(namespace, 'a'));
    const at = { namespace, name: 'a' };
    const status = { phase: 'Running' };
    const patch = { type: 'merge', body: { metadata: { labels: { a: 'b' } }, status } } as const;
    const plain = await api.patch<Pod>(PODS, at, patch);
    expect(plain).toMatchObject({ value: { metadata: { labels: { a: 'b' } }, status: { phase: 'Pending' } } });
    expect(await api.patch<Pod>(PODS, at, patch, { subresource: 'status' })).toMatchObject({ value: { status } });
  });

  test('says what is wrong with an object', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    expect(await api.create(PODS, { ...pod(namespace, 'a'), spec: { containers: [] } })).toMatchObject({
      error: {
        kind: 'Invalid',
        status: 422,
        details: { causes: [{ field: 'spec.containers', reason: 'FieldValueRequired' }] },
      },
    });
    expect(await api.create(PODS, { ...pod(namespace, 'a'), spec: 'x' as never })).toMatchObject({
      error: { kind: 'Invalid', status: 400 },
    });
    expect(await api.log({ namespace, name: 'a' })).toMatchObject({ error: { kind: 'NotFound' } });
  });

  test('refuses what is too large, by its own limit and by that of etcd', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const text = (bytes: number): string => 'x'.repeat(bytes);
    expect(await api.create(PODS, pod(namespace, 'a', [text(4_000_000)]))).toMatchObject({
      error: { kind: 'TooLarge', status: 413 },
    });
    expect(await api.create(PODS, pod(namespace, 'a', [text(2_000_000)]))).toMatchObject({
      error: { kind: 'TooLarge' },
    });
    expect(await api.create(CONFIG_MAPS, map(namespace, 'a', { x: text(1_100_000) }))).toMatchObject({
      error: { kind: 'Invalid' },
    });
  });

  test('makes nothing in a namespace that goes, or over a quota', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const quota = { ...map(namespace, 'q'), kind: 'ResourceQuota', spec: { hard: { configmaps: '1' } } };
    await api.create(QUOTAS, quota);
    // The controller that fills this in is not a part of this cluster.
    const status = { hard: { configmaps: '1' }, used: { configmaps: '1' } };
    const at = { namespace, name: 'q' };
    await api.patch(QUOTAS, at, { type: 'merge', body: { status } }, { subresource: 'status' });
    await until('the quota counts', async () => {
      const made = await api.create(CONFIG_MAPS, map(namespace, 'a'), { dryRun: true });
      return !made.ok && made.error.kind === 'Quota';
    });
    const other = await cluster.namespace();
    await api.delete(NAMESPACES, { name: other });
    expect(await api.create(CONFIG_MAPS, map(other, 'a'))).toMatchObject({
      error: { kind: 'Terminating', status: 403 },
    });
    expect(await api.create(CONFIG_MAPS, map('no-such-namespace', 'a'))).toMatchObject({ error: { kind: 'NotFound' } });
  });

  test('lets nobody do what was not granted', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client({ kubeconfig: cluster.userKubeconfig });
    const forbidden = { error: { kind: 'Forbidden', status: 403, reason: 'Forbidden' } };
    expect(await api.create(PODS, pod(namespace, 'a'))).toMatchObject(forbidden);
    for await (const page of api.list(PODS)) expect(page).toMatchObject(forbidden);
    expect(await api.log({ namespace, name: 'a' })).toMatchObject(forbidden);
    const name = `reader-${namespace}`;
    await cluster.kubectl('create', 'role', name, '-n', namespace, '--verb=get', '--resource=pods');
    await cluster.kubectl('create', 'rolebinding', name, '-n', namespace, `--role=${name}`, '--user=dev-user');
    await until('the grant counts', async () => {
      const got = await api.get(PODS, { namespace, name: 'a' });
      return !got.ok && got.error.kind === 'NotFound';
    });
  });

  test('knows us by a token that is rotated, and by a new one when the old one is revoked', async () => {
    const namespace = await cluster.namespace();
    const folder = mkdtempSync(join(tmpdir(), 'fxp-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'ca.crt'), readFileSync(join(cluster.state, 'pki/ca.crt')));
    const become = async (name: string): Promise<void> => {
      await cluster.kubectl('create', 'serviceaccount', name, '-n', namespace);
      const token = await cluster.kubectl('create', 'token', name, '-n', namespace);
      expect(token.stderr).toBe('');
      writeFileSync(join(folder, 'token'), token.stdout);
    };
    await become('one');
    const opened = await openCluster({
      env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(cluster.port) },
      clock: systemClock,
      serviceAccountFolder: folder,
    });
    if (!opened.ok) throw new Error(opened.error);
    const transport = new Transport({ cluster: opened.value, userAgent: 'fixpoint/test', clock: systemClock });
    onTestFinished(() => transport.close());
    const whoAmI = async (): Promise<unknown> => {
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
      const said = await new Api(transport).create<ApiObject>(REVIEWS, review);
      return said.ok
        ? (said.value as { status?: { userInfo?: { username?: string } } }).status?.userInfo?.username
        : said;
    };
    expect(await whoAmI()).toBe(`system:serviceaccount:${namespace}:one`);
    await become('two');
    await cluster.kubectl('delete', 'serviceaccount', 'one', '-n', namespace);
    await until('the old token is refused, and nobody notices', async () => {
      const who = await whoAmI();
      expect([`system:serviceaccount:${namespace}:one`, `system:serviceaccount:${namespace}:two`]).toContain(who);
      return who === `system:serviceaccount:${namespace}:two`;
    });
    expect(transport.requests().get('create 4xx')).toBe(1);
  });
});
