import { isObject } from './own-property.ts';
import type { SchemaNode } from './schema-node.ts';

/**
 * True: the validator (`schema-errors.ts`) would find nothing. False says nothing: it is asked then. Most documents are
 * right, and what it takes to say what is wrong with one costs a third of a second to load and compile.
 */
export function fitsSchema(schema: SchemaNode, value: unknown): boolean {
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) return false;
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value === 'string') return fitsText(schema, value);
    return Number.isSafeInteger(value) && fitsNumber(schema, value as number);
  }
  switch (schema.type) {
    case 'object':
      return isObject(value) && fitsObject(schema, value);
    case 'array':
      return Array.isArray(value) && fitsList(schema, value);
    case 'string':
      return typeof value === 'string' && fitsText(schema, value);
    case 'integer':
      return Number.isSafeInteger(value) && fitsNumber(schema, value as number);
    case 'number':
      return Number.isFinite(value) && fitsNumber(schema, value as number);
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return true;
  }
}

function fitsObject(schema: SchemaNode, value: Record<string, unknown>): boolean {
  const keys = Object.keys(value);
  if (keys.length > (schema.maxProperties ?? Number.POSITIVE_INFINITY)) return false;
  const { properties, additionalProperties } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (properties && !(schema.required ?? []).every((key) => Object.hasOwn(value, key))) return false;
  return keys.every((key) => {
    const child = properties && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    return child ? fitsSchema(child, value[key]) : properties === undefined || isOpen;
  });
}

function fitsList(schema: SchemaNode, value: readonly unknown[]): boolean {
  if (!within(value.length, schema.minItems, schema.maxItems)) return false;
  const single = schema['x-kubernetes-list-type'] !== 'set' || value.every((item) => typeof item === 'string');
  if (!single || (schema['x-kubernetes-list-type'] === 'set' && new Set(value).size < value.length)) return false;
  const { items } = schema;
  return items === undefined || value.every((item) => fitsSchema(items, item));
}

/** Lengths are counted in units of UTF-16, which are never fewer than characters: near the bounds the validator counts. */
function fitsText({ pattern, minLength, maxLength }: SchemaNode, value: string): boolean {
  if (minLength !== undefined && value.length < 2 * minLength && value.length !== Array.from(value).length)
    return false;
  return within(value.length, minLength, maxLength) && (pattern === undefined || new RegExp(pattern, 'u').test(value));
}

function fitsNumber({ minimum, maximum }: SchemaNode, value: number): boolean {
  return within(value, minimum, maximum);
}

function within(value: number, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY): boolean {
  return value >= least && value <= most;
}
