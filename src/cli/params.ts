import type { ParamSchema, WorkflowDocument } from '../apis/workflow.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { fail, ok, type Result } from '../base/result.ts';

/** `k=v`, split at the first `=`. */
export function splitParam(text: string): Result<readonly [string, string], string> {
  const at = text.indexOf('=');
  if (at <= 0) return fail(`--param ${JSON.stringify(text)}: write NAME=VALUE`);
  return ok([text.slice(0, at), text.slice(at + 1)]);
}

/**
 * The value that a text means: as its declared type says; undeclared, as JSON where it parses as JSON, else
 * the text itself.
 */
export function paramValue(name: string, text: string, schema: ParamSchema | undefined): Result<Json, string> {
  const type = schema?.type?.trim();
  switch (type) {
    case undefined:
    case 'any':
      return ok(jsonOr(text, text));
    case 'string':
    case 'path':
    case 'duration':
    case 'quantity':
      return ok(text);
    case 'int':
      return integer(name, text);
    case 'double':
      return double(name, text);
    case 'bool':
      if (text === 'true' || text === 'false') return ok(text === 'true');
      return fail(`--param ${name}: ${JSON.stringify(text)} is no bool; write true or false`);
    default:
      return collection(name, text, type);
  }
}

function integer(name: string, text: string): Result<Json, string> {
  if (!/^[+-]?\d+$/.test(text)) return fail(`--param ${name}: ${JSON.stringify(text)} is no int`);
  const value = Number(text);
  // Beyond 2^53 a double would silently be another number.
  return Number.isSafeInteger(value) ? ok(value) : fail(`--param ${name}: ${text} is too large for an int`);
}

function double(name: string, text: string): Result<Json, string> {
  const value = Number(text);
  if (/^\s*$/.test(text) || !Number.isFinite(value) || /^[+-]?0[xob]/i.test(text)) {
    return fail(`--param ${name}: ${JSON.stringify(text)} is no double`);
  }
  return ok(value);
}

function collection(name: string, text: string, type: string): Result<Json, string> {
  const value = jsonOr(text, undefined);
  const wanted = type.startsWith('list') ? 'list' : type.startsWith('map') ? 'map' : undefined;
  if (wanted === undefined) return ok(value ?? text);
  const fits = wanted === 'list' ? Array.isArray(value) : isMap(value);
  if (fits && value !== undefined) return ok(value);
  const example = wanted === 'list' ? '["a","b"]' : '{"k":"v"}';
  return fail(`--param ${name}: ${JSON.stringify(text)} is no ${type}; write it as JSON, ${example}`);
}

function jsonOr<T>(text: string, otherwise: T): Json | T {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return otherwise;
  }
}

function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Files first, then flags in their order: the last word wins. Names are kept as data, `__proto__` included. */
export function withParams(
  document: WorkflowDocument,
  files: readonly JsonObject[],
  flags: readonly string[],
): Result<WorkflowDocument, string> {
  if (files.length === 0 && flags.length === 0) return ok(document);
  const values = new Map<string, Json>(Object.entries(document.spec.params ?? {}));
  for (const file of files) for (const [name, value] of Object.entries(file)) values.set(name, value);
  for (const flag of flags) {
    const split = splitParam(flag);
    if (!split.ok) return split;
    const [name, text] = split.value;
    const value = paramValue(
      name,
      text,
      document.spec.paramSchema?.find((schema) => schema.name === name),
    );
    if (!value.ok) return value;
    values.set(name, value.value);
  }
  // fromEntries defines own properties, so that no name reaches a prototype.
  return ok({ ...document, spec: { ...document.spec, params: Object.fromEntries(values) } });
}
