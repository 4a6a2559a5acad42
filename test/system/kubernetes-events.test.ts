import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { EventRecorder } from '../../src/kubernetes/event-recorder.ts';
import { type ApiObject, EVENTS } from '../../src/kubernetes/resource.ts';
import { until } from '../rig/eventually.ts';
import { useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';

interface Event extends ApiObject {
  readonly message?: string;
  readonly count?: number;
}

describe.skipIf(WHY_NO_CLUSTER)(`events on a real API server${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('api');

  test('are what kubectl describe and kubectl get events show, the newest with its count', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    await cluster.kubectl('create', 'configmap', 'subject', '-n', namespace);
    const got = await api.get(
      { group: '', version: 'v1', plural: 'configmaps', namespaced: true },
      { namespace, name: 'subject' },
    );
    if (!got.ok) throw new Error(got.error.message);
    const subject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace,
      name: 'subject',
      uid: got.value.metadata.uid ?? '',
    };
    const recorder = new EventRecorder({
      api,
      clock: systemClock,
      logger: silentLogger,
      component: 'fixpoint',
      instance: 'test',
    });
    onTestFinished(() => recorder.stop());
    recorder.record(subject, { type: 'Normal', reason: 'Planned', message: '12 tasks to run' });
    for (let i = 1; i <= 7; i++)
      recorder.record(subject, { type: 'Warning', reason: 'TaskFailed', message: `task t-${i} failed: exit code 3` });
    await until('all is told', async () => {
      for await (const page of api.list<Event>(EVENTS, { namespace }))
        if (page.ok && page.value.items.some(({ count }) => count === 7)) return true;
      return false;
    });
    const { stdout } = await cluster.kubectl('describe', 'configmap', 'subject', '-n', namespace);
    const shown = stdout.slice(stdout.indexOf('Events:'));
    expect(shown).toMatch(/Normal +Planned +\S+ +fixpoint +12 tasks to run/);
    expect(shown).toMatch(/Warning +TaskFailed +\S+ \(x7 over \S+\) +fixpoint +task t-7 failed: exit code 3/);
    expect(shown.split('\n').filter((line) => line.includes('fixpoint'))).toHaveLength(2);
    const events = await cluster.kubectl('events', '-n', namespace, '--for', 'configmap/subject');
    expect(events.stdout).toMatch(/\(x7 over \S+\) +Warning +TaskFailed +ConfigMap\/subject +task t-7 failed/);
    expect(recorder.dropped).toBe(0);
  });
});
