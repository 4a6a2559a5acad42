import { checkNames } from './check-names.ts';
import { checkTypes } from './check-types.ts';
import type { Expression } from './expression.ts';
import type { Place } from './place.ts';
import type { Problem } from './problem.ts';

/**
 * Everything that is wrong with an expression at its place, without any value: names first, and types only
 * when all names are known, so that one slip makes one message.
 */
export function checkExpression(expression: Expression, place: Place): Problem[] {
  const names = checkNames(expression, place);
  return names.length > 0 ? names : checkTypes(expression, place);
}
