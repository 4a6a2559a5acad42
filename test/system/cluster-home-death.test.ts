import { describe, expect } from 'vitest';
import { AuditLog, type Write } from '../rig/audit-log.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { leads, Operated, trivialTasks, useKinds } from '../rig/operated.ts';
import { PodWatch } from '../rig/pod-watch.ts';
import { seededRandom } from '../rig/random.ts';

// Operators that are killed and paused while pods run, on fake nodes. A watch of its own sees every pod that ever was.
// FIXPOINT_KILLS, FIXPOINT_PAUSES and FIXPOINT_ATTEMPTS make it longer.

const KILLS = Number(process.env['FIXPOINT_KILLS'] ?? 6);
const TASKS = Number(process.env['FIXPOINT_ATTEMPTS'] ?? 200);
const PAUSES = Number(process.env['FIXPOINT_PAUSES'] ?? 1);
const PODS_AT_ONCE = 20;
const tasks = trivialTasks(TASKS);

const server = useKinds('control');

describe.skipIf(WHY_NO_CLUSTER !== '')(`operators that die${WHY_NO_CLUSTER}`, () => {
  test(`${KILLS} kills: every task has one pod, and one alone`, { timeout: 60_000 + KILLS * 30_000 }, async ({
    box,
  }) => {
    const cluster = await Operated.in(server, box, { maxPods: PODS_AT_ONCE, lease: 'brief' });
    const watch = new PodWatch(server, cluster.namespace);
    const random = seededRandom(7);
    const operators = cluster.minded();
    try {
      await cluster.apply(tasks);
      let kills = 0;
      for (; kills < KILLS; kills++) {
        await until('it leads', () => operators.leads);
        await new Promise((done) => setTimeout(done, 200 + random() * 2_500));
        const { status } = await cluster.workflow();
        if (status?.phase === 'Succeeded') break;
        await operators.kill();
      }
      await cluster.complete(1);
      expect(kills, 'kills while pods ran').toBe(KILLS);
      expect(operators.otherEnds).toEqual([]);
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
      await operators.end();
    }
  });

  test(`${PAUSES} paused past their lease: each writes nothing when it goes on, and ends`, {
    timeout: 120_000 + PAUSES * 30_000,
  }, async ({ box }) => {
    const cluster = await Operated.in(server, box, { maxPods: PODS_AT_ONCE, lease: 'brief' });
    const audit = new AuditLog(server.cluster.auditLog, cluster.namespace);
    const start = async () => {
      const identity = await cluster.identity();
      return { ...identity, program: cluster.operator(identity.kubeconfig) };
    };
    const past: { readonly credential: string; readonly until: number }[] = [];
    let leader = await start();
    let next = leader;
    try {
      await until('it leads', () => leads(leader.program));
      for (let pause = 0; pause < PAUSES; pause++) {
        next = await start();
        // Something is under way whenever one is paused.
        await cluster.apply(tasks.map((task) => ({ ...task, command: ['true', String(pause)] })));
        const already = audit.carriedOut.filter(isPod).length;
        await until('pods are made', () => audit.carriedOut.filter(isPod).length > already);
        process.kill(leader.program.pid, 'SIGSTOP');
        await until('the other leads', () => leads(next.program));
        const acquired = Date.parse(
          await cluster.kubectl('get', 'lease', `fixpoint-${cluster.namespace}`, '-o', 'jsonpath={.spec.acquireTime}'),
        );
        process.kill(leader.program.pid, 'SIGCONT');
        expect(await leader.program.ended).toMatchObject({ code: 6, stderr: expect.stringContaining('leads no more') });
        expect(acquired).toBeGreaterThan(0);
        past.push({ credential: leader.credential, until: acquired });
        leader = next;
      }
      await cluster.complete(PAUSES);
      for (const { credential, until: end } of past) {
        const its = audit.carriedOut.filter((write) => write.credential === credential);
        expect(its.length).toBeGreaterThan(0);
        expect(
          its.filter(({ time }) => time > end),
          'writes of one that leads no more',
        ).toEqual([]);
      }
      expect((await cluster.workflow()).status?.counts).toEqual({ Succeeded: TASKS });
    } finally {
      await leader.program.kill('SIGKILL');
      await next.program.kill('SIGKILL');
    }
  });
});

function isPod({ verb, resource }: Write): boolean {
  return verb === 'create' && resource === 'pods';
}
