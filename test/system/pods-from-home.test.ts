import { beforeAll, describe, expect } from 'vitest';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { BASH } from '../rig/pod-rig.ts';
import { PodWatch } from '../rig/pod-watch.ts';
import { type ApiServer, startApiServer } from '../rig/real-api-server.ts';
import { noted, spansByTask } from '../rig/task-log.ts';

// A workflow whose tasks are processes here and pods of a real node, on one folder, from the home of a state folder.

const START_TIMEOUT_MS = 1_800_000;

let server: ApiServer;
let namespaces = 0;

beforeAll(async () => {
  if (WHY_NO_CLUSTER === '') server = await startApiServer('node');
}, START_TIMEOUT_MS);

/** A namespace of its own, and a configuration that sends `backend: kubernetes` there. */
async function withPods(box: Sandbox): Promise<string> {
  const namespace = `home-${process.pid}-${Date.now().toString(36)}-${++namespaces}`;
  expect((await server.kubectl(['create', 'namespace', namespace])).code).toBe(0);
  const backend = {
    name: 'kubernetes',
    type: 'kubernetes',
    kubeconfig: server.kubeconfig,
    namespace,
    image: BASH,
    volume: { mountPath: box.dir },
  };
  box.write('.fixpoint/config.yaml', JSON.stringify({ backends: [backend] }));
  return namespace;
}

async function podsLeft(namespace: string): Promise<number> {
  const { stdout } = await server.kubectl(['get', 'pods', '-n', namespace, '-o', 'name']);
  return stdout.split('\n').filter((line) => line !== '').length;
}

const SMALL = { cpu: '100m' };
const onPods = { backend: 'kubernetes', resources: SMALL };

describe.skipIf(WHY_NO_CLUSTER !== '')(`pods from the embedded home${WHY_NO_CLUSTER}`, () => {
  test('files go from pods to processes and back; an edit makes exactly the pods that the plan allows', async ({
    box,
  }) => {
    const namespace = await withPods(box);
    const watch = new PodWatch(server, namespace);
    try {
      const spec = (word: string) => ({
        tasks: [
          { name: 'a', ...onPods, outputs: [{ name: 'o', path: 'a.txt' }], run: `echo ${word} > \${{ outputs.o }}` },
          {
            name: 'b',
            outputs: [{ name: 'o', path: 'b.txt' }],
            run: 'tr a-z A-Z < ${{ tasks.a.outputs.o }} > ${{ outputs.o }}',
          },
          {
            name: 'c',
            ...onPods,
            outputs: [{ name: 'o', path: 'c.txt' }],
            run: 'cat ${{ tasks.b.outputs.o }} > ${{ outputs.o }}; date +%N >> ${{ outputs.o }}',
          },
          { name: 'd', ...onPods, command: ['sh', '-c', 'exit 0'] },
        ],
      });
      const file = box.workflow(spec('one'));
      expect((await box.run(file)).code).toBe(0);
      expect(box.read('c.txt')).toMatch(/^ONE\n/);
      await until('the watch has seen them', () => watch.names.length >= 3);
      expect(watch.names.map((name) => name.slice(0, 4)).sort()).toEqual(['w-a-', 'w-c-', 'w-d-']);
      expect((await box.run(file)).code).toBe(0);

      box.workflow(spec('two'));
      const plan = await box.plan('-f', file);
      expect(plan.tasks.filter(({ action }) => action === 'Reset').map(({ name }) => name)).toEqual(['a']);
      expect((await box.run(file)).code).toBe(0);
      expect(box.read('c.txt')).toMatch(/^TWO\n/);
      await until('the watch has seen them', () => watch.names.length >= 5);
      expect(
        watch.names
          .slice(3)
          .map((name) => name.slice(0, 4))
          .sort(),
      ).toEqual(['w-a-', 'w-c-']);
      await until('no pod is left', async () => (await podsLeft(namespace)) === 0);
    } finally {
      watch.stop();
    }
  });

  test('a daemon that is killed while pods run adopts them, and nothing runs twice', async ({ box }) => {
    const namespace = await withPods(box);
    const COUNT = 8;
    const tasks = [
      { name: 't', foreach: { range: { count: COUNT } }, ...onPods, run: noted('sleep 3') },
      { name: 'end', dependsOn: ['t'], ...onPods, run: noted('true') },
    ];
    // The log of the tasks lies where pods see it.
    const env = [{ name: 'LOG', value: box.path('log') }];
    const file = box.workflow({ defaults: { env }, tasks });
    let daemon = await box.daemon();
    await box.expectExit(0, 'apply', '-f', file);
    const spans = () => spansByTask(box.path('log'));
    for (const most of [1, 3, 5]) {
      await until(`${most} have begun`, () => spans().size >= most, 90_000);
      await daemon.kill('SIGKILL');
      daemon = await box.daemon();
    }
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '120s');
    expect([...spans().values()].map((all) => all.length)).toEqual(Array.from({ length: COUNT + 1 }, () => 1));
    const summary = await box.summary();
    expect(new Set(Object.values(summary))).toEqual(new Set(['Succeeded 1']));
    await until('no pod is left', async () => (await podsLeft(namespace)) === 0);
  });

  test('what cannot be is refused when it is applied', async ({ box }) => {
    await withPods(box);
    const refused = async (task: object): Promise<string> => {
      const { code, stderr } = await box.cli('run', box.workflow({ tasks: [{ name: 'a', run: 'true', ...task }] }));
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused({ image: BASH })).toContain('the backend process runs no images');
    expect(await refused({ ...onPods, outputs: [{ name: 'o', path: '/elsewhere/o' }] })).toContain(
      'does not see /elsewhere/o',
    );
  });
});
