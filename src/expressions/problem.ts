/**
 * `expressions`: everything between `${{` and `}}`.
 *
 * `placeholders.ts` finds them in a field's text, `expression.ts` parses one (the cel-js package parses and
 * type-checks, evaluation is ours: `compile.ts`), `check.ts` says what is wrong with one at its place,
 * `template.ts` renders text fields and `script.ts` shell scripts, where a value never becomes part of the
 * program. May import `base` and `apis`; the packages cel-js and re2 are used nowhere else.
 */

/** What is wrong with a field's text. `offset` counts UTF-16 units from the start of that text. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly offset: number;
  readonly length: number;
  readonly severity: 'error' | 'warning';
}

/** An error at a range of a field's text. */
export function problemAt(
  code: string,
  message: string,
  range: { readonly offset: number; readonly length: number },
  hint?: string,
): Problem {
  const { offset, length } = range;
  const problem: Problem = { code, message, offset, length, severity: 'error' };
  return hint === undefined ? problem : { ...problem, hint };
}
