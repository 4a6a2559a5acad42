import { describe, expect, test } from 'vitest';
import type { Workflow } from '../../src/apis/workflow.ts';
import { ok } from '../../src/base/result.ts';
import { CONFIG_MAPS } from '../../src/kubernetes/resource.ts';
import { ClusterStore, type WorkflowObjects } from '../../src/store/cluster/cluster-store.ts';
import { ConfigMapParts, LEDGER_LABEL } from '../../src/store/cluster/config-map-parts.ts';
import type { Store } from '../../src/store/store.ts';
import { intended, type StoreRig, storeContract } from '../contract/store-contract.ts';
import { type Client, useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { signalQuietly } from '../rig/processes.ts';

// Ledgers in a real API server: the laws of every store, and what is durable when its daemons are killed.

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
let lives = 0;

/** Workflows as a test says that they are: who makes them in a cluster is not the store. */
class Declared implements WorkflowObjects {
  readonly #shown = new Map<string, Workflow>();

  async list() {
    return ok([...this.#shown.values()]);
  }

  show(object: Workflow): void {
    this.#shown.set(object.metadata.uid, object);
  }
}

async function open(client: Client, namespace: string, objects: WorkflowObjects): Promise<Store> {
  const parts = new ConfigMapParts(client.api, (uid) => ({ namespace, name: uid }));
  const store = await ClusterStore.open(parts, objects, {
    now: Date.now(),
    owner: `life ${++lives}`,
    pause,
    onUnreadable: () => undefined,
  });
  if (!store.ok) throw new Error(store.error);
  return store.value;
}

describe.skipIf(WHY_NO_CLUSTER)(`ledgers in a real API server${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('outages');

  storeContract(
    'cluster, in a real API server,',
    (): StoreRig => {
      const objects = new Declared();
      const over: (() => unknown)[] = [];
      let made: Promise<{ readonly client: Client; readonly namespace: string }> | undefined;
      const reopen = async (): Promise<Store> => {
        made ??= Promise.all([cluster.client({ whenDone: (does) => void over.push(does) }), cluster.namespace()]).then(
          ([client, namespace]) => ({ client, namespace }),
        );
        const { client, namespace } = await made;
        return open(client, namespace, objects);
      };
      const dispose = async (): Promise<void> => {
        for (const does of over) await does();
      };
      return { open: reopen, reopen, dispose };
    },
    { inherits: false, countsByOne: false },
  );

  test.each(['kube-apiserver', 'etcd'] as const)(
    'what was committed is there when %s is killed',
    async (daemon) => {
      const namespace = await cluster.namespace();
      const client = await cluster.client();
      const store = await open(client, namespace, new Declared());
      const durable: string[] = [];
      let stopped = false;
      const commits = async (from: string): Promise<void> => {
        for (let n = 0; !stopped; n++) {
          const key = `${from}/${n}`;
          await store.commit({ time: 1, entries: [{ workflow: 'w', entry: intended(key, 1) }] }).then(
            () => durable.push(key),
            // It says that nothing was written, so it is tried no more.
            () => pause(20),
          );
        }
      };
      const committing = ['a', 'b', 'c'].map(commits);
      for (let kill = 0; kill < 3; kill++) {
        await pause(300);
        signalQuietly(cluster.pid(daemon), 'SIGKILL');
        await pause(200);
        await cluster.up();
      }
      await pause(300);
      stopped = true;
      await Promise.all(committing);
      expect(durable.length).toBeGreaterThan(100);
      const found = await (await open(client, namespace, new Declared())).records('w');
      expect(found.map(({ key }) => key).sort()).toEqual([...durable].sort());
      for await (const page of client.api.list(CONFIG_MAPS, { namespace, labelSelector: LEDGER_LABEL })) {
        if (!page.ok) throw new Error(page.error.message);
        for (const { metadata } of page.value.items) expect(metadata.ownerReferences?.[0]?.uid).toBe('w');
      }
    },
    120_000,
  );
});
