import { GROUP, VERSION } from './meta.ts';
import type { SchemaNode } from './schema-node.ts';
import { workflowStatusSchema } from './status-schema.ts';
import { workflowSpecSchema } from './workflow-schema.ts';

/**
 * The CustomResourceDefinition. A structural schema has no `additionalProperties: false` (the API server prunes
 * unknown fields, or refuses them, as the client asks) and none of our own words; int-or-string is the one union.
 */
export type Crd = { readonly [key: string]: unknown };

const COPIED = [
  'description',
  'type',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const;

export function toStructuralSchema(node: SchemaNode): Crd {
  const out: Record<string, unknown> = {};
  for (const key of COPIED) if (node[key] !== undefined) out[key] = node[key];
  if (node['x-kubernetes-int-or-string'] === true) out['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  if (node.items !== undefined) out['items'] = toStructuralSchema(node.items);
  if (node.additionalProperties !== undefined)
    out['additionalProperties'] = toStructuralSchema(node.additionalProperties);
  if (node.properties !== undefined) {
    out['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([key, child]) => [key, toStructuralSchema(child)]),
    );
  }
  return out;
}

export function workflowCrd(): Crd {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `workflows.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: 'Workflow',
        listKind: 'WorkflowList',
        plural: 'workflows',
        singular: 'workflow',
        shortNames: ['fwf'],
        categories: ['fixpoint'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
            { name: 'Progress', type: 'string', jsonPath: '.status.progress' },
            { name: 'Reason', type: 'string', jsonPath: '.status.reason' },
            { name: 'Suspended', type: 'boolean', jsonPath: '.spec.suspend', priority: 1 },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: 'A workflow: tasks, what they need of one another, and what they run.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: toStructuralSchema(workflowSpecSchema),
                status: toStructuralSchema(workflowStatusSchema),
              },
            },
          },
        },
      ],
    },
  };
}
