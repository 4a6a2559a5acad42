import { MAX_WORKFLOW_NAME_CHARS } from '../base/limits.ts';
import { GROUP, VERSION } from './meta.ts';
import { formatBounds, oneOfAlternatives } from './schema-formats.ts';
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
  'x-kubernetes-validations',
] as const;

export function toStructuralSchema(node: SchemaNode): Crd {
  const full = { ...node, ...formatBounds(node) };
  const out: Record<string, unknown> = {};
  for (const key of COPIED) if (full[key] !== undefined) out[key] = full[key];
  if (node['x-kubernetes-int-or-string'] === true) out['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  if (node['x-fixpoint-one-of'] !== undefined) out['anyOf'] = oneOfAlternatives(node);
  if (node.items !== undefined) out['items'] = toStructuralSchema(node.items);
  if (node.additionalProperties !== undefined) out['additionalProperties'] = orNull(node.additionalProperties);
  if (node.properties !== undefined) {
    const required = new Set(node.required);
    out['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([key, child]) => [
        key,
        required.has(key) ? toStructuralSchema(child) : orNull(child),
      ]),
    );
  }
  return out;
}

/**
 * In the language a null means absent, wherever something may be absent. An enum of the API server's lets no null pass,
 * whether it is listed or not; a pattern does.
 */
function orNull(node: SchemaNode): Crd {
  const { enum: words, ...rest } = node;
  if (words === undefined) return { ...toStructuralSchema(node), nullable: true };
  const description = `${node.description} One of ${words.join(', ')}.`;
  return { ...toStructuralSchema({ ...rest, description, pattern: `^(?:${words.join('|')})$` }), nullable: true };
}

/**
 * What an operator writes is never refused for its shape: one that is newer than the CRD could write no status at all,
 * and every workflow would stand still. Only time is kept in order: the status of an older spec never replaces that of
 * a newer one, whoever is late.
 */
function statusSchema(): Crd {
  return {
    ...toStructuralSchema(permissive(workflowStatusSchema)),
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-validations': [
      {
        rule: '!has(oldSelf.observedGeneration) || (has(self.observedGeneration) && self.observedGeneration >= oldSelf.observedGeneration)',
        message: 'observedGeneration never goes back',
      },
    ],
  };
}

/** Without required fields and closed sets of words, except what the keys of lists need. */
function permissive({ required, enum: _words, ...node }: SchemaNode, keys: readonly string[] = []): SchemaNode {
  const { items, properties } = node;
  const kept = required?.filter((field) => keys.includes(field)) ?? [];
  return {
    ...node,
    ...(kept.length > 0 ? { required: kept } : {}),
    ...(items === undefined ? {} : { items: permissive(items, node['x-kubernetes-list-map-keys']) }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, permissive(child)])) }),
  };
}

function column(name: string, type: 'string' | 'integer' | 'date', jsonPath: string, description: string): Crd {
  return { name, type, jsonPath, description };
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
            column('Phase', 'string', '.status.phase', 'Where the workflow stands.'),
            column('Progress', 'string', '.status.progress', 'Tasks that are final and well, of all.'),
            column('Failed', 'integer', '.status.counts.Failed', 'Tasks that failed.'),
            column('Age', 'date', '.metadata.creationTimestamp', 'Since it was created.'),
            { ...column('Running', 'integer', '.status.counts.Running', 'Tasks that run.'), priority: 1 },
            { ...column('Reason', 'string', '.status.reason', 'Why it stands there.'), priority: 1 },
            { ...column('Message', 'string', '.status.message', 'The same, for people.'), priority: 1 },
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: 'A workflow: tasks, what they need of one another, and what they run.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: {
                  type: 'object',
                  properties: { name: { type: 'string', maxLength: MAX_WORKFLOW_NAME_CHARS } },
                },
                spec: toStructuralSchema(workflowSpecSchema),
                status: statusSchema(),
              },
            },
          },
        },
      ],
    },
  };
}
