import { add, compare } from './arithmetic.ts';
import { type Frame, failure } from './evaluation.ts';
import type { FunctionEntry } from './function-entry.ts';
import { indexArgument, textArgument } from './functions-text.ts';
import { jsonText, textOf } from './text.ts';
import { ABSENT, isList, type Outcome, typeName, type Value } from './value.ts';

/** Functions that make, order and take apart lists. Of an empty list, `first`, `min` and `max` are absent. */
export const LIST_FUNCTIONS: readonly (readonly [string, FunctionEntry])[] = [
  ['first', onList((list) => list[0] ?? ABSENT)],
  ['flatten', onList(flatten)],
  ['distinct', onList(distinct)],
  ['sort', onList(sort)],
  ['sum', onList(sum)],
  ['min', { arity: [1, 32], form: 'global', apply: (args, frame) => extreme(args, frame, -1) }],
  ['max', { arity: [1, 32], form: 'global', apply: (args, frame) => extreme(args, frame, 1) }],
  ['zip', { arity: [2, 32], form: 'global', apply: zip }],
  ['chunk', { arity: [2, 2], form: 'both', apply: chunk }],
  ['join', { arity: [1, 2], form: 'both', apply: join }],
  ['split', { arity: [2, 2], form: 'both', apply: split }],
];

function listArgument(value: Value | undefined, frame: Frame): readonly Value[] {
  if (value === undefined || !isList(value)) throw failure(`a list is needed, not ${typeName(value ?? null)}`);
  frame.spendList(value.length);
  return value;
}

function onList(apply: (list: readonly Value[], frame: Frame) => Outcome): FunctionEntry {
  return { arity: [1, 1], form: 'both', apply: ([value], frame) => apply(listArgument(value, frame), frame) };
}

/** One level: the items of the list's lists, in order; items that are no lists stay. */
function flatten(list: readonly Value[], frame: Frame): Value {
  const out: Value[] = [];
  for (const item of list) {
    if (isList(item)) {
      frame.spendList(out.length + item.length);
      for (const inner of item) out.push(inner);
    } else out.push(item);
  }
  return out;
}

/** Each value once, where it stands first; `1` and `1.0` are one value. */
function distinct(list: readonly Value[], frame: Frame): Value {
  const seen = new Set<string>();
  return list.filter((item) => {
    frame.spend(typeof item === 'string' ? 4 + (item.length >> 4) : 4);
    // A text and anything else never share a key: JSON of the others does not start with `"`.
    const text = typeof item === 'string' ? `"${item}` : jsonText(item, frame);
    return !seen.has(text) && seen.add(text) !== undefined;
  });
}

/** Ascending: numbers, strings (by UTF-16 unit), durations, quantities; never mixed. */
function sort(list: readonly Value[], frame: Frame): Value {
  frame.spend(list.length * 4);
  return [...list].sort((a, b) => compare(a, b, frame) ?? 0);
}

function sum(list: readonly Value[], frame: Frame): Value {
  let total: Value = list[0] ?? 0n;
  for (const [i, item] of list.entries()) {
    if (typeof item === 'string' || isList(item)) throw failure(`sum of ${typeName(item)}s has no meaning`);
    if (i > 0) total = add(total, item, frame);
  }
  return total;
}

function extreme(args: readonly Value[], frame: Frame, sign: 1 | -1): Outcome {
  const values = args.length === 1 ? listArgument(args[0], frame) : args;
  let best: Outcome = ABSENT;
  for (const value of values) {
    if (best === ABSENT || (compare(value, best, frame) ?? 0) * sign > 0) best = value;
  }
  return best;
}

/** Lists of the same length, side by side: `[[a0, b0], [a1, b1], …]`. */
function zip(args: readonly Value[], frame: Frame): Value {
  const lists = args.map((value) => listArgument(value, frame));
  const length = lists[0]?.length ?? 0;
  const other = lists.find((list) => list.length !== length);
  if (other !== undefined) throw failure(`zip needs lists of one length, not ${length} and ${other.length}`);
  return Array.from({ length }, (_, i) => lists.map((list) => list[i] ?? null));
}

/** Runs of `size` items; the last may be shorter. */
function chunk([value, size]: readonly Value[], frame: Frame): Value {
  const list = listArgument(value, frame);
  const step = indexArgument(size, 1, Number.MAX_SAFE_INTEGER);
  const out: Value[] = [];
  for (let i = 0; i < list.length; i += step) out.push(list.slice(i, i + step));
  return out;
}

function join([value, separator]: readonly Value[], frame: Frame): Value {
  const list = listArgument(value, frame);
  const between = separator === undefined ? '' : textArgument(separator);
  let length = 0;
  const parts = list.map((item) => {
    const text = textOf(item);
    if (!text.ok) throw failure(`an item of join ${text.error}`);
    length += text.value.length + between.length;
    return text.value;
  });
  frame.spendText(length);
  return parts.join(between);
}

/** By a text, taken literally; by `''` into characters. */
function split([value, separator]: readonly Value[], frame: Frame): Value {
  const text = textArgument(value);
  const between = textArgument(separator);
  frame.spendText(text.length);
  const parts = between === '' ? Array.from(text) : text.split(between);
  frame.spendList(parts.length);
  return parts;
}
