import { createRequire } from 'node:module';
import type * as Validator from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { closest } from '../base/closest.ts';
import { fitsSchema } from './fits-schema.ts';
import { toJsonSchema } from './json-schema.ts';
import { isObject } from './own-property.ts';
import type { SchemaNode } from './schema-node.ts';
import type { Add, Extra } from './walk-schema.ts';

/** Loaded and compiled on first use, which takes a third of a second: a document without mistakes need not pay for it. */
const require = createRequire(import.meta.url);
const compiled = new WeakMap<SchemaNode, ValidateFunction>();

function validatorOf(schema: SchemaNode): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const { Ajv } = require('ajv') as typeof Validator;
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, logger: false, ownProperties: true });
  const validator = ajv.compile(toJsonSchema(schema));
  compiled.set(schema, validator);
  return validator;
}

/** Types, required fields, enums and bounds. What `walkSchema` has reported already is passed over. */
export function checkSchema(schema: SchemaNode, value: unknown, path: readonly (string | number)[], add: Add): void {
  if (fitsSchema(schema, value)) return;
  const validator = validatorOf(schema);
  if (validator(value)) return;
  for (const error of validator.errors ?? []) {
    const place = [...path, ...pathOf(error.instancePath, value)];
    const [code, message, more] = explain(error) ?? [];
    if (code !== undefined && message !== undefined) add(code, place, message, more);
  }
}

/** A JSON pointer as a path; steps into lists are numbers. */
function pathOf(pointer: string, value: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let here = value;
  for (const part of pointer.split('/').slice(1)) {
    const step = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(here) ? Number(step) : step);
    here = Array.isArray(here) ? here[Number(step)] : isObject(here) ? here[step] : undefined;
  }
  return path;
}

type Explained = readonly [code: string, message: string, more?: Extra];

function explain(error: ErrorObject): Explained | undefined {
  const params = error.params as Record<string, unknown>;
  const value: unknown = error.data;
  switch (error.keyword) {
    case 'type':
      return explainType(error.schema, value);
    case 'required':
      return ['E-REQUIRED', `needs ${String(params['missingProperty'])}.`];
    case 'enum':
      return explainEnum(params['allowedValues'], value);
    case 'minimum':
      return ['E-RANGE', `must be at least ${String(params['limit'])}, not ${String(value)}.`];
    case 'maximum':
      return ['E-RANGE', `must be at most ${String(params['limit'])}, not ${String(value)}.`];
    case 'minItems':
    case 'minLength':
      return ['E-EMPTY', 'must not be empty.'];
    case 'maxLength':
      return ['E-RANGE', `is longer than ${String(params['limit'])} characters.`];
    // Reported by walkSchema, with a guess or with the rule in words.
    case 'additionalProperties':
    case 'pattern':
    case 'uniqueItems':
    case 'maxItems':
    case 'maxProperties':
      return undefined;
    default:
      return ['E-TYPE', `${error.message ?? 'is not valid'}.`];
  }
}

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
]);

function explainType(schema: unknown, value: unknown): Explained {
  const wanted = (Array.isArray(schema) ? schema : [schema]).map(String);
  const message = `must be ${wanted.map((type) => TYPE_WORDS.get(type) ?? type).join(' or ')}, not ${describe(value)}.`;
  return ['E-TYPE', message, { hint: typeHint(wanted, value) }];
}

function typeHint(wanted: readonly string[], value: unknown): string | undefined {
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  const short = scalar ? String(value) : '';
  if (short.length > 40) return undefined;
  if (wanted.length === 2 && typeof value === 'number') {
    return value > 0 && value < 1000
      ? `Write ${Math.ceil(Number((value * 1000).toFixed(3)))}m or "${value}".`
      : `Quote it: "${value}".`;
  }
  if (typeof value === 'string' && value.includes('${{') && !wanted.includes('array'))
    return 'No expression is allowed here.';
  if (wanted.includes('array') && scalar)
    return `Write a list: [${typeof value === 'string' ? JSON.stringify(value) : short}].`;
  if (wanted.includes('array') && isObject(value)) {
    return Object.keys(value).length > 0 ? 'Write a list: - name: … for each entry.' : undefined;
  }
  if (wanted.includes('string') && scalar) return `Quote it: "${short}".`;
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$|^(?:true|false)$/.test(value))
    return `Leave out the quotes: ${value}.`;
  return undefined;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = JSON.stringify(value) ?? 'undefined';
  const kind = typeof value === 'string' ? 'the text' : typeof value === 'number' ? 'the number' : 'the value';
  return `${kind} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}

function explainEnum(allowed: unknown, value: unknown): Explained {
  const words = (Array.isArray(allowed) ? allowed : []).map(String);
  // A value of a wrong type is reported as such.
  if (typeof value !== 'string') return ['E-ENUM', `must be ${words.join(', ')}.`];
  const near = closest(value, words);
  const shown = value === '' ? 'empty' : value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return [
    'E-ENUM',
    `must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}, not ${shown}.`,
    { hint: near === undefined ? undefined : `Did you mean ${near}?` },
  ];
}
