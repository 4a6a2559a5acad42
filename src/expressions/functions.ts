import type { Frame } from './evaluation.ts';
import { LIST_FUNCTIONS } from './functions-lists.ts';
import { RESOURCE_FUNCTIONS } from './functions-resources.ts';
import { TEXT_FUNCTIONS } from './functions-text.ts';
import type { Outcome, Value } from './value.ts';

/**
 * The closed table of what expressions may call. A function takes values only; what must look at an absent
 * argument (`default`, `has`) or at an unevaluated one (`map`, `filter`) is compiled in `compile-calls.ts`.
 */
export interface FunctionEntry {
  readonly arity: readonly [least: number, most: number];
  /** Called `f(x, …)`, `x.f(…)`, or both. */
  readonly form: 'global' | 'method' | 'both';
  readonly apply: (args: readonly Value[], frame: Frame) => Outcome;
}

export const FUNCTIONS: ReadonlyMap<string, FunctionEntry> = new Map([
  ...TEXT_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...RESOURCE_FUNCTIONS,
]);
