import { closest } from '../base/closest.ts';
import { parseDuration, parseWalltime } from '../base/duration.ts';
import { parseQuantity } from '../base/quantity.ts';
import type { Diagnostic } from './diagnostic.ts';
import { fieldOf } from './drop-nulls.ts';
import { isObject } from './own-property.ts';
import type { SchemaNode, TextFormat } from './schema-node.ts';
import { unknownField } from './unknown-field.ts';

/**
 * What JSON Schema cannot say, or cannot say well: unknown fields with a guess, sizes (first, so that the
 * validator behind it never sees a list of millions), list-maps and sets without doubles, and what the literals
 * are. Values of a wrong type are passed over; the validator reports those.
 */
export type Add = (code: string, path: readonly (string | number)[], message: string, more?: Extra) => void;
export type Extra = Pick<Diagnostic, 'hint' | 'offset' | 'length' | 'atKey'>;

/** Returns false where there are so many problems or entries that nothing further should look at the value. */
export function walkSchema(schema: SchemaNode, value: unknown, path: (string | number)[], add: Add): boolean {
  if (Array.isArray(value)) return walkList(schema, value, path, add);
  if (isObject(value)) return walkObject(schema, value, path, add);
  if (typeof value === 'string') walkText(schema, value, path, add);
  else if (typeof value === 'number') walkNumber(schema, value, path, add);
  return true;
}

function walkObject(schema: SchemaNode, value: Record<string, unknown>, path: (string | number)[], add: Add): boolean {
  const keys = Object.keys(value);
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) {
    add('E-TOO-MANY', [...path], `has ${keys.length} entries; at most ${schema.maxProperties} are allowed.`);
    return false;
  }
  if (schema.properties === undefined && schema.additionalProperties === undefined) return true;
  let fine = true;
  let unknown = 0;
  for (const key of keys) {
    const child = fieldOf(schema, key);
    path.push(key);
    if (child === undefined) {
      if (++unknown > MAX_UNKNOWN_FIELDS) fine = false;
      else {
        const { message, hint } = unknownField(schema, key);
        add('E-UNKNOWN-FIELD', [...path], message, { hint, atKey: true });
      }
    } else {
      fine = walkSchema(child, value[key], path, add) && fine;
    }
    path.pop();
    if (unknown > MAX_UNKNOWN_FIELDS) break;
  }
  return fine;
}

/** In one object; whoever has more has pasted something else. */
const MAX_UNKNOWN_FIELDS = 50;

function walkList(schema: SchemaNode, value: readonly unknown[], path: (string | number)[], add: Add): boolean {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    add('E-TOO-MANY', [...path], `has ${value.length} entries; at most ${schema.maxItems} are allowed.`);
    return false;
  }
  const { items } = schema;
  if (items === undefined) return true;
  if (schema['x-kubernetes-list-type'] === 'map') checkNames(schema, value, path, add);
  if (schema['x-kubernetes-list-type'] === 'set') checkSet(value, path, add);
  if (items['x-kubernetes-preserve-unknown-fields'] === true) return true;
  let fine = true;
  for (let index = 0; index < value.length; index++) {
    path.push(index);
    fine = walkSchema(items, value[index], path, add) && fine;
    path.pop();
  }
  return fine;
}

function checkNames(schema: SchemaNode, value: readonly unknown[], path: readonly (string | number)[], add: Add): void {
  const field = schema['x-kubernetes-list-map-keys']?.[0] ?? 'name';
  const seen = new Map<string, number>();
  value.forEach((entry, index) => {
    const name = isObject(entry) && Object.hasOwn(entry, field) ? entry[field] : undefined;
    if (typeof name !== 'string') return;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    else {
      const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
      add('E-DUPLICATE-NAME', [...path, index, field], `${shown} is the name of ${formatEntry(path, first)} too.`);
    }
  });
}

function formatEntry(path: readonly (string | number)[], index: number): string {
  return `${String(path.at(-1) ?? 'entry')}[${index}]`;
}

function checkSet(value: readonly unknown[], path: readonly (string | number)[], add: Add): void {
  const seen = new Set<unknown>();
  value.forEach((entry, index) => {
    if (typeof entry !== 'string') return;
    if (seen.has(entry)) add('E-DUPLICATE-ITEM', [...path, index], 'stands in this list already.');
    seen.add(entry);
  });
}

function walkText(schema: SchemaNode, value: string, path: readonly (string | number)[], add: Add): void {
  const expression = value.indexOf('${{');
  if (expression !== -1 && schema['x-fixpoint-text'] === 'literal') {
    add('E-LITERAL', [...path], 'no ${{ }} is allowed here: this field is read before anything is evaluated.', {
      offset: expression,
      length: 3,
    });
    return;
  }
  const format = schema['x-fixpoint-format'];
  if (format === undefined || expression !== -1) return;
  const trouble = FORMATS[format](value);
  if (trouble !== undefined) {
    add(CODES[format], [...path], `${value.length > 80 ? `${value.slice(0, 80)}…` : JSON.stringify(value)} ${trouble}`);
  }
}

function walkNumber(schema: SchemaNode, value: number, path: readonly (string | number)[], add: Add): void {
  const format = schema['x-fixpoint-format'];
  if (value < 0 && (format === 'quantity' || format === 'count')) add('E-RANGE', [...path], 'must not be below 0.');
}

const sentence = (
  parsed: { readonly ok: true } | { readonly ok: false; readonly error: string },
): string | undefined => (parsed.ok ? undefined : `${parsed.error}.`);

const positive = (
  parsed: { readonly ok: true; readonly value: number } | { readonly ok: false; readonly error: string },
): string | undefined => (parsed.ok && parsed.value <= 0 ? 'must be longer than 0.' : sentence(parsed));

const nameRule = (value: string): string | undefined =>
  /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(value)
    ? undefined
    : 'is no name: 1 to 63 of A-Z a-z 0-9 _ -, and no - in front.';

/** What is wrong with a literal, as the end of a sentence. */
const FORMATS: { readonly [F in TextFormat]: (value: string) => string | undefined } = {
  'task-name': nameRule,
  name: nameRule,
  'env-name': (value) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : 'is no variable: A-Z a-z 0-9 _, and no digit in front.',
  'param-type': paramTypeRule,
  mode: (value) =>
    /^0?[0-7]{3,4}$/.test(value) ? undefined : 'is no file mode: write three or four octal digits, "0644".',
  key: (value) =>
    /^[\w.=,:+@~-]+(?:\/[\w.=,:+@~-]+)*$/.test(value)
      ? undefined
      : 'is no key: write it as get tasks shows it, align/NA12878.',
  integer: (value) =>
    /^-?\d{1,15}$/.test(value) ? undefined : 'is no whole number. An expression is written ${{ … }}.',
  quantity: (value) => sentence(parseQuantity(value)),
  count: (value) => (/^\d{1,9}$/.test(value) ? undefined : 'is no whole number of devices.'),
  duration: (value) => sentence(parseDuration(value)),
  walltime: (value) => positive(parseWalltime(value)),
};

const CODES: { readonly [F in TextFormat]: string } = {
  'task-name': 'E-NAME',
  name: 'E-NAME',
  'env-name': 'E-NAME',
  'param-type': 'E-ENUM',
  mode: 'E-FORMAT',
  key: 'E-FORMAT',
  integer: 'E-TYPE',
  quantity: 'E-QUANTITY',
  count: 'E-QUANTITY',
  duration: 'E-DURATION',
  walltime: 'E-DURATION',
};

const PARAM_TYPES = ['string', 'int', 'double', 'bool', 'path', 'duration', 'quantity', 'any'] as const;

function paramTypeRule(value: string): string | undefined {
  const shape = /^((?:(?:list|map)<){0,16})([^<>]*)(>{0,16})$/.exec(value);
  const [, open = '', base = value, close = ''] = shape ?? [];
  const known = (PARAM_TYPES as readonly string[]).includes(base);
  if (shape !== null && known && (open.match(/</g) ?? []).length === close.length) return undefined;
  const near = closest(base, [...PARAM_TYPES, 'list', 'map']);
  const guess = known || near === undefined ? '' : ` Did you mean ${near}?`;
  return `is no type: ${PARAM_TYPES.join(' ')} list<T> map<T>.${guess}`;
}
