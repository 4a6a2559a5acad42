import type { SchemaNode } from './schema-node.ts';
import { workflowSchema } from './workflow-schema.ts';

/** Plain JSON Schema (2020-12 and draft-07 alike), with nothing of Kubernetes or of ours in it. */
export type JsonSchema = { readonly [key: string]: unknown };

const PLAIN = [
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
] as const;

export function toJsonSchema(node: SchemaNode): JsonSchema {
  const out: Record<string, unknown> = { description: node.description };
  if (node['x-kubernetes-int-or-string'] === true) out['type'] = ['integer', 'string'];
  else if (node.type !== undefined) out['type'] = node.type;
  for (const key of PLAIN) if (node[key] !== undefined) out[key] = node[key];
  if (node.pattern !== undefined) out['pattern'] = node.pattern;
  if (node.items !== undefined) out['items'] = toJsonSchema(node.items);
  if (node['x-kubernetes-list-type'] === 'set') out['uniqueItems'] = true;
  if (node.additionalProperties !== undefined) out['additionalProperties'] = toJsonSchema(node.additionalProperties);
  if (node.properties !== undefined) {
    out['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([key, child]) => [key, toJsonSchema(child)]),
    );
    out['additionalProperties'] = false;
    if (node.required !== undefined) out['required'] = node.required;
  }
  return out;
}

/** For editors: `# yaml-language-server: $schema=…`. A task may have no name in a file. */
export function editorSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Fixpoint Workflow',
    ...toJsonSchema(withoutRequiredTaskName(workflowSchema)),
  };
}

function withoutRequiredTaskName(root: typeof workflowSchema): SchemaNode {
  const { spec } = root.properties;
  const { tasks } = spec.properties;
  const { required: _name, ...task } = tasks.items;
  const loose: SchemaNode = { ...tasks, items: task };
  return {
    ...root,
    properties: { ...root.properties, spec: { ...spec, properties: { ...spec.properties, tasks: loose } } },
  };
}
