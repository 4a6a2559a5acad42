import type { Api } from '../../src/kubernetes/api.ts';
import { type ApiObject, PODS } from '../../src/kubernetes/resource.ts';

const AT_ONCE = 24;

/** Pods of the size that pods have (some 4 KB as JSON), `p-0`, `p-1`, ...; nothing runs them where nothing schedules. */
export async function createPods(api: Api, namespace: string, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const made = await api.create(PODS, ordinaryPod(namespace, `p-${at}`));
      if (!made.ok) throw new Error(made.error.message);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function ordinaryPod(namespace: string, name: string): ApiObject & { readonly spec: object } {
  const env = Array.from({ length: 20 }, (_, at) => ({ name: `VARIABLE_${at}`, value: `a value of ${name}, ${at}` }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      labels: { 'app.kubernetes.io/managed-by': 'fixpoint', 'fixpoint.dev/task': name, 'fixpoint.dev/attempt': '1' },
      annotations: { 'fixpoint.dev/definition': 'd'.repeat(64), 'fixpoint.dev/key': `align[${name}]` },
      finalizers: ['fixpoint.dev/outcome'],
    },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'task',
          image: 'example.org/science/aligner:1.2.3',
          command: ['sh', '-c', `aligner --input ${name}.fastq --output ${name}.bam ${'--option value '.repeat(20)}`],
          env,
          resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
        },
      ],
    },
  };
}
