import { fieldOf } from './drop-nulls.ts';
import { isObject, setOwn } from './own-property.ts';
import type { SchemaNode } from './schema-node.ts';
import { taskSchema } from './task-schema.ts';
import type { TaskSpec, WorkflowSpec } from './workflow.ts';

/**
 * The task as it counts: `spec.defaults` under it. Objects merge field by field, list-maps by their key (an entry
 * of both merges field by field, in the place of the default's), everything else is replaced. Empty is a value.
 */
export function effectiveTask(spec: WorkflowSpec, task: TaskSpec): TaskSpec {
  if (spec.defaults === undefined) return task;
  return merge(taskSchema, spec.defaults, task) as TaskSpec;
}

function merge(schema: SchemaNode, under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (isObject(under) && isObject(over) && schema['x-kubernetes-preserve-unknown-fields'] !== true) {
    const out: Record<string, unknown> = {};
    const replaced = replacedBy(schema, over);
    for (const key of Object.keys(under)) if (!replaced.includes(key)) setOwn(out, key, under[key]);
    for (const key of Object.keys(over)) {
      const field = fieldOf(schema, key);
      const below = Object.hasOwn(under, key) ? under[key] : undefined;
      setOwn(out, key, field === undefined ? over[key] : merge(field, below, over[key]));
    }
    return out;
  }
  const byKey = schema['x-kubernetes-list-map-keys']?.[0];
  if (byKey !== undefined && schema.items !== undefined && Array.isArray(under) && Array.isArray(over)) {
    return mergeListMap(schema.items, byKey, under, over);
  }
  return over;
}

/** Of fields that exclude one another, those that go where another of them is said. */
function replacedBy(schema: SchemaNode, over: object): readonly string[] {
  const fields = schema['x-fixpoint-one-of'] ?? [];
  const isSaid = (field: string): boolean => Object.hasOwn(over, field);
  return fields.some(isSaid) ? fields.filter((field) => !isSaid(field)) : [];
}

function mergeListMap(
  schema: SchemaNode,
  byKey: string,
  under: readonly unknown[],
  over: readonly unknown[],
): unknown[] {
  const out = [...under];
  const places = new Map<unknown, number>();
  out.forEach((entry, index) => {
    if (isObject(entry)) places.set(entry[byKey], index);
  });
  for (const entry of over) {
    const place = isObject(entry) ? places.get(entry[byKey]) : undefined;
    if (place === undefined) out.push(entry);
    else out[place] = merge(schema, out[place], entry);
  }
  return out;
}
