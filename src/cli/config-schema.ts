import type { SchemaNode } from '../apis/schema-node.ts';
import { MAX_SERVICE_ACCOUNTS } from '../base/limits.ts';

/** What a configuration file holds, checked by the same machinery as a Workflow. */
export const configSchema = {
  type: 'object',
  description: 'Named backends and their limits.',
  properties: {
    backends: {
      type: 'array',
      description: 'Where tasks run. A backend called process exists without being named here.',
      maxItems: 1_000,
      items: {
        type: 'object',
        description: 'One backend.',
        required: ['name', 'type'],
        properties: {
          name: {
            type: 'string',
            description: 'What a task says in backend.',
            maxLength: 63,
            'x-fixpoint-text': 'literal',
            'x-fixpoint-format': 'name',
          },
          type: { type: 'string', description: 'The kind of place.', 'x-fixpoint-text': 'literal' },
          cpus: {
            description: 'Cores that tasks may use. Default: those of the machine.',
            'x-kubernetes-int-or-string': true,
            'x-fixpoint-text': 'literal',
            'x-fixpoint-format': 'quantity',
          },
          memory: {
            description: 'Memory that tasks may use. Default: that of the machine.',
            'x-kubernetes-int-or-string': true,
            'x-fixpoint-text': 'literal',
            'x-fixpoint-format': 'quantity',
          },
          kubeconfig: {
            type: 'string',
            description: 'Of a Kubernetes backend. Default: KUBECONFIG, then ~/.kube/config.',
            minLength: 1,
            'x-fixpoint-text': 'literal',
          },
          context: {
            type: 'string',
            description: 'Of the kubeconfig. Default: its current one.',
            minLength: 1,
            'x-fixpoint-text': 'literal',
          },
          namespace: {
            type: 'string',
            description: 'Where pods are made. Default: that of the context.',
            maxLength: 63,
            'x-fixpoint-text': 'literal',
            'x-fixpoint-format': 'name',
          },
          image: {
            type: 'string',
            description: 'For tasks that name none.',
            minLength: 1,
            'x-fixpoint-text': 'literal',
          },
          serviceAccount: {
            type: 'string',
            description: 'Of the pods. No token of it is mounted. Default: default.',
            minLength: 1,
            'x-fixpoint-text': 'literal',
          },
          serviceAccounts: {
            type: 'array',
            description:
              'As which tasks may ask to run by pod.serviceAccountName, and whose token they may have. Default: none.',
            maxItems: MAX_SERVICE_ACCOUNTS,
            items: { type: 'string', description: 'A name.', minLength: 1, 'x-fixpoint-text': 'literal' },
            'x-kubernetes-list-type': 'set',
          },
          maxPods: { type: 'integer', description: 'Pods at a time. Default 500.', minimum: 1, maximum: 100_000 },
          volume: {
            type: 'object',
            description: 'The folder that pods and this machine share, at the same path.',
            required: ['mountPath'],
            properties: {
              mountPath: {
                type: 'string',
                description: 'Its path here and in every pod.',
                minLength: 1,
                'x-fixpoint-text': 'literal',
              },
              hostPath: {
                type: 'string',
                description: 'Its path on the nodes. Default: the same.',
                minLength: 1,
                'x-fixpoint-text': 'literal',
              },
              claimName: {
                type: 'string',
                description: 'A PersistentVolumeClaim that holds it.',
                minLength: 1,
                'x-fixpoint-text': 'literal',
              },
            },
          },
          gpus: { type: 'integer', description: 'GPUs that tasks may use. Default: those of the machine.', minimum: 0 },
        },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
  },
} as const satisfies SchemaNode;
