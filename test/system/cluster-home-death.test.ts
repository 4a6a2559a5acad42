import { beforeAll, describe, expect } from 'vitest';
import type { Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { Operated, startWithKinds } from '../rig/operated.ts';
import { PodWatch } from '../rig/pod-watch.ts';
import { seededRandom } from '../rig/random.ts';
import type { ApiServer } from '../rig/real-api-server.ts';

// Operators that are killed and paused while pods run, on fake nodes. A watch of its own sees every pod that ever was.
// FIXPOINT_KILLS and FIXPOINT_ATTEMPTS make it longer.

const KILLS = Number(process.env['FIXPOINT_KILLS'] ?? 6);
const TASKS = Number(process.env['FIXPOINT_ATTEMPTS'] ?? 200);
const PODS_AT_ONCE = 20;
const START_TIMEOUT_MS = 1_800_000;
/** A pod of a fake node runs for a second. */
const tasks = [{ name: 't', foreach: { range: { count: TASKS } }, resources: { cpu: '10m' }, command: ['true'] }];

let server: ApiServer;

beforeAll(async () => {
  if (WHY_NO_CLUSTER === '') server = await startWithKinds('control');
}, START_TIMEOUT_MS);

const leads = (operator: Started): boolean => operator.stderr.includes('"leads"');

describe.skipIf(WHY_NO_CLUSTER !== '')(`operators that die${WHY_NO_CLUSTER}`, () => {
  test(`${KILLS} kills: every task has one pod, and one alone`, { timeout: 60_000 + KILLS * 30_000 }, async ({
    box,
  }) => {
    const cluster = await Operated.in(server, box, PODS_AT_ONCE);
    const watch = new PodWatch(server, cluster.namespace);
    const random = seededRandom(7);
    let operator = cluster.operator();
    try {
      await cluster.apply(tasks);
      let kills = 0;
      for (; kills < KILLS; kills++) {
        await until('it leads', () => leads(operator));
        await new Promise((done) => setTimeout(done, 200 + random() * 2_500));
        const { status } = await cluster.workflow();
        if (status?.phase === 'Succeeded') break;
        await operator.kill('SIGKILL');
        operator = cluster.operator();
      }
      await cluster.complete(1);
      expect(kills, 'kills while pods ran').toBe(KILLS);
      await until('the watch has seen them', () => watch.names.length >= TASKS);
      const perTask = new Map<string, number>();
      for (const name of watch.names) {
        const task = name.slice(0, name.lastIndexOf('-'));
        perTask.set(task, (perTask.get(task) ?? 0) + 1);
      }
      expect(perTask.size).toBe(TASKS);
      expect([...perTask].filter(([, pods]) => pods > 1)).toEqual([]);
      await until('no pod is left', async () => (await cluster.names('pods')).length === 0);
      expect((await cluster.workflow()).status?.counts).toEqual({ Succeeded: TASKS });
    } finally {
      watch.stop();
      await operator.kill('SIGKILL');
    }
  });

  test('one that was paused past its lease writes nothing when it goes on, and ends', async ({ box }) => {
    const cluster = await Operated.in(server, box, PODS_AT_ONCE);
    const first = cluster.operator();
    await until('it leads', () => leads(first));
    const second = cluster.operator();
    try {
      await cluster.apply(tasks);
      await until('pods run', async () => (await cluster.names('pods')).length > 0);
      process.kill(first.pid, 'SIGSTOP');
      await until('the other leads', () => leads(second));
      process.kill(first.pid, 'SIGCONT');
      expect(await first.ended).toMatchObject({ code: 6, stderr: expect.stringContaining('leads no more') });
      await cluster.complete(1);
      expect((await cluster.workflow()).status?.counts).toEqual({ Succeeded: TASKS });
    } finally {
      await first.kill('SIGKILL');
      await second.kill('SIGKILL');
    }
  });
});
