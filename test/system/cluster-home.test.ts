import { describe, expect } from 'vitest';
import type { Plan, TaskItem } from '../../src/apis/task-view.ts';
import type { Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { Operated, useKinds } from '../rig/operated.ts';
import { PodWatch } from '../rig/pod-watch.ts';
import { noted, starts } from '../rig/task-log.ts';

// Workflows of a cluster by kubectl alone: nothing but the API server remembers anything, and the operator may die.

const server = useKinds('node');

const SMALL = { resources: { cpu: '50m' } };
const chain = (word: string, sleep = 0) => [
  { name: 'a', ...SMALL, outputs: [{ name: 'o', path: 'a.txt' }], run: noted(`sleep ${sleep}; echo ${word} > a.txt`) },
  {
    name: 'b',
    ...SMALL,
    outputs: [{ name: 'o', path: 'b.txt' }],
    run: noted('tr a-z A-Z < ${{ tasks.a.outputs.o }} > b.txt'),
  },
  { name: 'c', ...SMALL, run: noted('true') },
];

/** It says where it serves them, and that it is alive and ready. */
async function metricsOf(operator: Started): Promise<string> {
  const [, address] = /"address":"([^"]+)"/.exec(operator.stderr) ?? [];
  const said = async (path: string): Promise<string> => (await fetch(`http://${address}/${path}`)).text();
  expect([await said('livez'), await said('readyz')]).toEqual(['ok\n', 'ok\n']);
  return said('metrics');
}

describe.skipIf(WHY_NO_CLUSTER !== '')(`the cluster home${WHY_NO_CLUSTER}`, () => {
  test('kubectl apply runs a workflow; an edit makes exactly the pods that it has to; delete leaves nothing', async ({
    box,
  }) => {
    const cluster = await Operated.in(server, box);
    const watch = new PodWatch(server, cluster.namespace);
    const operator = cluster.operator();
    try {
      await cluster.apply(chain('one'));
      await cluster.kubectl('wait', '--for=condition=Complete', 'fwf/w', '--timeout=60s');
      expect(box.read('b.txt')).toBe('ONE\n');
      expect(await cluster.kubectl('get', 'fwf', 'w')).toMatch(/Succeeded\s+3\/3/);
      await until('the watch has seen them', () => watch.names.length === 3);

      await cluster.apply(chain('two'));
      await cluster.complete(2);
      expect(box.read('b.txt')).toBe('TWO\n');
      await until('the watch has seen them', () => watch.names.length >= 5);
      expect(watch.names.slice(3).map((name) => name.slice(0, 4))).toEqual(['w-a-', 'w-b-']);

      expect(await metricsOf(operator)).toMatch(/fixpoint_tasks\{phase="Succeeded"\} 3\n/);
      await cluster.kubectl('delete', 'fwf', 'w', '--timeout=60s');
      await until('nothing is left', async () => (await cluster.names('pods,configmaps')).length === 0);
      expect(starts(box.path('log'))).toEqual({ a: 2, b: 2, c: 1 });
    } finally {
      watch.stop();
      await operator.kill('SIGTERM');
    }
  });

  test('an operator that is killed forgets nothing, and what it left running runs once', async ({ box }) => {
    const cluster = await Operated.in(server, box, { lease: 'brief' });
    const first = cluster.operator();
    await cluster.apply(chain('one', 4));
    await until('it runs', () => starts(box.path('log'))['a'] === 1);
    await first.kill('SIGKILL');
    const second = cluster.operator();
    try {
      await cluster.complete(1);
      expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
      await second.kill('SIGKILL');
      // Edited while nobody looks.
      await cluster.apply([...chain('one', 4).slice(0, 2), { name: 'c', ...SMALL, run: noted('echo again') }]);
      const third = cluster.operator();
      await cluster.complete(2);
      expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 2 });
      await third.kill('SIGTERM');
      expect(await third.ended).toMatchObject({ code: 0 });
    } finally {
      await second.kill('SIGKILL');
    }
  });

  test('what cannot be admitted says so in its status, and does no harm to what is in force', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await cluster.apply([{ name: 'a', ...SMALL, run: 'cat ${{ tasks.nobody.outputs.o }}' }], 'wrong');
      await cluster.kubectl('wait', '--for=condition=Stalled', 'fwf/wrong', '--timeout=60s');
      expect((await cluster.workflow('wrong')).status?.message).toContain('nobody');
      await cluster.apply(chain('one'));
      await cluster.complete(1);
      await cluster.apply([{ name: 'a', ...SMALL, run: 'cat ${{ tasks.nobody.outputs.o }}' }]);
      await cluster.kubectl('wait', '--for=condition=SourceInvalid', 'fwf/w', '--timeout=60s');
      expect((await cluster.workflow()).status?.phase).toBe('Succeeded');
      await cluster.kubectl('delete', 'fwf', '--all', '--timeout=60s');
    } finally {
      await operator.kill('SIGTERM');
    }
  });

  test('a request is an annotation, carried out once and taken off', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    try {
      await cluster.apply(chain('one'));
      await cluster.complete(1);
      const request = JSON.stringify({ id: 'r1', verb: 'reset', tasks: ['b'] });
      await cluster.kubectl('annotate', 'fwf', 'w', `request.fixpoint.dev/r1=${request}`);
      await until('it ran again', () => starts(box.path('log'))['b'] === 2);
      await until('it is taken off', async () => {
        const { metadata } = await cluster.workflow();
        return metadata.annotations?.['request.fixpoint.dev/r1'] === undefined;
      });
      await cluster.complete(1);
      expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 1 });
    } finally {
      await operator.kill('SIGTERM');
    }
  });

  test('fixpoint speaks to the cluster as to any home', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    const there = ['--kubeconfig', server.kubeconfig, '-n', cluster.namespace];
    const env = [{ name: 'LOG', value: box.path('log') }];
    const file = (word: string) => box.workflow({ tasks: chain(word).map((task) => ({ env, ...task })) });
    try {
      await box.expectExit(0, 'apply', '-f', file('one'), ...there);
      await box.expectExit(0, 'wait', 'w', '--for', 'condition=Complete', '--timeout', '60s', ...there);
      const tasks = await box.json<readonly TaskItem[] | { readonly items: readonly TaskItem[] }>(
        'get',
        'tasks',
        'w',
        ...there,
      );
      const items = 'items' in tasks ? tasks.items : tasks;
      expect(items.map(({ metadata, status }) => `${metadata.name} ${status.phase}`)).toEqual([
        'a Succeeded',
        'b Succeeded',
        'c Succeeded',
      ]);
      const plan = async (word: string): Promise<string[]> => {
        const { stdout } = await box.cli('plan', '-f', file(word), '-o', 'json', ...there);
        return (JSON.parse(stdout) as Plan).tasks.map(({ name, action }) => `${name} ${action}`);
      };
      expect(await plan('one')).toEqual(['a Keep', 'b Keep', 'c Keep']);
      expect(await plan('two')).toEqual(['a Reset', 'b Reevaluate', 'c Keep']);
      expect((await box.expectExit(0, 'explain', 'w', 'b', ...there)).stdout).toContain('Succeeded');
      expect((await box.expectExit(0, 'events', 'w', ...there)).stdout).toContain('AttemptCreated');
      await box.expectExit(0, 'reset', 'w', 'c', ...there);
      await until('it ran again', () => starts(box.path('log'))['c'] === 2);
      await box.expectExit(0, 'delete', 'w', ...there);
      await until('nothing is left', async () => (await cluster.names('fwf,pods,configmaps')).length === 0);
    } finally {
      await operator.kill('SIGTERM');
    }
  });

  test('without an operator a deletion waits, and release-finalizers lets go', async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    await cluster.apply(chain('one', 60));
    await until('it runs', () => starts(box.path('log'))['a'] === 1);
    expect(await cluster.kubectl('describe', 'fwf', 'w')).toMatch(/AttemptCreated/);
    await operator.kill('SIGKILL');
    await cluster.kubectl('delete', 'fwf', 'w', '--wait=false');
    const release = ['release-finalizers', '--kubeconfig', server.kubeconfig, '-n', cluster.namespace];
    await until(
      'everything is gone',
      async () => {
        await box.expectExit(0, ...release);
        return (await cluster.names('fwf,pods')).length === 0;
      },
      150_000,
    );
  });
});
