import { describe, expect, test } from 'vitest';
import type { PodOverlay } from '../../../../src/apis/pod-overlay.ts';
import type { Launch } from '../../../../src/backends/backend.ts';
import { podName } from '../../../../src/backends/kubernetes/pod-names.ts';
import { type PodPlace, podOf } from '../../../../src/backends/kubernetes/pod-template.ts';
import { launchOf, output } from '../../../contract/backend-rig.ts';

const PLACE: PodPlace = {
  namespace: 'science',
  ownerOf: () => undefined,
  home: 'h',
  image: 'tools:1',
  serviceAccount: undefined,
  volume: { mountPath: '/data', source: { hostPath: { path: '/data' } } },
  user: { runAsUser: 1000, runAsGroup: 100 },
  runtime: '/data/.fixpoint/attempt.sh',
};

function launch(part: Partial<Launch> = {}): Launch {
  return launchOf('/data/w', '/data/runs/a', 'abcdefghijklmnop', 'true', part);
}

interface Pod {
  readonly metadata: { readonly name: string; readonly finalizers: readonly string[] };
  readonly spec: {
    readonly activeDeadlineSeconds?: number;
    readonly automountServiceAccountToken: boolean;
    readonly securityContext: object;
    readonly containers: readonly {
      readonly command: readonly string[];
      readonly env?: readonly { readonly name: string; readonly value: string }[];
      readonly image: string;
      readonly resources: object;
    }[];
  };
}

interface Container {
  readonly volumeMounts: readonly object[];
  readonly securityContext: object;
  readonly resources: { readonly limits: object; readonly requests: object };
}

interface Overlaid {
  readonly spec: {
    readonly securityContext: object;
    readonly volumes: readonly { readonly name: string }[];
    readonly containers: readonly Container[];
  };
}

/** What an overlay may have changed. */
function pick({ volumeMounts, securityContext, resources }: Container): Container {
  return { volumeMounts, securityContext, resources };
}

const made = (part: Partial<Launch> = {}, place: Partial<PodPlace> = {}) =>
  podOf(launch(part), { ...PLACE, ...place }) as unknown as Pod;
const argv = (...words: string[]): Launch['command'] => ({
  kind: 'Argv',
  argv: words,
  setup: undefined,
  shell: ['sh'],
});

describe('the pod of an attempt', () => {
  test('runs the runtime on the shared folder, held until its outcome is recorded', () => {
    const pod = made();
    expect(pod.metadata.finalizers).toEqual(['fixpoint.dev/outcome']);
    expect(pod.spec.containers[0]?.command.slice(0, 4)).toEqual([
      'sh',
      '/data/.fixpoint/attempt.sh',
      '/data/runs/a',
      'abcdefghijklmnop',
    ]);
    expect(pod.spec.containers[0]?.env).toEqual([]);
    expect(pod.spec.automountServiceAccountToken).toBe(false);
  });

  test('runs a command that needs nothing as it is, and values stay values', () => {
    const pod = made({ command: argv('echo', '$(HOME)', '$$x'), env: [['A', '$(B)']] });
    expect(pod.spec.containers[0]?.command).toEqual(['echo', '$$(HOME)', '$$$$x']);
    expect(pod.spec.containers[0]?.env).toContainEqual({ name: 'A', value: '$$(B)' });
  });

  test('gets variables from secrets, with the runtime or without', () => {
    const from = { secretKeyRef: { name: 's', key: 'k' } };
    for (const command of [argv('true'), undefined]) {
      const pod = made({ ...(command ? { command } : {}), envFrom: [['TOKEN', from]] });
      expect(pod.spec.containers[0]?.env).toContainEqual({ name: 'TOKEN', valueFrom: from });
    }
  });

  test('has what the task asks for beside, and keeps what is ours', () => {
    const pod: PodOverlay = {
      nodeSelector: { gpu: 'a100' },
      securityContext: { fsGroup: 7 },
      volumes: [{ name: 'scratch', emptyDir: {} } as { readonly name: string }],
      containers: [
        {
          name: 'task',
          volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
          securityContext: { readOnlyRootFilesystem: true, capabilities: { add: ['NET_ADMIN'] } },
          resources: { limits: { 'vendor.example/fpga': '1' } },
        },
      ],
    };
    const plain = podOf(launch(), PLACE) as unknown as Overlaid;
    const { spec } = podOf(launch({ pod }), PLACE) as unknown as Overlaid;
    const [ours, its] = [plain.spec.containers[0], spec.containers[0]] as [Container, Container];
    expect(spec).toMatchObject({ nodeSelector: { gpu: 'a100' }, restartPolicy: 'Never' });
    expect(spec.securityContext).toEqual({ ...plain.spec.securityContext, fsGroup: 7 });
    expect(spec.volumes.map(({ name }) => name)).toEqual(['workspace', 'scratch']);
    expect(its.volumeMounts).toEqual([...ours.volumeMounts, { name: 'scratch', mountPath: '/scratch' }]);
    expect(its.securityContext).toEqual({
      ...ours.securityContext,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
    expect(its.resources.limits).toEqual({ ...ours.resources.limits, 'vendor.example/fpga': '1' });
    expect(its.resources.requests).toEqual(ours.resources.requests);
    expect({ ...its, ...pick(ours) }).toEqual(ours);
  });

  test.each([
    ['an output', { outputs: [output('o', '/data/o')] }],
    ['a file', { files: [{ name: 'f', path: undefined, content: '', mode: 0o644 }] }],
    ['an input', { inputs: [{ name: 'i', paths: ['/data/i'] }] }],
    ['a place for its standard output', { stdout: '/data/log' }],
  ])('%s needs the runtime', (_, part) => {
    expect(made({ command: argv('true'), ...part }).spec.containers[0]?.command[0]).toBe('sh');
  });

  test('has a deadline of the cluster only where no runtime keeps the walltime', () => {
    const needs = { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 1_500 };
    expect(made({ needs }).spec.activeDeadlineSeconds).toBeUndefined();
    expect(made({ needs, command: argv('true') }).spec.activeDeadlineSeconds).toBe(2);
  });

  test('has the labels and annotations of the task, but for those that it is known by', () => {
    const labels = { 'kueue.x-k8s.io/queue-name': 'night', 'fixpoint.dev/token': 'of-another' };
    const { metadata } = made({ labels, annotations: { why: 'because' } });
    expect(metadata).toMatchObject({
      labels: { 'kueue.x-k8s.io/queue-name': 'night', 'fixpoint.dev/token': 'abcdefghijklmnop' },
      annotations: { why: 'because' },
    });
  });

  test('asks for what the task asks for', () => {
    const needs = { cpu: 0.5, memoryBytes: 1 << 20, gpu: 2, walltimeMs: 0 };
    expect(made({ needs }).spec.containers[0]?.resources).toEqual({
      requests: { cpu: '500m', memory: '1048576', 'nvidia.com/gpu': '2' },
      limits: { memory: '1048576', 'nvidia.com/gpu': '2' },
    });
  });

  test('is the user whose files those are, and is nobody of privilege', () => {
    expect(made().spec.securityContext).toMatchObject({ runAsUser: 1000, runAsNonRoot: true });
    const root = made({}, { user: { runAsUser: 0, runAsGroup: 0 } });
    expect(root.spec.securityContext).not.toHaveProperty('runAsNonRoot');
  });

  test('takes the image of the task, else that of the backend', () => {
    expect(made().spec.containers[0]?.image).toBe('tools:1');
    expect(made({ image: 'own:2' }).spec.containers[0]?.image).toBe('own:2');
  });

  test('has a name that is a label, whatever the task is called', () => {
    for (const key of ['a/b=1,c', '-', 'Ünïcode', 'x'.repeat(300), 'a_b.c'])
      expect(podName(launch({ key }))).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(podName(launch({ key: '/' }))).toBe('contract-abcdefghijklmnop');
  });
});
