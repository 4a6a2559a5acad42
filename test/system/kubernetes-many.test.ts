import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Reflector } from '../../src/kubernetes/reflector.ts';
import { type ApiObject, PODS } from '../../src/kubernetes/resource.ts';
import { until } from '../rig/eventually.ts';
import { useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { createPods } from '../rig/many-pods.ts';
import type { Kept } from '../rig/reflector-program.ts';

const PODS_THERE = 5_000;

describe.skipIf(WHY_NO_CLUSTER)(`thousands of pods on a real API server${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('api');
  let namespace = '';

  beforeAll(async () => {
    if (WHY_NO_CLUSTER) return;
    namespace = await cluster.namespace();
    const { api, transport } = await cluster.client({ whenDone: () => {} });
    await createPods(api, namespace, PODS_THERE);
    await transport.close();
  }, 300_000);

  test('are listed page by page, each once, all of one moment', async () => {
    const { api, transport } = await cluster.client();
    const names = new Set<string>();
    const moments = new Set<string>();
    let pages = 0;
    for await (const page of api.list<ApiObject>(PODS, { namespace })) {
      if (!page.ok) throw new Error(page.error.message);
      pages++;
      moments.add(page.value.resourceVersion);
      expect(page.value.items.length).toBeLessThanOrEqual(500);
      for (const { metadata } of page.value.items) names.add(metadata.name ?? '');
    }
    expect([names.size, pages, moments.size]).toEqual([PODS_THERE, 10, 1]);
    expect(transport.requests()).toEqual(new Map([['list 2xx', 10]]));
  });

  test('are kept in a kilobyte each, whatever they weigh', async () => {
    const empty = await cluster.namespace();
    const program = join(import.meta.dirname, '../rig/reflector-program.ts');
    const args = ['--expose-gc', '--import', 'tsx', program, cluster.kubeconfig, empty, namespace];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { objects, bytes } = JSON.parse(stdout) as Kept;
    expect(objects).toBe(PODS_THERE);
    expect(bytes / objects).toBeLessThanOrEqual(1024);
    // A measurement that measures nothing would pass as well.
    expect(bytes / objects).toBeGreaterThan(200);
  });

  test('are known as they are after thousands of changes, and then the reflector knows no pod that is not there', async () => {
    const { api } = await cluster.client();
    let gone = 0;
    const reflector = new Reflector({
      api,
      resource: PODS,
      selection: { namespace },
      project: ({ metadata }) => metadata.resourceVersion,
      onEvent: ({ kind }) => void (gone += kind === 'Gone' ? 1 : 0),
      clock: systemClock,
      logger: silentLogger,
      seed: 'test',
    });
    reflector.start();
    await reflector.synced;
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < 1_000; at = next++) {
        const reference = { namespace, name: `p-${at}` };
        const freed = await api.patch(PODS, reference, { type: 'merge', body: { metadata: { finalizers: null } } });
        if (!freed.ok) throw new Error(freed.error.message);
        const deleted = await api.delete(PODS, reference, { gracePeriodSeconds: 0 });
        if (!deleted.ok) throw new Error(deleted.error.message);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const there = new Map<string, string | undefined>();
    for await (const page of api.list<ApiObject>(PODS, { namespace })) {
      if (!page.ok) throw new Error(page.error.message);
      for (const { metadata } of page.value.items) there.set(`${namespace}/${metadata.name}`, metadata.resourceVersion);
    }
    await until('all ends are told', () => gone === 1_000);
    expect(new Map(reflector.entries())).toEqual(there);
    expect(there.size).toBe(PODS_THERE - 1_000);
    expect(reflector.health()).toMatchObject({ lists: 1, failures: 0 });
    await reflector.stop();
  });
});
