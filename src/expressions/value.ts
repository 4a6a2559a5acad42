import type { Json } from '../base/json.ts';
import { Duration } from './duration.ts';
import { Quantity } from './quantity.ts';

/**
 * What an expression computes with. `bigint` is CEL's int (64 bits), `number` its double. Maps are plain
 * objects whose own keys alone count, so `__proto__` and `constructor` are keys like any other.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Duration
  | Quantity
  | readonly Value[]
  | { readonly [key: string]: Value };

export type MapValue = { readonly [key: string]: Value };

/** An absent value: an output of a skipped task, an optional input that is not there. Not null, no value. */
export const ABSENT: unique symbol = Symbol('absent');

export type Outcome = Value | typeof ABSENT;

export function isList(value: Outcome): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Outcome): value is MapValue {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Duration) &&
    !(value instanceof Quantity)
  );
}

/** A map without a prototype, to fill. */
export function emptyMap(): { [key: string]: Value } {
  return Object.create(null) as { [key: string]: Value };
}

/** The CEL name of a value's type, for messages. */
export function typeName(value: Outcome): string {
  if (value === ABSENT) return 'absent';
  if (value === null) return 'null';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof Duration) return 'duration';
  if (value instanceof Quantity) return 'quantity';
  return isList(value) ? 'list' : 'map';
}

/** JSON as values: integers that JSON can hold exactly become ints, all other numbers doubles. */
export function fromJson(json: Json): Value {
  return rebuild(json, (leaf) => {
    if (typeof leaf === 'number') return Number.isSafeInteger(leaf) ? BigInt(leaf) : leaf;
    return leaf as Value;
  }) as Value;
}

/**
 * Values as JSON. An int that a JSON number cannot hold exactly becomes a string, as do durations,
 * quantities and doubles that are not finite.
 */
export function toJson(value: Value): Json {
  return rebuild(value, (leaf) => {
    if (typeof leaf === 'bigint') return Number.isSafeInteger(Number(leaf)) ? Number(leaf) : leaf.toString();
    if (typeof leaf === 'number' && !Number.isFinite(leaf)) return String(leaf);
    if (leaf instanceof Duration || leaf instanceof Quantity) return leaf.toString();
    return leaf as Json;
  }) as Json;
}

type Tree = Value | Json;
type Holder = { [key: string]: unknown } | unknown[];

/** A copy with other leaves. A loop with its own stack: data may be nested as deep as its author likes. */
function rebuild(tree: Tree, leaf: (value: Tree) => unknown): unknown {
  const root: unknown[] = [];
  const todo: { source: Tree; holder: Holder; key: string | number }[] = [{ source: tree, holder: root, key: 0 }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { source, holder, key } = next;
    let made: unknown;
    if (isList(source as Value)) {
      const list = source as readonly Tree[];
      const copy = new Array<unknown>(list.length);
      for (const [i, member] of list.entries()) todo.push({ source: member, holder: copy, key: i });
      made = copy;
    } else if (isMap(source as Value)) {
      const copy = emptyMap() as Holder;
      for (const [name, member] of Object.entries(source as { readonly [key: string]: Tree })) {
        (copy as { [key: string]: unknown })[name] = null;
        if (member !== undefined) todo.push({ source: member, holder: copy, key: name });
      }
      made = copy;
    } else made = leaf(source);
    (holder as { [key: string | number]: unknown })[key] = made;
  }
  return root[0];
}
