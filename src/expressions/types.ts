import type { Json } from '../base/json.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { parseDuration } from './duration.ts';
import { parseQuantity } from './quantity.ts';
import { fromJson, isList, isMap, typeName, type Value } from './value.ts';

/**
 * Types as documents write them (`paramSchema`, `rows.columns`): `string int double bool path duration
 * quantity any list<T> map<T>`, and their names in CEL.
 */

const CEL_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['int', 'int'],
  ['double', 'double'],
  ['bool', 'bool'],
  ['path', 'string'],
  ['duration', 'google.protobuf.Duration'],
  ['quantity', 'Quantity'],
  ['any', 'dyn'],
  ['dyn', 'dyn'],
  ['null', 'null'],
]);

const MAX_TYPE_CHARS = 80;

/** The CEL name of a declared type; `dyn`, of which nothing is checked, for one that is not known. */
export function celType(declared: string): string {
  const simple = CEL_NAMES.get(declared);
  if (simple !== undefined) return simple;
  if (declared.length > MAX_TYPE_CHARS) return 'dyn';
  const list = /^list<(.+)>$/.exec(declared);
  if (list !== null) return `list<${celType(list[1]?.trim() ?? '')}>`;
  const map = /^map<(?:string, ?)?(.+)>$/.exec(declared);
  if (map !== null) return `map<string, ${celType(map[1]?.trim() ?? '')}>`;
  return 'dyn';
}

/** The type of an undeclared value, as CEL names it: items of a list count if they all agree. */
export function inferType(value: Value, depth = 0): string {
  if (isList(value) || isMap(value)) {
    const members = isList(value) ? value : Object.values(value);
    const inner = depth > 3 ? 'dyn' : oneType(members.map((member) => inferType(member, depth + 1)));
    return isList(value) ? `list<${inner}>` : `map<string, ${inner}>`;
  }
  const name = typeName(value);
  return name === 'null' || name === 'absent' ? 'dyn' : (CEL_NAMES.get(name) ?? 'dyn');
}

/** What a list's items unify to: int and double to double, all else that differs to dyn. */
export function oneType(types: readonly string[]): string {
  const all = new Set(types);
  const [only] = all;
  if (all.size === 1 && only !== undefined) return only;
  if (all.size === 2 && all.has('int') && all.has('double')) return 'double';
  return 'dyn';
}

/** The value of some JSON under a declared type; texts of amounts are read. Null stays null: it means absent. */
export function valueOfType(json: Json, declared: string): Result<Value, string> {
  if (json === null) return ok(null);
  const wrong = fail(`is ${typeName(fromJson(json))}, declared ${declared}`);
  const list = /^list<(.+)>$/.exec(declared);
  const map = /^map<(?:string, ?)?(.+)>$/.exec(declared);
  if (list !== null || map !== null) {
    const value = fromJson(json);
    if (list === null ? !isMap(value) : !isList(value)) return wrong;
    return membersOfType(json, (list ?? map)?.[1]?.trim() ?? 'any');
  }
  switch (declared) {
    case 'string':
    case 'path':
      return typeof json === 'string' ? ok(json) : wrong;
    case 'bool':
      return typeof json === 'boolean' ? ok(json) : wrong;
    case 'int':
      return typeof json === 'number' && Number.isSafeInteger(json) ? ok(BigInt(json)) : wrong;
    case 'double':
      return typeof json === 'number' ? ok(json) : wrong;
    case 'duration':
      return typeof json === 'string' ? parseDuration(json) : wrong;
    case 'quantity':
      return typeof json === 'string' || typeof json === 'number' ? parseQuantity(String(json)) : wrong;
    default:
      return ok(fromJson(json));
  }
}

function membersOfType(json: Json, declared: string): Result<Value, string> {
  const source = Object.entries(json as object) as [string, Json][];
  const made: [string, Value][] = [];
  for (const [name, member] of source) {
    const value = valueOfType(member, declared);
    if (!value.ok) return fail(`${JSON.stringify(name)} ${value.error}`);
    made.push([name, value.value]);
  }
  if (Array.isArray(json)) return ok(made.map(([, value]) => value));
  return ok(Object.assign(Object.create(null) as object, Object.fromEntries(made)) as Value);
}
