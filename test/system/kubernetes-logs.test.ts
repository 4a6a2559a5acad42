import { describe, expect, test } from 'vitest';
import type { ApiFailure } from '../../src/kubernetes/api-failure.ts';
import { type ApiObject, PODS } from '../../src/kubernetes/resource.ts';
import { until } from '../rig/eventually.ts';
import { useCluster, WHY_NO_CLUSTER } from '../rig/kubernetes.ts';

type Part = { readonly ok: true; readonly value: Buffer } | { readonly ok: false; readonly error: ApiFailure };

async function text(log: AsyncIterable<Part>): Promise<string> {
  let all = '';
  for await (const part of log) all += part.ok ? part.value.toString() : `! ${part.error.kind}`;
  return all;
}

describe.skipIf(WHY_NO_CLUSTER)(`logs of a real kubelet${WHY_NO_CLUSTER}`, () => {
  const cluster = useCluster('node');

  test('come whole, in part, and while they are written', async () => {
    const namespace = await cluster.namespace();
    const { api } = await cluster.client();
    const at = { namespace, name: 'talker' };
    const script = 'for i in 1 2 3 4 5; do echo line $i; done; until [ -e /tmp/go ]; do sleep 0.1; done; echo end';
    const made = await api.create<ApiObject & { readonly spec: object }>(PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: at,
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        containers: [{ name: 'main', image: 'fixpoint.local/busybox:1', command: ['sh', '-c', script] }],
      },
    });
    expect(made).toMatchObject({ ok: true });
    await until('it talks', async () => {
      const log = await api.log(at, { container: 'main' });
      return log.ok && (await text(log.value)).includes('line 5');
    });
    const tail = await api.log(at, { tailLines: 2 });
    expect(tail.ok && (await text(tail.value))).toBe('line 4\nline 5\n');
    const head = await api.log(at, { limitBytes: 6 });
    expect(head.ok && (await text(head.value))).toBe('line 1');
    const later = await api.log(at, { sinceTime: new Date(Date.now() + 3_600_000).toISOString() });
    expect(later.ok && (await text(later.value))).toBe('');

    const follow = await api.log(at, { follow: true });
    if (!follow.ok) throw new Error(follow.error.message);
    let followed = '';
    for await (const part of follow.value) {
      followed += part.ok ? part.value.toString() : `! ${part.error.kind}`;
      if (followed.endsWith('line 5\n'))
        await cluster.kubectl('exec', '-n', namespace, 'talker', '--', 'touch', '/tmp/go');
    }
    expect(followed).toBe('line 1\nline 2\nline 3\nline 4\nline 5\nend\n');
  });
});
