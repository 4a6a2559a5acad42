import { fail, ok, type Result } from '../base/result.ts';
import { Duration } from './duration.ts';
import { EvaluationFailure, type Frame, failure } from './evaluation.ts';
import { Quantity } from './quantity.ts';
import { isList, isMap, type Outcome, typeName, type Value } from './value.ts';

/** The text of a scalar as fields and scripts show it, numbers in shortest form: `1.0` is `1`. */
export function scalarText(value: Outcome): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  if (typeof value === 'number') return Object.is(value, -0) ? '0' : String(value);
  if (value instanceof Duration || value instanceof Quantity) return value.toString();
  return undefined;
}

/** The text of a value in a text field; lists, maps and absent values have none. */
export function textOf(value: Outcome): Result<string, string> {
  const text = scalarText(value);
  if (text !== undefined) return ok(text);
  if (isList(value)) return fail("is a list where one value is needed (join(…, ' ') makes a text of it)");
  if (isMap(value)) return fail('is a map where one value is needed (toJson(…) makes a text of it)');
  return fail(`is ${typeName(value)}, and a text needs a value (default(…, …) gives one)`);
}

/** A text within a message: quoted, and not whole pages of it. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}

/** Deeper values come from `fromJson` alone, which refuses them; the guard is for data handed in. */
const MAX_DEPTH = 200;

/** JSON with sorted keys; ints print all their digits. */
export function jsonText(value: Value, frame: Frame): string {
  const parts: string[] = [];
  let length = 0;
  const put = (text: string): void => {
    length += text.length;
    frame.spend(4);
    parts.push(text);
    if ((parts.length & 1023) === 0) frame.spendText(length);
  };
  writeJson(value, put, 0);
  frame.spendText(length);
  return parts.join('');
}

function writeJson(value: Value, put: (text: string) => void, depth: number): void {
  if (depth > MAX_DEPTH) throw new EvaluationFailure('limit', `a value is nested deeper than ${MAX_DEPTH} levels`);
  if (isList(value)) {
    put('[');
    for (const [i, member] of value.entries()) {
      if (i > 0) put(',');
      writeJson(member, put, depth + 1);
    }
    put(']');
  } else if (isMap(value)) {
    put('{');
    for (const [i, name] of Object.keys(value).sort().entries()) {
      put(`${i > 0 ? ',' : ''}${JSON.stringify(name)}:`);
      writeJson(value[name] ?? null, put, depth + 1);
    }
    put('}');
  } else put(scalarJson(value));
}

function scalarJson(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw failure(`JSON has no ${value}`);
  if (value instanceof Duration || value instanceof Quantity) return JSON.stringify(value.toString());
  return scalarText(value) ?? 'null';
}

/** Nesting of a JSON text, brackets in strings left out, so that a parser need not recurse to find out. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '[' || c === '{') deepest = Math.max(deepest, ++depth);
    else if (c === ']' || c === '}') depth--;
  }
  return deepest;
}
