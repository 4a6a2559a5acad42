import { MAX_DIAGNOSTICS, MAX_VALUE_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { isNumber } from './arithmetic.ts';
import { type Expression, parseExpression, shown } from './expression.ts';
import { OPENING } from './placeholders.ts';
import { type Problem, problemAt } from './problem.ts';
import type { Site } from './shell-frames.ts';
import { lexShell } from './shell-lexer.ts';
import { quoteShell, unfitForShell } from './shell-quote.ts';
import { scalarText, textOf } from './text.ts';
import { isList, isMap, type Outcome } from './value.ts';

/** A shell script whose values never enter its text: each becomes a reference to a variable set before. */
export interface Script {
  readonly source: string;
  /** Those that count: not the ones in comments. */
  readonly expressions: readonly Expression[];
  /** The text between them that identifies the script: without whole-line comments and blank lines. */
  readonly literals: readonly string[];
  /** First word of the first command, if literal: a relative script counts by its content. */
  readonly leadingCommand: string | undefined;
  readonly warnings: readonly Problem[];
  /** Text before, between and after the expressions, comments included; and where each stands. */
  readonly segments: readonly string[];
  readonly sites: readonly Site[];
}

/** Variables of ours in a script. */
const PREFIX = '__fx_';

export function parseScript(text: string, shell: readonly string[]): Result<Script, Problem[]> {
  const nul = text.indexOf('\0');
  if (nul >= 0) return fail([problemAt('E-SCRIPT', 'a script cannot hold NUL', { offset: nul, length: 1 })]);
  const name = shellName(shell);
  if (name === undefined || !POSIX_LIKE.has(name)) return withoutValues(text, shell);
  const lexed = lexShell(text, name === 'bash');
  const problems = [...lexed.problems];
  const expressions: Expression[] = [];
  for (const site of lexed.sites) {
    const parsed = parseExpression(text.slice(site.start, site.end), site.start);
    if (!parsed.ok) for (const problem of parsed.error) problems.push(problem);
    else {
      expressions.push(parsed.value);
      const problem = siteProblem(site, parsed.value);
      if (problem !== undefined) problems.push(problem);
    }
  }
  const segments = between(text, lexed.sites, []);
  const reserved = text.includes(PREFIX) ? reservedName(text, lexed.sites) : undefined;
  if (reserved !== undefined) problems.push(reserved);
  if (problems.length > 0) return fail(problems.slice(0, MAX_DIAGNOSTICS));
  const literals = between(text, lexed.sites, lexed.dropped);
  if (lexed.complete) literals.push((literals.pop() ?? '').replace(/\n$/, ''));
  const { sites, leadingCommand, warnings } = lexed;
  return ok({ source: text, expressions, literals, leadingCommand, warnings, segments, sites });
}

const POSIX_LIKE: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'busybox']);

/** The shell's name; behind `env` that of what it runs. */
function shellName(shell: readonly string[]): string | undefined {
  const names = shell.map((word) => word.slice(word.lastIndexOf('/') + 1));
  if (names[0] !== 'env') return names[0];
  return names.slice(1).find((word) => !word.startsWith('-') && !word.includes('='));
}

function withoutValues(text: string, shell: readonly string[]): Result<Script, Problem[]> {
  const at = text.indexOf(OPENING);
  if (at >= 0) {
    const message = `a script for ${shell[0] ?? 'no shell'} may hold no ${OPENING} }}: it is no POSIX-like shell.`;
    const hint = 'Pass values by env, by files, or as arguments of command.';
    return fail([problemAt('E-SHELL', message, { offset: at, length: OPENING.length }, hint)]);
  }
  const whole = { segments: [text], literals: [text], sites: [], expressions: [] };
  return ok({ source: text, leadingCommand: undefined, warnings: [], ...whole });
}

function siteProblem(site: Site, expression: Expression): Problem | undefined {
  if (expression.raw) return undefined;
  if (expression.program.functions.has('raw')) {
    return problemAt('E-SCRIPT', `${shown(expression)}: raw(…) must be the whole expression.`, expression);
  }
  const { refusal } = site;
  return refusal === undefined ? undefined : problemAt(refusal.code, refusal.message, expression, refusal.hint);
}

function reservedName(text: string, sites: readonly Site[]): Problem | undefined {
  let from = 0;
  for (const { start, end } of [...sites, { start: text.length, end: text.length }]) {
    const at = text.indexOf(PREFIX, from);
    if (at >= 0 && at < start) {
      return problemAt('E-SCRIPT', `names that start with ${PREFIX} are reserved.`, {
        offset: at,
        length: PREFIX.length,
      });
    }
    from = end;
  }
  return undefined;
}

/** The text around the sites, some ranges left out. Both lists are in order. */
function between(text: string, sites: readonly Site[], dropped: readonly { start: number; end: number }[]): string[] {
  const out: string[] = [];
  let from = 0;
  let next = 0;
  for (const { start, end } of [...sites, { start: text.length, end: text.length }]) {
    let part = '';
    for (let range = dropped[next]; range !== undefined && range.start < start; range = dropped[++next]) {
      part += text.slice(from, Math.max(from, range.start));
      from = Math.max(from, range.end);
    }
    out.push(part + text.slice(from, start));
    from = end;
  }
  return out;
}

/**
 * The script with `values`, one per expression, as variables: `preamble` sets them (not exported) and goes
 * before `body`. What a value cannot be at its place is a problem there.
 */
export function renderScript(
  script: Script,
  values: readonly Outcome[],
): Result<{ preamble: string; body: string }, Problem[]> {
  const preamble: string[] = [];
  const body: string[] = [script.segments[0] ?? ''];
  const problems: Problem[] = [];
  let size = 0;
  for (const [i, expression] of script.expressions.entries()) {
    const site = script.sites[i];
    const value = values[i];
    if (site === undefined || value === undefined) throw new Error(`no value for expression ${i} of a script`);
    const words = wordsOf(value, site, expression);
    if (words.ok) {
      const text = expression.raw ? words.value.join('') : reference(words.value, i, site, preamble);
      body.push(text, script.segments[i + 1] ?? '');
      for (const word of words.value) size += word.length;
    } else problems.push(problemAt('E-VALUE', `${shown(expression)} ${words.error}`, expression));
  }
  if (size > MAX_VALUE_BYTES) {
    const message = `the values of a script are above ${MAX_VALUE_BYTES} bytes together (MAX_VALUE_BYTES)`;
    problems.push(problemAt('E-VALUE', message, { offset: 0, length: 1 }, 'Long lists: read $FIXPOINT_INPUTS/NAME.'));
  }
  return problems.length > 0 ? fail(problems) : ok({ preamble: preamble.join(''), body: body.join('') });
}

/** What a value is at its place: one text, or as many words as a list has items. */
function wordsOf(value: Outcome, site: Site, expression: Expression): Result<readonly string[], string> {
  const isWord = site.wholeWord && !site.target && !site.numeric && !expression.raw;
  if (isList(value)) {
    if (!isWord) return fail(`is a list, and ${placeName(site)} takes one value (join(…, ' ') makes a text of it).`);
    const words: string[] = [];
    for (const item of value) {
      const text = scalarText(item);
      if (text === undefined) return fail(`is a list of ${isMap(item) ? 'maps' : 'lists or nulls'}, not of words.`);
      words.push(text);
    }
    return fit(words);
  }
  if (scalarText(value) === undefined && !isMap(value)) {
    if (isWord) return ok([]);
    const empty = !site.target && !site.numeric && !expression.raw && site.context !== 'heredoc';
    return empty ? ok(['']) : fail(`is absent, and ${placeName(site)} needs a value (default(…, …) gives one).`);
  }
  if (site.numeric && !expression.raw && !(isNumber(value as never) && Number.isFinite(Number(value)))) {
    return fail('stands where the shell evaluates arithmetic, which takes ints and doubles only.');
  }
  const text = textOf(value);
  return text.ok ? fit([text.value]) : fail(`${text.error}.`);
}

function placeName(site: Site): string {
  if (site.numeric) return 'arithmetic';
  if (site.target) return 'a redirection';
  if (site.context === 'heredoc') return 'a here-document';
  return site.context === 'word' ? 'a part of a word' : 'a quoted text';
}

function fit(words: readonly string[]): Result<readonly string[], string> {
  for (const word of words) {
    const unfit = unfitForShell(word);
    if (unfit !== undefined) return fail(`${unfit}.`);
  }
  return ok(words);
}

/** Sets the variables and writes the reference that fits the place. */
function reference(words: readonly string[], i: number, site: Site, preamble: string[]): string {
  const names = words.map((_, j) => (words.length === 1 ? `${PREFIX}${i}` : `${PREFIX}${i}_${j}`));
  for (const [j, name] of names.entries()) {
    // In arithmetic `5-${v}` with a negative value would read as a decrement.
    const word = words[j] ?? '';
    const text = site.context === 'arithmetic' && word.startsWith('-') ? `(${word})` : word;
    preamble.push(`${name}=${quoteShell(text)}\n`);
  }
  if (site.context === 'word') return names.map((name) => `"\${${name}}"`).join(' ');
  const [only = ''] = names;
  return site.context === 'single' ? `'"\${${only}}"'` : `\${${only}}`;
}
