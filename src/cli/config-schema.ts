import type { SchemaNode } from '../apis/schema-node.ts';

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
          gpus: { type: 'integer', description: 'GPUs that tasks may use. Default: those of the machine.', minimum: 0 },
        },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
  },
} as const satisfies SchemaNode;
