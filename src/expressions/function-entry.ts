import type { Frame } from './evaluation.ts';
import type { Outcome, Value } from './value.ts';

/**
 * A function that expressions may call. It takes values only; what must look at an absent argument
 * (`default`, `has`) or at an unevaluated one (`map`, `filter`) is compiled in `compile-calls.ts`.
 */
export interface FunctionEntry {
  readonly arity: readonly [least: number, most: number];
  /** Called `f(x, …)`, `x.f(…)`, or both. */
  readonly form: 'global' | 'method' | 'both';
  readonly apply: (args: readonly Value[], frame: Frame) => Outcome;
}
