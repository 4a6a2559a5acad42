import { MAX_EXPRESSION_CHARS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Problem, problemAt } from './problem.ts';

/** Finding where a `${{ … }}` ends: strings and maps of CEL may hold `}}` themselves. */

export const OPENING = '${{';

/**
 * The offset behind the `}}` that closes the placeholder at `start`. Reads at most MAX_EXPRESSION_CHARS, so
 * that a text full of unclosed placeholders takes linear time (the caller stops at the first).
 */
export function endOfPlaceholder(text: string, start: number): Result<number, Problem> {
  const limit = Math.min(text.length, start + MAX_EXPRESSION_CHARS);
  let depth = 0;
  let i = start + OPENING.length;
  while (i < limit) {
    const c = text[i];
    if (c === '}' && depth === 0 && text[i + 1] === '}') return ok(i + 2);
    if (c === '{') depth++;
    else if (c === '}') depth = Math.max(0, depth - 1);
    else if (c === '"' || c === "'") {
      const end = endOfString(text, i, limit);
      if (end === undefined) {
        return fail(problemAt('E-SYNTAX', 'this string is not closed', { offset: i, length: 1 }));
      }
      i = end;
      continue;
    } else if (c === '/' && text[i + 1] === '/') {
      i = endOfComment(text, i, limit);
      continue;
    }
    i++;
  }
  const range = { offset: start, length: OPENING.length };
  if (limit < text.length) {
    return fail(problemAt('E-SYNTAX', `no }} within ${MAX_EXPRESSION_CHARS} characters (MAX_EXPRESSION_CHARS)`, range));
  }
  return fail(problemAt('E-SYNTAX', `this ${OPENING} is not closed by }}`, range));
}

/** CEL's `'…'`, `"…"`, `'''…'''`, `"""…"""`; a backslash takes the next character along, in all of them. */
function endOfString(text: string, start: number, limit: number): number | undefined {
  const quote = text[start];
  const triple = text[start + 1] === quote && text[start + 2] === quote;
  for (let i = start + (triple ? 3 : 1); i < limit; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === quote) {
      if (!triple) return i + 1;
      if (text[i + 1] === quote && text[i + 2] === quote) return i + 3;
    } else if (!triple && (c === '\n' || c === '\r')) return undefined;
  }
  return undefined;
}

/** A comment ends with its line, or with the placeholder. */
function endOfComment(text: string, start: number, limit: number): number {
  let i = start;
  while (i < limit && text[i] !== '\n' && !(text[i] === '}' && text[i + 1] === '}')) i++;
  return i;
}
