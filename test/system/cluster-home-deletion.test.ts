import { describe, expect } from 'vitest';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { Operated, useKinds } from '../rig/operated.ts';

// What is deleted goes away, however it is deleted, and whoever lives: nothing that Fixpoint holds keeps a namespace for ever.

const PODS = 50;
/** What `kubectl delete` may take. */
const LIMIT = '--timeout=60s';
/** Pods of a fake node that have no end. */
const endless = [
  {
    name: 't',
    foreach: { range: { count: PODS } },
    labels: { 'fake.fixpoint.local/seconds': 'never' },
    resources: { cpu: '10m' },
    command: ['true'],
  },
];

const server = useKinds('control');

async function running(cluster: Operated): Promise<void> {
  await cluster.apply(endless);
  await until(`${PODS} pods run`, async () => (await cluster.workflow()).status?.counts?.['Running'] === PODS);
}

async function isGone(cluster: Operated): Promise<boolean> {
  const { stdout } = await server.kubectl(['get', 'namespace', cluster.namespace, '--ignore-not-found', '-o', 'name']);
  return stdout === '';
}

describe.skipIf(WHY_NO_CLUSTER !== '')(`what is deleted goes away${WHY_NO_CLUSTER}`, () => {
  test.for(['background', 'foreground', 'orphan'])('a workflow with running pods, %s', async (cascade, { box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await running(cluster);
      await cluster.kubectl('delete', 'fwf', 'w', `--cascade=${cascade}`, LIMIT);
      await until('nothing is left', async () => (await cluster.names('pods,configmaps')).length === 0);
    } finally {
      await operator.kill('SIGTERM');
    }
  });

  test('a namespace with running pods, by an operator that lives elsewhere', async ({ box }) => {
    // Those of other tests are not for it.
    await server.kubectl(['delete', 'fwf', '--all', '-A', '--wait=false']);
    await box.expectExit(0, 'release-finalizers', '--kubeconfig', server.kubeconfig, '--all-namespaces');
    const cluster = await Operated.in(server, box, { reach: 'cluster' });
    const operator = cluster.operator();
    try {
      await running(cluster);
      await cluster.kubectl('delete', 'namespace', cluster.namespace, LIMIT);
      expect(await isGone(cluster)).toBe(true);
    } finally {
      await operator.kill('SIGTERM');
      await cluster.uninstall();
    }
  });

  test('a namespace with running pods and its own operator, which goes with it', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await running(cluster);
      await cluster.kubectl('delete', 'namespace', cluster.namespace, '--wait=false');
      await operator.kill('SIGTERM');
      await box.expectExit(0, 'release-finalizers', '--kubeconfig', server.kubeconfig, '-n', cluster.namespace);
      await until('it is gone', () => isGone(cluster));
    } finally {
      await operator.kill('SIGKILL');
    }
  });

  test('a namespace without an operator, once it is let go', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await running(cluster);
    } finally {
      await operator.kill('SIGKILL');
    }
    await cluster.kubectl('delete', 'namespace', cluster.namespace, '--wait=false');
    // Pods go first, and the workflow is not marked before they are gone.
    await until('pods are being deleted', async () => {
      const marks = await cluster.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}');
      return marks !== '';
    });
    await box.expectExit(0, 'release-finalizers', '--kubeconfig', server.kubeconfig, '-n', cluster.namespace);
    await until('it is gone', () => isGone(cluster));
  });

  test('the installation: workflows stay, and what runs is found by the next one', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await running(cluster);
    } finally {
      await operator.kill('SIGTERM');
    }
    await cluster.uninstall();
    expect((await cluster.names('pods')).length).toBe(PODS);
    expect((await cluster.workflow()).status?.counts).toEqual({ Running: PODS });
    await cluster.kubectl('delete', 'fwf', 'w', '--wait=false');
    await box.expectExit(0, 'release-finalizers', '--kubeconfig', server.kubeconfig, '-n', cluster.namespace);
    await until('nothing is left', async () => (await cluster.names('fwf,pods,configmaps')).length === 0);
  });
});
