import { fail, ok, type Result } from './result.ts';

/**
 * Globs over names and slash-separated paths: `*` and `?` stay within a segment, `**` crosses segments,
 * `[a-z]` and `[!a-z]` are sets, `{a,b}` alternatives. Matching backtracks over the last star only, so it is
 * O(pattern × text) and cannot be made to explode.
 */
export interface Glob {
  readonly source: string;
  matches(text: string): boolean;
}

type Part =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }
  | { readonly kind: 'star'; readonly crossing: boolean };

/** `{a,b}{c,d}…` multiplies; more alternatives than this is a mistake. */
const MAX_GLOB_ALTERNATIVES = 1024;

export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text);
}

export function parseGlob(source: string): Result<Glob, string> {
  const alternatives = expandBraces(source);
  if (!alternatives.ok) return alternatives;
  const programs: Part[][] = [];
  for (const alternative of alternatives.value) {
    const parts = parseParts(alternative);
    if (!parts.ok) return parts;
    programs.push(parts.value);
  }
  return ok({ source, matches: (text) => programs.some((parts) => matchParts(parts, text)) });
}

/** `{a,b}c` → `ac`, `bc`. */
export function expandBraces(source: string): Result<string[], string> {
  let pending = [source];
  const done: string[] = [];
  while (pending.length > 0) {
    const next: string[] = [];
    for (const text of pending) {
      const group = firstBraceGroup(text);
      if (group === 'unclosed') return fail(`the { in ${source} is never closed`);
      if (!group) done.push(text);
      else for (const choice of group.choices) next.push(group.before + choice + group.after);
    }
    if (next.length + done.length > MAX_GLOB_ALTERNATIVES)
      return fail(`${source} has more than ${MAX_GLOB_ALTERNATIVES} alternatives`);
    pending = next;
  }
  return ok(done);
}

function firstBraceGroup(text: string): { before: string; choices: string[]; after: string } | 'unclosed' | undefined {
  const open = text.indexOf('{');
  if (open < 0) return undefined;
  let depth = 0;
  let start = open + 1;
  const choices: string[] = [];
  for (let i = open; i < text.length; i++) {
    const c = text[i];
    if (c === '{') depth++;
    else if (c === ',' && depth === 1) {
      choices.push(text.slice(start, i));
      start = i + 1;
    } else if (c === '}' && --depth === 0) {
      choices.push(text.slice(start, i));
      return { before: text.slice(0, open), choices, after: text.slice(i + 1) };
    }
  }
  return 'unclosed';
}

function parseParts(text: string): Result<Part[], string> {
  const parts: Part[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '*') {
      const crossing = text[i + 1] === '*';
      if (crossing) i++;
      parts.push({ kind: 'star', crossing });
    } else if (c === '?') parts.push({ kind: 'any' });
    else if (c === '[') {
      const close = text.indexOf(']', i + 2);
      if (close < 0) return fail(`the [ in ${text} is never closed`);
      parts.push(parseSet(text.slice(i + 1, close)));
      i = close;
    } else parts.push({ kind: 'char', char: c });
  }
  return ok(parts);
}

function parseSet(body: string): Part {
  const negated = body.startsWith('!') || body.startsWith('^');
  const ranges: [string, string][] = [];
  for (let i = negated ? 1 : 0; i < body.length; i++) {
    const from = body[i] as string;
    if (body[i + 1] === '-' && i + 2 < body.length) {
      ranges.push([from, body[i + 2] as string]);
      i += 2;
    } else ranges.push([from, from]);
  }
  return { kind: 'set', negated, ranges };
}

function matchesOne(part: Part, char: string): boolean {
  if (part.kind === 'char') return part.char === char;
  if (char === '/') return false;
  if (part.kind === 'set') return part.ranges.some(([a, b]) => a <= char && char <= b) !== part.negated;
  return true;
}

/**
 * One backtracking point for each kind of star: when a `*` cannot swallow a slash, the nearest `**` before it
 * takes over. Both only ever move forward.
 */
function matchParts(parts: readonly Part[], text: string): boolean {
  let p = 0;
  let t = 0;
  let near: { p: number; t: number } | undefined;
  let far: { p: number; t: number } | undefined;
  while (t < text.length || p < parts.length) {
    const part = parts[p];
    if (part?.kind === 'star') {
      if (part.crossing) {
        far = { p: p + 1, t };
        near = undefined;
      } else near = { p: p + 1, t };
      p++;
    } else if (part && t < text.length && matchesOne(part, text[t] as string)) {
      p++;
      t++;
    } else if (near && near.t < text.length && text[near.t] !== '/') {
      near = { p: near.p, t: near.t + 1 };
      ({ p, t } = near);
    } else if (far && far.t < text.length) {
      far = { p: far.p, t: far.t + 1 };
      near = undefined;
      ({ p, t } = far);
    } else return false;
  }
  return true;
}
