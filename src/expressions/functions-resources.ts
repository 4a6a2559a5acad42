import { shortDigest } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import { MAX_DOCUMENT_DEPTH } from '../base/limits.ts';
import { compare, isNumber, multiply } from './arithmetic.ts';
import { Duration, parseDuration } from './duration.ts';
import { type Frame, failure } from './evaluation.ts';
import type { FunctionEntry } from './function-entry.ts';
import { indexArgument, STEPS_TO_PARSE, textArgument } from './functions-text.ts';
import { parseQuantity, Quantity, quantityOfInt } from './quantity.ts';
import { jsonDepth, jsonText } from './text.ts';
import { fromJson, typeName, type Value } from './value.ts';

/** Amounts, growth on failure, files, JSON and digests. */
export const RESOURCE_FUNCTIONS: readonly (readonly [string, FunctionEntry])[] = [
  ['quantity', { arity: [1, 1], form: 'global', apply: ([value], frame) => amount(value, frame) }],
  ['bytes', inUnit(1n)],
  ['mib', inUnit(1n << 20n)],
  ['gib', inUnit(1n << 30n)],
  ['grow', { arity: [4, 4], form: 'global', apply: grow }],
  ['filesize', { arity: [1, 1], form: 'global', apply: ([path], frame) => filesize(path, frame) }],
  [
    'hash',
    { arity: [1, 1], form: 'global', apply: ([value], frame) => shortDigest(jsonText(value ?? null, frame), 16) },
  ],
  ['toJson', { arity: [1, 1], form: 'global', apply: ([value], frame) => jsonText(value ?? null, frame) }],
  ['fromJson', { arity: [1, 1], form: 'global', apply: ([text], frame) => parseJson(textArgument(text), frame) }],
];

function amount(value: Value | undefined, frame: Frame): Quantity {
  if (value instanceof Quantity) return value;
  frame.spend(STEPS_TO_PARSE);
  const made = typeof value === 'bigint' ? quantityOfInt(value) : parseQuantity(textArgument(value));
  if (!made.ok) throw failure(made.error);
  return made.value;
}

/** Of a quantity, its text, or a number of bytes; rounded down. */
function inUnit(unit: bigint): FunctionEntry {
  return { arity: [1, 1], form: 'method', apply: ([value], frame) => amount(value, frame).in(unit) };
}

const MAX_TIMES = 1_000;

/**
 * `base` × `factor` to the power of `times`, at most `max`: what a resource is asked for after so many
 * failures. Base and max are quantities, durations (or texts of one) or numbers, both of one kind.
 */
function grow([base, factor, times, max]: readonly Value[], frame: Frame): Value {
  frame.spend(2 * STEPS_TO_PARSE);
  const most = growing(max ?? null);
  let value = growing(base ?? null);
  if (factor === undefined || !isNumber(factor) || Number(factor) < 1) throw failure('the factor of grow is 1 or more');
  const rounds = indexArgument(times, 0, MAX_TIMES);
  for (let i = 0; i < rounds && (compare(value, most, frame) ?? 0) < 0; i++) {
    frame.spend(10);
    value = multiply(value, factor);
  }
  return (compare(value, most, frame) ?? 0) > 0 ? most : value;
}

function growing(value: Value): Value {
  if (isNumber(value) || value instanceof Quantity || value instanceof Duration) return value;
  const text = textArgument(value);
  const asQuantity = parseQuantity(text);
  if (asQuantity.ok) return asQuantity.value;
  const asDuration = parseDuration(text);
  if (asDuration.ok) return asDuration.value;
  throw failure(`${JSON.stringify(text.slice(0, 40))} is neither a quantity nor a duration`);
}

function filesize(path: Value | undefined, frame: Frame): Value {
  if (typeof path !== 'string') throw failure(`filesize needs one path, not ${typeName(path ?? null)}`);
  if (frame.scope.filesize === undefined) throw failure('filesize is not available here');
  frame.spend(100);
  return frame.scope.filesize(path);
}

/** About half a microsecond per character, where the text is all numbers. */
function parseJson(text: string, frame: Frame): Value {
  frame.spendText(text.length);
  frame.spend(text.length * 5);
  if (jsonDepth(text) > MAX_DOCUMENT_DEPTH) {
    throw failure(`the JSON is nested deeper than ${MAX_DOCUMENT_DEPTH} levels (MAX_DOCUMENT_DEPTH)`);
  }
  try {
    return fromJson(JSON.parse(text) as Json);
  } catch {
    throw failure('fromJson: the text is not JSON');
  }
}
