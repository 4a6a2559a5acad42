import { GROUP, VERSION } from './meta.ts';
import type { SchemaNode } from './schema-node.ts';
import { workflowSpecSchema } from './workflow-schema.ts';

/**
 * How the lists of a Workflow merge, and nothing else, in the words that kustomize reads (`openapi: {path: …}`): it asks
 * no API server, and without this a patch of one task would replace all of them.
 */
type MergeNode = { readonly [key: string]: unknown };

/** Undefined where nothing below merges. */
function toMergeSchema(node: SchemaNode): MergeNode | undefined {
  if (node.items !== undefined) {
    const [key] = node['x-kubernetes-list-map-keys'] ?? [];
    if (key === undefined) return undefined;
    return {
      type: 'array',
      items: toMergeSchema(node.items) ?? { type: 'object' },
      'x-kubernetes-patch-merge-key': key,
      'x-kubernetes-patch-strategy': 'merge',
    };
  }
  const members = Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const schema = toMergeSchema(child);
    return schema === undefined ? [] : [[key, schema] as const];
  });
  return members.length === 0 ? undefined : { type: 'object', properties: Object.fromEntries(members) };
}

export function kustomizeSchema(): MergeNode {
  return {
    definitions: {
      [`${GROUP.split('.').reverse().join('.')}.${VERSION}.Workflow`]: {
        type: 'object',
        properties: { spec: toMergeSchema(workflowSpecSchema) },
        'x-kubernetes-group-version-kind': [{ group: GROUP, kind: 'Workflow', version: VERSION }],
      },
    },
  };
}
