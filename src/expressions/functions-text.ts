import { int64 } from './arithmetic.ts';
import { Duration, parseDuration } from './duration.ts';
import { type Frame, failure } from './evaluation.ts';
import type { FunctionEntry } from './function-entry.ts';
import { patternAtRunTime } from './pattern.ts';
import { quoteShell, unfitForShell } from './shell-quote.ts';
import { excerpt, scalarText, textOf } from './text.ts';
import { isList, isMap, typeName, type Value } from './value.ts';

/** Functions on texts and paths, and conversions between scalars. */
export const TEXT_FUNCTIONS: readonly (readonly [string, FunctionEntry])[] = [
  ['size', { arity: [1, 1], form: 'both', apply: ([value], frame) => sizeOf(value, frame) }],
  ['contains', method(1, (text, [part]) => text.includes(textArgument(part)))],
  ['startsWith', method(1, (text, [part]) => text.startsWith(textArgument(part)))],
  ['endsWith', method(1, (text, [part]) => text.endsWith(textArgument(part)))],
  ['matches', { ...method(1, matches), form: 'both' }],
  ['lowerAscii', method(0, (text, _, frame) => changeCase(text, /[A-Z]+/g, (part) => part.toLowerCase(), frame))],
  ['upperAscii', method(0, (text, _, frame) => changeCase(text, /[a-z]+/g, (part) => part.toUpperCase(), frame))],
  ['trim', method(0, (text) => text.trim())],
  ['substring', { arity: [2, 3], form: 'method', apply: substring }],
  ['indexOf', method(1, (text, [part]) => BigInt(text.indexOf(textArgument(part))))],
  ['lastIndexOf', method(1, (text, [part]) => BigInt(text.lastIndexOf(textArgument(part))))],
  ['replace', { arity: [3, 3], form: 'both', apply: replace }],
  ['basename', path((text) => basename(text))],
  ['dirname', path(dirname)],
  ['stem', path((text) => basename(text).slice(0, basename(text).length - ext(text).length))],
  ['ext', path(ext)],
  ['string', { arity: [1, 1], form: 'global', apply: ([value]) => conversion(value) }],
  ['int', { arity: [1, 1], form: 'global', apply: ([value]) => toInt(value ?? null) }],
  ['double', { arity: [1, 1], form: 'global', apply: ([value]) => toDouble(value ?? null) }],
  ['bool', { arity: [1, 1], form: 'global', apply: ([value]) => toBool(value ?? null) }],
  ['dyn', { arity: [1, 1], form: 'global', apply: ([value]) => value ?? null }],
  ['duration', { arity: [1, 1], form: 'global', apply: ([value], frame) => toDuration(value ?? null, frame) }],
  ['raw', { arity: [1, 1], form: 'global', apply: ([value]) => conversion(value) }],
  ['quote', { arity: [1, 1], form: 'global', apply: quote }],
];

/** Reading an amount from its text. */
export const STEPS_TO_PARSE = 40;

export function textArgument(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw failure(`a string is needed, not ${typeName(value ?? null)}`);
}

export function indexArgument(value: Value | undefined, from: number, to: number): number {
  if (typeof value !== 'bigint') throw failure(`an int is needed, not ${typeName(value ?? null)}`);
  if (value < BigInt(from) || value > BigInt(to)) throw failure(`${value} is not between ${from} and ${to}`);
  return Number(value);
}

function method(more: number, apply: (text: string, rest: readonly Value[], frame: Frame) => Value): FunctionEntry {
  return {
    arity: [more + 1, more + 1],
    form: 'method',
    apply: ([receiver, ...rest], frame) => {
      const text = textArgument(receiver);
      frame.spendText(text.length);
      return apply(text, rest, frame);
    },
  };
}

function path(apply: (text: string) => string): FunctionEntry {
  return { ...method(0, (text) => apply(text)), form: 'both' };
}

function sizeOf(value: Value | undefined, frame: Frame): bigint {
  if (typeof value === 'string') {
    frame.spendText(value.length);
    // The second half of a surrogate pair is no character of its own.
    let pairs = 0;
    for (let i = 1; i < value.length; i++) {
      if ((value.charCodeAt(i) & 0xfc00) === 0xdc00 && (value.charCodeAt(i - 1) & 0xfc00) === 0xd800) pairs++;
    }
    return BigInt(value.length - pairs);
  }
  if (value !== undefined && isList(value)) return BigInt(value.length);
  if (value !== undefined && isMap(value)) {
    const names = Object.keys(value).length;
    frame.spend(names);
    return BigInt(names);
  }
  throw failure(`size of ${typeName(value ?? null)} has no meaning`);
}

function matches(text: string, [pattern]: readonly Value[], frame: Frame): boolean {
  return patternAtRunTime(textArgument(pattern), frame).found(text, frame);
}

function substring([receiver, from, to]: readonly Value[], frame: Frame): string {
  const text = textArgument(receiver);
  frame.spendText(text.length);
  const start = indexArgument(from, 0, text.length);
  return text.slice(start, to === undefined ? text.length : indexArgument(to, start, text.length));
}

function changeCase(text: string, letters: RegExp, change: (part: string) => string, frame: Frame): string {
  frame.spend(text.length >> 2);
  return text.replace(letters, change);
}

/** Every occurrence of a text, taken literally. */
function replace([receiver, from, to]: readonly Value[], frame: Frame): string {
  const [text, old, fresh] = [textArgument(receiver), textArgument(from), textArgument(to)];
  if (old === '') throw failure('replace needs a text to look for');
  frame.spendText(text.length);
  let count = 0;
  for (let at = text.indexOf(old); at >= 0; at = text.indexOf(old, at + old.length)) count++;
  frame.spend(2 * count);
  frame.spendText(text.length + count * Math.max(0, fresh.length - old.length));
  return text.split(old).join(fresh);
}

/** `/` and `.` name themselves; a trailing slash does not count. */
export function basename(text: string): string {
  const end = endOfName(text);
  return text.slice(text.lastIndexOf('/', end - 1) + 1, end) || (text.startsWith('/') ? '/' : '');
}

function dirname(text: string): string {
  const end = endOfName(text);
  const slash = text.lastIndexOf('/', end - 1);
  if (slash < 0) return '.';
  return text.slice(0, endOfName(text.slice(0, slash))) || '/';
}

function endOfName(text: string): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === '/') end--;
  return end;
}

/** The last suffix with its dot, so that stem and ext together are the basename. */
function ext(text: string): string {
  const name = basename(text);
  const dot = name.lastIndexOf('.');
  return dot > 0 && /[^.]/.test(name.slice(0, dot)) ? name.slice(dot) : '';
}

function conversion(value: Value | undefined): string {
  const text = textOf(value ?? null);
  if (!text.ok) throw failure(`the argument ${text.error}`);
  return text.value;
}

function toInt(value: Value): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return int64(BigInt(Math.trunc(value)));
  if (typeof value === 'string' && /^[+-]?\d{1,19}$/.test(value)) return int64(BigInt(value.replace('+', '')));
  throw failure(`${excerpt(scalarText(value) ?? typeName(value))} is no int`);
}

function toDouble(value: Value): number {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value);
  if (typeof value === 'string' && value.length < 64 && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) {
    return Number(value);
  }
  throw failure(`${excerpt(scalarText(value) ?? typeName(value))} is no number`);
}

function toBool(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'True' || value === 'TRUE' || value === '1' || value === 't') return true;
  if (value === 'false' || value === 'False' || value === 'FALSE' || value === '0' || value === 'f') return false;
  throw failure(`${excerpt(scalarText(value) ?? typeName(value))} is neither true nor false`);
}

function toDuration(value: Value, frame: Frame): Duration {
  if (value instanceof Duration) return value;
  frame.spend(STEPS_TO_PARSE);
  const made = parseDuration(textArgument(value));
  if (!made.ok) throw failure(made.error);
  return made.value;
}

function quote([value]: readonly Value[], frame: Frame): string {
  const words = value !== undefined && isList(value) ? value : [value ?? null];
  frame.spendList(words.length);
  let length = 0;
  const quoted: string[] = [];
  for (const word of words) {
    const text = conversion(word);
    const unfit = unfitForShell(text);
    if (unfit !== undefined) throw failure(`the argument of quote ${unfit}`);
    length += text.length;
    frame.spendText(length);
    quoted.push(quoteShell(text));
  }
  return quoted.join(' ');
}
