import type { ASTNode } from '@marcbachmann/cel-js';
import { type Frame, failure, type Run, required } from './evaluation.ts';
import { type Problem, problemAt } from './problem.ts';
import type { Reference } from './references.ts';
import { typeName, type Value } from './value.ts';

/** What compiling an expression collects on its way. */

/** Where the expression reads a name: offsets in its CEL text. `ends` after the root and each segment. */
export interface Use {
  readonly reference: Reference;
  readonly start: number;
  readonly ends: readonly number[];
  /** Segments that belong to the reference, `.at(…)` included. */
  readonly taken: number;
  readonly optional: boolean;
}

/** The argument of `.at()`: an expression of its own, compiled in a context of its own. */
export interface Argument {
  readonly use: Use;
  readonly node: ASTNode;
  readonly run: Run;
  readonly context: Context;
}

export interface Context {
  /** The compiler of any node, for those of its parts that handle one kind. */
  readonly compile: (node: ASTNode, context: Context) => Run;
  readonly source: string;
  /** Offset of `source` in the field's text. */
  readonly base: number;
  readonly problems: Problem[];
  readonly uses: Use[];
  readonly arguments: Argument[];
  /** Ranges of `has(…)`, which the type checker takes for a bool. */
  readonly guards: { readonly start: number; readonly end: number }[];
  readonly functions: Set<string>;
  /** Nodes whose value may be absent by `.?`: further access to them stays absent. */
  readonly optional: WeakSet<Run>;
  /** Where literal patterns stand that have been checked. */
  readonly patterns: Set<number>;
  /** Names of all variables of comprehensions. */
  readonly variables: Set<string>;
  /** Variables of enclosing comprehensions and their slots. */
  readonly bound: ReadonlyMap<string, number>;
  /** Variables around the argument of an `.at()`, which it may not use. */
  readonly outside: ReadonlySet<string>;
}

export function newContext(
  compile: Context['compile'],
  source: string,
  base: number,
  outside: Iterable<string> = [],
): Context {
  return {
    compile,
    source,
    base,
    problems: [],
    uses: [],
    arguments: [],
    guards: [],
    functions: new Set(),
    optional: new WeakSet(),
    patterns: new Set(),
    variables: new Set(),
    bound: new Map(),
    outside: new Set(outside),
  };
}

export function textAt(node: ASTNode, context: Context): string {
  const text = context.source.slice(node.start, node.end);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Records a problem at a node; the run that stands in for the node is never called. */
export function reject(node: ASTNode, context: Context, code: string, message: string, hint?: string): Run {
  const range = { offset: context.base + node.start, length: Math.max(1, node.end - node.start) };
  context.problems.push(problemAt(code, message, range, hint));
  return () => {
    throw failure(message);
  };
}

/** A node whose absence is an error. */
export function compileRequired(node: ASTNode, context: Context): (frame: Frame) => Value {
  return required(context.compile(node, context), textAt(node, context));
}

export function truth(value: Value, operator: string): boolean {
  if (typeof value === 'boolean') return value;
  throw failure(`${operator} needs a bool, not ${typeName(value)}`);
}
