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
  return rebuild<Json, Value>(json, (leaf) => {
    return typeof leaf === 'number' && Number.isSafeInteger(leaf) ? BigInt(leaf) : leaf;
  });
}

/**
 * Values as JSON. An int that a JSON number cannot hold exactly becomes a string, as do durations,
 * quantities and doubles that are not finite.
 */
export function toJson(value: Value): Json {
  return rebuild<Value, Json>(value, (leaf) => {
    if (typeof leaf === 'bigint') return Number.isSafeInteger(Number(leaf)) ? Number(leaf) : leaf.toString();
    if (typeof leaf === 'number' && !Number.isFinite(leaf)) return String(leaf);
    return leaf instanceof Duration || leaf instanceof Quantity ? leaf.toString() : (leaf as Json);
  });
}

/** A copy with other leaves. A loop with its own stack: data may be nested as deep as its author likes. */
function rebuild<From extends Value, To extends Value>(tree: From, leaf: (value: From) => To): To {
  if (!isList(tree) && !isMap(tree)) return leaf(tree);
  const root: { made?: Value } = {};
  const todo: { source: Value; put: (made: Value) => void }[] = [
    {
      source: tree,
      put: (made) => {
        root.made = made;
      },
    },
  ];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { source, put } = next;
    if (isList(source)) {
      const copy: Value[] = Array.from({ length: source.length }, () => null);
      for (const [i, member] of source.entries()) {
        todo.push({
          source: member,
          put: (made) => {
            copy[i] = made;
          },
        });
      }
      put(copy);
    } else if (isMap(source)) {
      const copy = emptyMap();
      for (const [name, member] of Object.entries(source)) {
        copy[name] = null;
        todo.push({
          source: member ?? null,
          put: (made) => {
            copy[name] = made;
          },
        });
      }
      put(copy);
    } else put(leaf(source as From));
  }
  return (root.made ?? null) as To;
}
