import { formatBounds, oneOfAlternatives } from './schema-formats.ts';
import type { SchemaNode } from './schema-node.ts';
import { workflowSchema } from './workflow-schema.ts';

/** Plain JSON Schema (2020-12 and draft-07 alike), with nothing of Kubernetes or of ours in it. */
export type JsonSchema = { readonly [key: string]: unknown };

const PLAIN = [
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
] as const;

/**
 * For the validator: what it does not say in words of its own (`walk-schema.ts`, `task-rules.ts`); nulls have been dropped
 * before. For an editor, which has only this: formats, fields that exclude one another, and null for what is absent, too.
 */
export function toJsonSchema(node: SchemaNode, reader: 'validator' | 'editor' = 'validator'): JsonSchema {
  const editor = reader === 'editor';
  const full = editor ? { ...node, ...formatBounds(node) } : node;
  const out: Record<string, unknown> = { description: node.description };
  if (node['x-kubernetes-int-or-string'] === true) out['type'] = ['integer', 'string'];
  else if (node.type !== undefined) out['type'] = node.type;
  // Beyond it a number is not the one that was written, and an API server takes it for a fraction.
  if (node.type === 'integer' || node['x-kubernetes-int-or-string'] === true)
    Object.assign(out, { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
  for (const key of PLAIN) if (full[key] !== undefined) out[key] = full[key];
  if (editor && node['x-fixpoint-one-of'] !== undefined) out['anyOf'] = oneOfAlternatives(node);
  if (node.items !== undefined) out['items'] = toJsonSchema(node.items, reader);
  if (node['x-kubernetes-list-type'] === 'set') out['uniqueItems'] = true;
  const optional = (child: SchemaNode) => (editor ? orNull(toJsonSchema(child, reader)) : toJsonSchema(child, reader));
  if (node.additionalProperties !== undefined) out['additionalProperties'] = optional(node.additionalProperties);
  if (node.properties !== undefined) {
    const required = new Set(node.required);
    out['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([key, child]) => [
        key,
        required.has(key) ? toJsonSchema(child, reader) : optional(child),
      ]),
    );
    if (node['x-kubernetes-preserve-unknown-fields'] !== true) out['additionalProperties'] = false;
    if (node.required !== undefined) out['required'] = node.required;
  }
  return out;
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: words } = schema;
  return {
    ...schema,
    ...(type === undefined ? {} : { type: [type, 'null'].flat() }),
    ...(Array.isArray(words) ? { enum: [...(words as unknown[]), null] } : {}),
  };
}

/** For editors: `# yaml-language-server: $schema=…`. A task may have no name in a file. */
export function editorSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Fixpoint Workflow',
    ...toJsonSchema(withoutRequiredTaskName(workflowSchema), 'editor'),
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
