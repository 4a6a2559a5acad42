import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { parseDuration } from '../expressions/duration.ts';
import { parseQuantity } from '../expressions/quantity.ts';
import { quoted } from './sheet-row.ts';

/** One cell as a value of its column's type, or what is wrong with it. Cells of text formats are strings. */
export type CellReader = (cell: Json) => Result<Json, string>;

/** The reader of a type; undefined for types that a cell cannot have (`list<T>`, `map<T>`, unknown ones). */
export function cellReader(type: string): CellReader | undefined {
  return READERS.get(type);
}

const READERS: ReadonlyMap<string, CellReader> = new Map([
  ['string', ofText((text) => ok(text))],
  ['path', ofText(readPath)],
  ['int', ofText(readInt)],
  ['double', ofText(readDouble)],
  ['bool', ofText(readBool)],
  ['duration', ofText((text) => checked(text, parseDuration(text)))],
  ['quantity', ofText((text) => checked(text, parseQuantity(text)))],
]);

/** JSON scalars have a text, which reads as if a text format had held it. */
function ofText(read: (text: string) => Result<Json, string>): CellReader {
  return (cell) => {
    if (cell === null || typeof cell === 'object') return fail('a list or an object cannot stand in a declared column');
    return read(typeof cell === 'string' ? cell : canonicalJson(cell));
  };
}

function readPath(text: string): Result<Json, string> {
  return text.includes('\0') ? fail(`${quoted(text)} is no path`) : ok(text);
}

/** Leading zeros are allowed, as sheets pad with them. Beyond 2^53 a number of JSON would not hold it exactly. */
function readInt(text: string): Result<Json, string> {
  if (!/^[+-]?\d{1,400}(?:\.0{1,400})?$/.test(text)) return fail(`${quoted(text)} is no int`);
  const value = Number(text);
  return Number.isSafeInteger(value) ? ok(value === 0 ? 0 : value) : fail(`${quoted(text)} is beyond ±(2^53 - 1)`);
}

function readDouble(text: string): Result<Json, string> {
  if (!/^[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?$/.test(text)) {
    return fail(`${quoted(text)} is no double`);
  }
  const value = Number(text);
  return Number.isFinite(value) ? ok(value === 0 ? 0 : value) : fail(`${quoted(text)} is beyond a double`);
}

/** Spreadsheets write `TRUE`. */
function readBool(text: string): Result<Json, string> {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return ok(lower === 'true');
  return fail(`${quoted(text)} is no bool (write true or false)`);
}

function checked(text: string, parsed: Result<unknown, string>): Result<Json, string> {
  return parsed.ok ? ok(text) : parsed;
}
