import { describe, expect } from 'vitest';
import { AuditLog } from '../rig/audit-log.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { Operated, trivialTasks, useKinds } from '../rig/operated.ts';
import { signalQuietly } from '../rig/processes.ts';
import { seededRandom } from '../rig/random.ts';

// The API server and its store are killed while pods run. What was made is judged by what the server itself noted of it.
// FIXPOINT_OUTAGES and FIXPOINT_ATTEMPTS make it longer.

const OUTAGES = Number(process.env['FIXPOINT_OUTAGES'] ?? 2);
const TASKS = Number(process.env['FIXPOINT_ATTEMPTS'] ?? 400);
const PODS_AT_ONCE = 20;
const tasks = trivialTasks(TASKS);

const server = useKinds('control');

describe.skipIf(WHY_NO_CLUSTER !== '')(`an API server that dies${WHY_NO_CLUSTER}`, () => {
  test.for(['kube-apiserver', 'etcd'] as const)(
    `${OUTAGES} times, %s: every task has one pod`,
    { timeout: 120_000 + OUTAGES * 60_000 + TASKS * 100 },
    async (daemon, { box }) => {
      const cluster = await Operated.in(server, box, { maxPods: PODS_AT_ONCE, lease: 'brief' });
      const audit = new AuditLog(server.cluster.auditLog, cluster.namespace);
      const random = seededRandom(11);
      const operators = cluster.minded();
      try {
        await cluster.apply(tasks);
        for (let n = 0; n < OUTAGES; n++) {
          const before = podsMade(audit).length;
          await until('pods are made', () => podsMade(audit).length > before, 120_000);
          await new Promise((done) => setTimeout(done, random() * 1_000));
          expect(await isComplete(cluster), 'it is over').toBe(false);
          signalQuietly(server.cluster.pid(daemon), 'SIGKILL');
          await server.cluster.up();
        }
        await until('it is complete', () => isComplete(cluster), 60_000 + TASKS * 100);
      } finally {
        await operators.end();
      }
      expect(operators.otherEnds).toEqual([]);
      const names = podsMade(audit);
      expect(names.length, 'a pod that was made twice').toBe(new Set(names).size);
      // One that was made as the server died was bound to a node all the same.
      const perTask = [...audit.pods].map((name) => name.slice(0, name.lastIndexOf('-')));
      expect(new Set(perTask).size, 'tasks with a pod').toBe(TASKS);
      expect(perTask.length, 'pods').toBe(TASKS);
    },
  );
});

function podsMade(audit: AuditLog): string[] {
  return audit.carriedOut
    .filter(({ verb, resource }) => verb === 'create' && resource === 'pods')
    .map(({ name }) => name);
}

async function isComplete(cluster: Operated): Promise<boolean> {
  const { status } = await cluster.workflow().catch(() => ({ status: undefined }));
  return status?.counts?.['Succeeded'] === TASKS;
}
