import type { TypeError as CelTypeError, Environment } from '@marcbachmann/cel-js';
import type { Use } from './compile-context.ts';
import type { Expression, Join } from './expression.ts';
import { type Place, typeOf } from './place.ts';
import { type Problem, problemAt } from './problem.ts';
import { newChecker } from './signatures.ts';

/**
 * Types, before anything runs. Each reference is replaced in the text by a variable of its type, padded with
 * blanks to the same length: one checker serves all places, and its positions stay right.
 */

/** Different types that the checker keeps a variable for; further ones go unchecked. */
const MAX_VARIABLES = 1_000;

/** The checker with its variables, one per type; made when first needed, as it takes some milliseconds. */
class TypeVariables {
  readonly checker: Environment = newChecker();
  readonly #names = new Map<string, string>();

  constructor() {
    // First of all, while names are short enough for the shortest root, `key`.
    for (const type of ['dyn', 'bool', 'string', 'list<string>', 'int', 'double']) this.#add(type);
  }

  nameFor(type: string): string {
    return this.#names.get(type) ?? this.#add(type) ?? this.#names.get('dyn') ?? '_0';
  }

  #add(type: string): string | undefined {
    if (this.#names.size >= MAX_VARIABLES) return undefined;
    const name = `_${this.#names.size.toString(36)}`;
    try {
      this.checker.registerVariable(name, type);
    } catch {
      return undefined;
    }
    this.#names.set(type, name);
    return name;
  }
}

let made: TypeVariables | undefined;

function types(): TypeVariables {
  made ??= new TypeVariables();
  return made;
}

/** The type as CEL names it, or undefined where the checker cannot tell. */
export function staticType(expression: Expression, place: Place): string | undefined {
  const result = check(expression, place);
  return result?.valid === true ? result.type : undefined;
}

export function checkTypes(expression: Expression, place: Place): Problem[] {
  const result = check(expression, place);
  if (result === undefined) return [];
  const problems = expression.joins.flatMap((join) => joinProblems(join, place));
  if (!result.valid) {
    const problem = typeProblem(result.error, expression, place);
    return problem === undefined ? problems : [...problems, problem];
  }
  const unexpected = place.expect === undefined ? undefined : mismatch(place.expect, result.type ?? 'dyn');
  if (unexpected === undefined) return problems;
  return [...problems, problemAt('E-TYPE', `${place.field}: ${unexpected}`, expression)];
}

interface Checked {
  readonly valid: boolean;
  readonly type?: string;
  readonly error?: unknown;
}

function check(expression: Expression, place: Place): Checked | undefined {
  const masked = maskedText(expression, place);
  if (masked === undefined) return undefined;
  try {
    return types().checker.parse(masked).check();
  } catch {
    // Parentheses inside a name, as in `(params).x`, do not survive the replacement.
    return undefined;
  }
}

/** A variable of the author's own that is named like a replacement: such an expression goes unchecked. */
const LIKE_A_REPLACEMENT = /^_[0-9a-z]{1,3}$/;

function maskedText(expression: Expression, place: Place): string | undefined {
  const { text, start, uses, guards, variables } = expression.program;
  const end = start + expression.source.length;
  for (const name of variables) if (LIKE_A_REPLACEMENT.test(name)) return undefined;
  const masks = guards.map((range) => ({ ...range, variable: types().nameFor('bool') }));
  for (const use of uses) {
    const mask = maskOf(use, expression, place);
    if (mask !== undefined) masks.push(mask);
  }
  masks.sort((a, b) => a.start - b.start || b.end - a.end);
  const parts: string[] = [];
  let at = start;
  for (const mask of masks) {
    if (mask.start < at) continue;
    parts.push(text.slice(at, mask.start), mask.variable.padEnd(mask.end - mask.start));
    at = mask.end;
  }
  parts.push(text.slice(at, end));
  return parts.join('');
}

function maskOf(use: Use, expression: Expression, place: Place) {
  if (use.reference.root === 'filesize') return undefined;
  const join = expression.joins.find(({ reference }) => reference === use.reference);
  const { type, segments } = typeOf(use.reference, use.taken, place, join && severalKeys(join, place));
  const end = use.ends[segments] ?? use.start;
  const variable = types().nameFor(use.optional && type !== 'dyn' ? `optional<${type}>` : type);
  return variable.length > end - use.start ? undefined : { start: use.start, end, variable };
}

function severalKeys(join: Join, place: Place): boolean | undefined {
  const type = staticType(join.argument, place);
  return type === undefined || type === 'dyn' ? undefined : type.startsWith('list');
}

function joinProblems(join: Join, place: Place): Problem[] {
  const { expect: _, ...argumentPlace } = place;
  const problems = checkTypes(join.argument, argumentPlace);
  const type = staticType(join.argument, place);
  if (type === undefined || !/^(map|bool|null)/.test(type)) return problems;
  const message = `the argument of tasks.${join.task}.at(…) is a key or a list of keys, not ${shownType(type)}.`;
  return [...problems, problemAt('E-TYPE', message, join.argument)];
}

function shownType(type: string): string {
  return type
    .replaceAll('google.protobuf.Duration', 'duration')
    .replaceAll('Quantity', 'quantity')
    .replace(/^dyn<(.*)>$/, '$1');
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);

function typeProblem(error: unknown, expression: Expression, place: Place): Problem | undefined {
  const { code, summary, node } = error as Partial<CelTypeError>;
  if (summary === undefined) return undefined;
  const { text, start, base } = expression.program;
  const from = start + (node?.start ?? 0);
  const to = start + (node?.end ?? expression.source.length);
  const part = text.slice(from, to);
  const range = { offset: base + from, length: Math.max(1, to - from) };
  const overload = /^no such overload: (.+) (==|!=|<=|>=|<|>|in|[-+*/%]) (.+)$/.exec(summary);
  if (code !== 'no_such_overload' || overload === null) {
    return problemAt('E-TYPE', `${place.field}: ${shownType(readable(summary))}`, range);
  }
  const [, left = '', operator = '', right = ''] = overload;
  const types = `${shownType(left)} with ${shownType(right)}`;
  const does = COMPARISONS.has(operator) ? `compares ${types}` : `combines ${types}, which ${operator} cannot`;
  return problemAt(
    'E-TYPE',
    `${place.field}: ${part} ${does}.`,
    range,
    columnHint(left, right, { from, to }, expression, place),
  );
}

function readable(summary: string): string {
  const call = /^found no matching overload for '(?:.*\.)?(\w+)\((.*)\)'$/.exec(summary);
  return call === null ? summary : `${call[1]}(…) does not take (${call[2]})`;
}

/** Cells are strings unless their column is declared. */
function columnHint(
  left: string,
  right: string,
  range: { from: number; to: number },
  expression: Expression,
  place: Place,
): string | undefined {
  if (typeof place.item !== 'object') return undefined;
  const other = left === 'string' ? right : right === 'string' ? left : undefined;
  if (other !== 'int' && other !== 'double' && other !== 'bool') return undefined;
  const use = expression.program.uses.find(
    (u) => u.start >= range.from && u.start < range.to && u.reference.root === 'item',
  );
  const column = use?.reference.root === 'item' ? use.reference.path[0] : undefined;
  if (column === undefined || place.item.get(column) !== 'string') return undefined;
  return `Cells are strings unless declared: add rows.columns: [{name: ${column}, type: ${other}}].`;
}

function mismatch(expect: NonNullable<Place['expect']>, found: string): string | undefined {
  const type = found.replace(/^optional<(.*)>$/, '$1');
  const kind = /^(list|map)\b/.exec(type)?.[1] ?? type;
  if (kind === 'dyn' || kind === expect || kind.startsWith('dyn<')) return undefined;
  if (expect === 'scalar') {
    if (kind !== 'list' && kind !== 'map' && kind !== 'null') return undefined;
    return `one value is needed here, not a ${kind}${kind === 'list' ? " (join(…, ' ') makes a text of it)" : ''}.`;
  }
  return `${expect === 'int' ? 'an int' : `a ${expect}`} is needed here, not ${shownType(type)}.`;
}
