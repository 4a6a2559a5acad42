import { MAX_VALUE_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Expression, evaluate, parseExpression, shown } from './expression.ts';
import { endOfPlaceholder, OPENING } from './placeholders.ts';
import type { Problem } from './problem.ts';
import type { Scope } from './scope.ts';
import { textOf } from './text.ts';

/** A text field: literal text with expressions between; one more literal than expressions. */
export interface Template {
  readonly source: string;
  readonly literals: readonly string[];
  readonly expressions: readonly Expression[];
}

/** All that is wrong with all expressions; after one that is not closed the rest is not looked at. */
export function parseTemplate(text: string): Result<Template, Problem[]> {
  const literals: string[] = [];
  const expressions: Expression[] = [];
  const problems: Problem[] = [];
  let from = 0;
  for (let start = text.indexOf(OPENING); start >= 0; start = text.indexOf(OPENING, from)) {
    const end = endOfPlaceholder(text, start);
    if (!end.ok) return fail([...problems, end.error]);
    const parsed = parseExpression(text.slice(start, end.value), start);
    if (parsed.ok) expressions.push(parsed.value);
    else for (const problem of parsed.error) problems.push(problem);
    literals.push(text.slice(from, start));
    from = end.value;
  }
  literals.push(text.slice(from));
  return problems.length > 0 ? fail(problems) : ok({ source: text, literals, expressions });
}

/** Exactly one `${{ … }}` and nothing around it: its value counts as it is, lists too. */
export function isExpressionOnly(template: Template): boolean {
  const { expressions, literals } = template;
  return expressions.length === 1 && literals[0] === '' && literals[1] === '';
}

/** The text with the values in it. A list, a map or an absent value is an error that names its expression. */
export function renderText(template: Template, scope: Scope): Result<string, string> {
  const parts = [template.literals[0] ?? ''];
  let length = template.source.length;
  for (const [i, expression] of template.expressions.entries()) {
    const value = evaluate(expression, scope);
    if (!value.ok) return value;
    const text = textOf(value.value);
    if (!text.ok) return fail(`${shown(expression)} ${text.error}`);
    length += text.value.length;
    if (length > MAX_VALUE_BYTES) return fail(`the text is above ${MAX_VALUE_BYTES} bytes (MAX_VALUE_BYTES)`);
    parts.push(text.value, template.literals[i + 1] ?? '');
  }
  return ok(parts.join(''));
}
