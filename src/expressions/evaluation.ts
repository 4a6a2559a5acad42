import { MAX_EXPRESSION_STEPS, MAX_LIST_ITEMS, MAX_VALUE_BYTES } from '../base/limits.ts';
import type { Scope } from './scope.ts';
import { ABSENT, type Outcome, type Value } from './value.ts';

/**
 * Why an evaluation ended without a value.
 *
 * `absent`: something absent was read (an upstream was skipped); `missing`: a key or index is not in the
 * data; both are what `default` and `has` catch. `limit`: the budget is used up, which nothing catches.
 */
export class EvaluationFailure extends Error {
  readonly kind: 'absent' | 'missing' | 'error' | 'limit';

  constructor(kind: 'absent' | 'missing' | 'error' | 'limit', message: string) {
    super(message);
    this.kind = kind;
  }

  /** Whether `default` and `has` answer instead. */
  get isGuarded(): boolean {
    return this.kind === 'absent' || this.kind === 'missing';
  }
}

/** One evaluation under way: its scope, the variables of comprehensions, and the work it may still do. */
export class Frame {
  readonly scope: Scope;
  readonly slots: Value[] = [];
  #steps = MAX_EXPRESSION_STEPS;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  /** Counts work before it is done, so that no value can make an expression run for long. */
  spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) {
      throw new EvaluationFailure('limit', `needs more than ${MAX_EXPRESSION_STEPS} steps (MAX_EXPRESSION_STEPS)`);
    }
  }

  /** Counts a failure that is caught: throwing costs as much as hundreds of steps. */
  spendFailure(): void {
    this.spend(500);
  }

  /** Counts a text of so many characters about to be made or read. */
  spendText(length: number): void {
    if (length > MAX_VALUE_BYTES) {
      throw new EvaluationFailure('limit', `makes a text above ${MAX_VALUE_BYTES} bytes (MAX_VALUE_BYTES)`);
    }
    this.spend(1 + (length >> 4));
  }

  /** Counts a list of so many items about to be made or read. */
  spendList(length: number): void {
    if (length > MAX_LIST_ITEMS) {
      throw new EvaluationFailure('limit', `makes a list above ${MAX_LIST_ITEMS} items (MAX_LIST_ITEMS)`);
    }
    this.spend(1 + length);
  }
}

/** A compiled node. */
export type Run = (frame: Frame) => Outcome;

export function failure(message: string): EvaluationFailure {
  return new EvaluationFailure('error', message);
}

/** The value of a node whose absence is an error, which names the node's text. */
export function required(run: Run, text: string): (frame: Frame) => Value {
  return (frame) => {
    const value = run(frame);
    if (value === ABSENT) throw new EvaluationFailure('absent', `${text} is absent`);
    return value;
  };
}
