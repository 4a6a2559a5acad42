import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Api } from '../../src/kubernetes/api.ts';
import { Reflector, type ReflectorTimings } from '../../src/kubernetes/reflector.ts';
import type { ApiObject, Resource } from '../../src/kubernetes/resource.ts';
import { CuttableProxy } from '../rig/cuttable-proxy.ts';
import { until } from '../rig/eventually.ts';
import { type Client, useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { signalQuietly } from '../rig/processes.ts';

// What a reflector knows when everything is over is what there is: whatever was killed, cut or forgotten meanwhile.

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };

interface ConfigMap extends ApiObject {
  readonly data?: Readonly<Record<string, string>>;
}

const QUICK: ReflectorTimings['pauses'] = { initialMs: 50, factor: 2, maxMs: 500, jitter: 0.5 };

class Seen {
  readonly reflector: Reflector<string>;
  readonly gone: string[] = [];
  puts = 0;

  constructor(api: Api, namespace: string, timings: Partial<ReflectorTimings> = {}) {
    this.reflector = new Reflector<string>({
      api,
      resource: CONFIG_MAPS,
      selection: { namespace },
      project: (object: ConfigMap) => object.data?.['x'] ?? '',
      onEvent: (event) => {
        if (event.kind === 'Put') this.puts++;
        if (event.kind === 'Gone') this.gone.push(event.key.slice(namespace.length + 1));
      },
      clock: systemClock,
      logger: silentLogger,
      seed: namespace,
      timings: { pauses: QUICK, ...timings },
    });
    onTestFinished(() => this.reflector.stop());
    this.reflector.start();
  }

  knows(): string[] {
    return [...this.reflector.entries()].map(([key, x]) => `${key.slice(key.indexOf('/') + 1)}=${x}`).sort();
  }
}

const map = (namespace: string, name: string, x: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data: { x },
});

async function set({ api }: Client, namespace: string, name: string, x: string): Promise<void> {
  const patch = { type: 'apply', body: map(namespace, name, x), fieldManager: 'test', force: true } as const;
  const written = await api.patch(CONFIG_MAPS, { namespace, name }, patch);
  if (!written.ok) throw new Error(written.error.message);
}

async function remove({ api }: Client, namespace: string, name: string): Promise<void> {
  const deleted = await api.delete(CONFIG_MAPS, { namespace, name });
  if (!deleted.ok) throw new Error(deleted.error.message);
}

describe.skipIf(WHY_NO_CLUSTER)(`a reflector on a real API server${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('outages');

  async function viaProxy(): Promise<{ readonly proxy: CuttableProxy; readonly client: Client }> {
    const folder = mkdtempSync(join(tmpdir(), 'fxp-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const proxy = await CuttableProxy.to(cluster.port);
    onTestFinished(() => proxy.close());
    const client = await cluster.client({ kubeconfig: proxy.kubeconfig(cluster.kubeconfig, join(folder, 'config')) });
    return { proxy, client };
  }

  test('goes on when kube-apiserver is killed and comes back', async () => {
    const namespace = await cluster.namespace();
    const client = await cluster.client();
    const seen = new Seen(client.api, namespace);
    await seen.reflector.synced;
    for (let round = 1; round <= 3; round++) {
      await set(client, namespace, 'a', `${round}`);
      await set(client, namespace, `b${round}`, 'x');
      signalQuietly(cluster.pid('kube-apiserver'), 'SIGKILL');
      expect(await client.api.create(CONFIG_MAPS, map(namespace, 'lost', 'x'))).toMatchObject({ ok: false });
      await cluster.up();
      await remove(client, namespace, `b${round}`);
      await set(client, namespace, `c${round}`, 'y');
      const expected = ['a=' + round, ...Array.from({ length: round }, (_, at) => `c${at + 1}=y`)];
      // It may have been carried out: nobody knows but the server.
      await client.api.delete(CONFIG_MAPS, { namespace, name: 'lost' });
      await until('it knows what there is', () => JSON.stringify(seen.knows()) === JSON.stringify(expected));
    }
    expect(seen.gone.filter((name) => name !== 'lost').sort()).toEqual(['b1', 'b2', 'b3']);
    expect(seen.reflector.health().failures).toBeGreaterThan(0);
  });

  test('resumes after a cut without reading everything again', async () => {
    const namespace = await cluster.namespace();
    const direct = await cluster.client();
    const { proxy, client } = await viaProxy();
    await set(direct, namespace, 'a', '1');
    const seen = new Seen(client.api, namespace);
    await seen.reflector.synced;
    await set(direct, namespace, 'b', '1');
    await until('it watches', () => seen.puts === 2);
    proxy.cut();
    await set(direct, namespace, 'a', '2');
    await remove(direct, namespace, 'b');
    await until('it has noticed', () => seen.reflector.health().failures > 1);
    proxy.mend();
    await until('it knows what there is', () => seen.knows().join() === 'a=2');
    expect([seen.gone, seen.puts, seen.reflector.health().lists]).toEqual([['b'], 3, 1]);
  });

  test('notices a watch that is half open', async () => {
    const namespace = await cluster.namespace();
    const direct = await cluster.client();
    const { proxy, client } = await viaProxy();
    const seen = new Seen(client.api, namespace, { silenceMs: 2_000 });
    await seen.reflector.synced;
    await set(direct, namespace, 'a', '1');
    await until('it watches', () => seen.puts === 1);
    proxy.silence();
    await set(direct, namespace, 'a', '2');
    proxy.mend();
    await until('it knows what there is', () => seen.knows().join() === 'a=2');
    expect(seen.reflector.health().lists).toBe(1);
  });

  test('lists when what it has missed is forgotten, and finds what has ended', async () => {
    const namespace = await cluster.namespace();
    const direct = await cluster.client();
    const { proxy, client } = await viaProxy();
    for (const name of ['a', 'b', 'c']) await set(direct, namespace, name, '1');
    const seen = new Seen(client.api, namespace);
    await seen.reflector.synced;
    proxy.cut();
    await set(direct, namespace, 'a', '2');
    await remove(direct, namespace, 'b');
    await set(direct, namespace, 'd', '1');
    await cluster.compact();
    // The server's own cache of the past begins anew.
    signalQuietly(cluster.pid('kube-apiserver'), 'SIGKILL');
    await cluster.up();
    proxy.mend();
    await until('it knows what there is', () => seen.knows().join() === 'a=2,c=1,d=1');
    expect(seen.gone).toEqual(['b']);
    const { lists, lastFailure } = seen.reflector.health();
    expect([lists, lastFailure?.kind]).toEqual([2, 'Gone']);
  });

  test('a list whose moment is forgotten while it is read says so', async () => {
    const namespace = await cluster.namespace();
    const client = await cluster.client();
    for (let at = 0; at < 6; at++) await set(client, namespace, `m${at}`, '1');
    const kinds: string[] = [];
    for await (const page of client.api.list(CONFIG_MAPS, { namespace }, { pageItems: 2 })) {
      kinds.push(page.ok ? String(page.value.items.length) : page.error.kind);
      if (kinds.length > 1) continue;
      await set(client, namespace, 'm0', '2');
      await cluster.compact();
      signalQuietly(cluster.pid('kube-apiserver'), 'SIGKILL');
      await cluster.up();
    }
    expect(kinds).toEqual(['2', 'Gone']);
  });
});
