import { isObject, setOwn } from './own-property.ts';
import type { SchemaNode } from './schema-node.ts';
import { workflowSchema } from './workflow-schema.ts';

/**
 * `null` means absent: a copy of the document without the fields that are null. The user's own JSON (`params`,
 * `items`, `values`) keeps its nulls, and so do unknown fields, which are errors. Depth is that of the schema.
 */
export function dropNulls(value: unknown, schema: SchemaNode = workflowSchema): unknown {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item: unknown) => dropNulls(item, items));
  }
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const child = fieldOf(schema, key);
    if (child === undefined) setOwn(out, key, value[key]);
    else if (value[key] !== null && value[key] !== undefined) setOwn(out, key, dropNulls(value[key], child));
  }
  return out;
}

/** The schema of a member, whether the object has fixed fields or free names. */
export function fieldOf(schema: SchemaNode, key: string): SchemaNode | undefined {
  if (schema.properties !== undefined)
    return Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  return schema.additionalProperties;
}
