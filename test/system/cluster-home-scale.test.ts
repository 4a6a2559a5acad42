import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { AuditLog } from '../rig/audit-log.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { leads, Operated, trivialTasks, useKinds } from '../rig/operated.ts';

// What many tasks cost an API server and an operator, on fake nodes. FIXPOINT_POD_TASKS makes it more.

const TASKS = Number(process.env['FIXPOINT_POD_TASKS'] ?? 300);
const PODS_AT_ONCE = 300;
/** A pod is made, let go and deleted; all else is for many at once. What a run costs however few tasks it has is beside that. */
const WRITES_PER_TASK = 3.3;
const WRITES_OF_A_RUN = 100;
const MAX_STATUS_BYTES = 32 * 1024;
const MAX_RSS_MB = 500;
const tasks = trivialTasks(TASKS);

const server = useKinds('control');

describe.skipIf(WHY_NO_CLUSTER !== '')(`many tasks${WHY_NO_CLUSTER}`, () => {
  test(`${TASKS} pods: writes, status and memory`, { timeout: 120_000 + TASKS * 100 }, async ({ box }) => {
    const cluster = await Operated.in(server, box, { maxPods: PODS_AT_ONCE });
    const audit = new AuditLog(server.cluster.auditLog, cluster.namespace);
    const operator = cluster.operator();
    try {
      await until('it leads', () => leads(operator));
      const begin = performance.now();
      await cluster.apply(tasks);
      let statusBytes = 0;
      await until(
        'it is complete',
        async () => {
          const { status } = await cluster.workflow();
          statusBytes = Math.max(statusBytes, JSON.stringify(status ?? {}).length);
          return status?.phase === 'Succeeded';
        },
        60_000 + TASKS * 90,
      ).catch(async (error: unknown) => {
        throw new Error(await cluster.account(operator), { cause: error });
      });
      const seconds = (performance.now() - begin) / 1_000;
      await until('no pod is left', async () => (await cluster.names('pods')).length === 0);
      const writes = audit.carriedOut.filter(({ agent }) => agent.startsWith('fixpoint/')).length;
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${operator.pid}/status`, 'latin1'));
      const rssMb = Number(peak?.[1]) / 1024;
      process.stderr.write(
        `${TASKS} tasks in ${seconds.toFixed(1)} s, ${writes} writes, ${rssMb.toFixed(0)} MB, ${statusBytes} bytes of status\n`,
      );
      expect(writes).toBeGreaterThan(2 * TASKS);
      expect(writes).toBeLessThan(WRITES_PER_TASK * TASKS + WRITES_OF_A_RUN);
      expect(statusBytes).toBeLessThan(MAX_STATUS_BYTES);
      expect(rssMb).toBeLessThan(MAX_RSS_MB);
    } finally {
      await operator.kill('SIGKILL');
    }
  });
});
