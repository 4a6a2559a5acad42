import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Lease } from '../../src/kubernetes/lease-record.ts';
import { type ApiObject, LEASES, type Resource } from '../../src/kubernetes/resource.ts';
import { compareResourceVersions } from '../../src/kubernetes/resource-version.ts';
import { Started } from '../rig/cli.ts';
import type { Word } from '../rig/elector-program.ts';
import { until } from '../rig/eventually.ts';
import { type Client, type TestCluster, useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
const PROGRAM = join(import.meta.dirname, '../rig/elector-program.ts');

function candidate(cluster: TestCluster, namespace: string, identity: string): Started {
  const args = ['--import', 'tsx', PROGRAM, cluster.kubeconfig, namespace, identity];
  const started = new Started(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  onTestFinished(async () => void (await started.kill('SIGKILL')));
  return started;
}

const times = (started: Started, word: Word): number =>
  started.stdout.split('\n').filter((line) => line === word).length;

/** Every version of the lease with who held it, and every write with its writer, as the API server ordered them. */
class Witness {
  readonly holders: { readonly version: string; readonly identity: string }[] = [];
  readonly writes: { readonly version: string; readonly writer: string }[] = [];
  readonly #stop = new AbortController();

  constructor(client: Client, namespace: string) {
    void this.#watch(client, namespace, LEASES, ({ metadata, ...rest }) => {
      const identity = (rest as Lease).spec?.holderIdentity ?? '';
      this.holders.push({ version: metadata.resourceVersion ?? '', identity });
    });
    void this.#watch(client, namespace, CONFIG_MAPS, ({ metadata }) => {
      const writer = metadata.labels?.['writer'];
      if (writer !== undefined) this.writes.push({ version: metadata.resourceVersion ?? '', writer });
    });
  }

  wrote(name: string): number {
    return this.writes.filter(({ writer }) => writer === name).length;
  }

  /** Writes that came after another had taken the lease: who wrote, and who held it. */
  wrong(): string[] {
    return this.writes.flatMap(({ version, writer }) => {
      const before = this.holders.filter((held) => compareResourceVersions(held.version, version) < 0);
      const holder = before.at(-1)?.identity ?? 'nobody';
      return holder === writer ? [] : [`${writer} wrote while ${holder} led`];
    });
  }

  end(): void {
    this.#stop.abort();
  }

  async #watch(
    { api }: Client,
    namespace: string,
    resource: Resource,
    seen: (object: ApiObject) => void,
  ): Promise<void> {
    const from = { resourceVersion: '0', timeoutSeconds: 600 };
    const stream = await api.watch(resource, { namespace }, from, this.#stop.signal);
    if (!stream.ok) throw new Error(stream.error.message);
    let rest = '';
    for await (const chunk of stream.value) {
      const lines = (rest + (chunk.ok ? chunk.value.toString() : '')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as { type: string; object: ApiObject };
        if (type === 'ADDED' || type === 'MODIFIED') seen(object);
      }
    }
  }
}

describe.skipIf(WHY_NO_CLUSTER)(`two candidates for one lease${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('api');

  test('a leader that is stopped past its lease writes nothing when it goes on', async () => {
    const namespace = await cluster.namespace();
    const client = await cluster.client();
    const witness = new Witness(client, namespace);
    onTestFinished(() => witness.end());
    const candidates = new Map([
      ['one', candidate(cluster, namespace, 'one')],
      ['two', candidate(cluster, namespace, 'two')],
    ]);
    await until('one writes, the other in vain', () =>
      [...candidates].every(([name, started]) => witness.wrote(name) > 0 || times(started, 'NotLeader') > 3),
    );

    for (let round = 0; round < 3; round++) {
      const holder = witness.holders.at(-1)?.identity ?? '';
      const leader = candidates.get(holder) as Started;
      const refused = times(leader, 'NotLeader');
      const other = holder === 'one' ? 'two' : 'one';
      const written = witness.wrote(other);
      leader.child.kill('SIGSTOP');
      await until('the other takes over and writes', () => witness.wrote(other) > written + 20);
      leader.child.kill('SIGCONT');
      await until('it writes in vain', () => times(leader, 'NotLeader') > refused + 5);
      expect(witness.wrong()).toEqual([]);
    }
    const lost = [...candidates.values()].reduce((sum, started) => sum + times(started, 'lost'), 0);
    expect(lost).toBeGreaterThanOrEqual(3);
  });

  test('a leader that ends in order is followed at once, and one that is killed after its lease', async () => {
    const namespace = await cluster.namespace();
    const client = await cluster.client();
    const witness = new Witness(client, namespace);
    onTestFinished(() => witness.end());
    const one = candidate(cluster, namespace, 'one');
    await until('the first leads', () => times(one, 'leading') > 0);
    const two = candidate(cluster, namespace, 'two');
    await until('the second waits', () => times(two, 'NotLeader') > 0);
    await one.kill('SIGTERM');
    expect(one.stdout).toMatch(/ended\n$/);
    await until('the second leads', () => times(two, 'leading') > 0);
    const lease = await client.api.get<Lease>(LEASES, { namespace, name: 'fixpoint' });
    expect(lease).toMatchObject({
      value: { spec: { holderIdentity: 'two', leaseDurationSeconds: 3 } },
    });
    // It was free: nobody waited for it to expire.
    expect(witness.holders.map(({ identity }) => identity)).toContain('');
    const three = candidate(cluster, namespace, 'three');
    await until('the third waits', () => times(three, 'NotLeader') > 0);
    await two.kill('SIGKILL');
    await until('the third leads', () => times(three, 'leading') > 0);
    await until('the third writes', () => witness.writes.some(({ writer }) => writer === 'three'));
    expect(witness.wrong()).toEqual([]);
  });
});
