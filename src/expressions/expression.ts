import type { ASTNode } from '@marcbachmann/cel-js';
import { fail, ok, type Result } from '../base/result.ts';
import { compile } from './compile.ts';
import { type Argument, type Context, newContext, type Use } from './compile-context.ts';
import { EvaluationFailure, Frame, type Run } from './evaluation.ts';
import { OPENING } from './placeholders.ts';
import type { Problem } from './problem.ts';
import { isLate, type Reference, type TaskReference } from './references.ts';
import type { Scope } from './scope.ts';
import { parseSyntax } from './syntax.ts';
import { ABSENT, type Outcome } from './value.ts';

export type { Reference, TaskReference } from './references.ts';

/** One `${{ … }}`, parsed and compiled once. */
export interface Expression {
  /** The CEL text, trimmed. */
  readonly source: string;
  /** The whole `${{ … }}` in the field's text, in UTF-16 units. */
  readonly offset: number;
  readonly length: number;
  /** Every name that it may read, each once; those in arguments of `.at()` too. */
  readonly references: readonly Reference[];
  /** Reads something that is known only when an attempt starts. */
  readonly late: boolean;
  /** Set when the expression is nothing but this one reference. */
  readonly pure: Reference | undefined;
  /** One per `.at()`: evaluate the argument and `keysOf` tells which elements are meant. */
  readonly joins: readonly Join[];
  /** It is `raw(…)` as a whole: in a script its text is inserted as it is. */
  readonly raw: boolean;
  readonly program: Program;
}

export interface Join {
  readonly task: string;
  readonly reference: TaskReference;
  /** An expression over params, item and key. */
  readonly argument: Expression;
}

/** What evaluating and checking need; of no interest to anybody else. */
export interface Program {
  readonly run: Run;
  /** The CEL text around: of the argument of an `.at()` the whole expression. `uses` and `guards` count in it. */
  readonly text: string;
  /** Where this expression stands in `text`. */
  readonly start: number;
  /** Offset of `text` in the field's text. */
  readonly base: number;
  readonly uses: readonly Use[];
  readonly guards: readonly { readonly start: number; readonly end: number }[];
  readonly functions: ReadonlySet<string>;
  /** Names of variables of comprehensions. */
  readonly variables: ReadonlySet<string>;
}

/**
 * Parses `${{ CEL }}`, or CEL alone, that stands at `offset` of a field's text. Never throws: whatever is
 * wrong is a problem with its place.
 */
export function parseExpression(source: string, offset: number): Result<Expression, Problem[]> {
  const wrapped = source.startsWith(OPENING) && source.endsWith('}}') && source.length >= 5;
  const inside = wrapped ? source.slice(OPENING.length, -2) : source;
  const cel = inside.trim();
  const base = offset + (wrapped ? OPENING.length : 0) + (inside.length - inside.trimStart().length);
  const syntax = parseSyntax(cel, base);
  if (!syntax.ok) return fail([syntax.error]);
  const context = newContext(compile, cel, base);
  const run = compile(syntax.value, context);
  if (context.problems.length > 0) return fail(context.problems);
  return ok(assemble(syntax.value, { run, context, from: 0, source: cel, offset, length: source.length }));
}

interface Parts {
  readonly run: Run;
  readonly context: Context;
  readonly from: number;
  readonly source: string;
  readonly offset: number;
  readonly length: number;
}

function assemble(ast: ASTNode, parts: Parts): Expression {
  const { run, context, from, source, offset, length } = parts;
  const joins = context.arguments.map(joinOf);
  const references = new Map<string, Reference>();
  for (const { reference } of context.uses) references.set(JSON.stringify(reference), reference);
  for (const join of joins) {
    for (const reference of join.argument.references) references.set(JSON.stringify(reference), reference);
  }
  const all = [...references.values()];
  return {
    source,
    offset,
    length,
    references: all,
    late: all.some(isLate),
    pure: pureReference(ast, context),
    joins,
    raw: ast.op === 'call' && ast.args[0] === 'raw',
    program: {
      run,
      text: context.source,
      start: from,
      base: context.base,
      uses: context.uses,
      guards: context.guards,
      functions: context.functions,
      variables: context.variables,
    },
  };
}

function joinOf({ use, node, run, context }: Argument): Join {
  const reference = use.reference as TaskReference;
  const source = context.source.slice(node.start, node.end);
  const place = { source, from: node.start, offset: context.base + node.start, length: source.length };
  return { task: reference.task, reference, argument: assemble(node, { run, context, ...place }) };
}

function pureReference(ast: ASTNode, context: Context): Reference | undefined {
  const [use] = context.uses;
  if (use === undefined || context.uses.length > 1 || use.optional || use.reference.root === 'filesize')
    return undefined;
  const segments = use.ends.length - 1;
  const takesAll = 'path' in use.reference ? use.reference.path.length === segments : use.taken === segments;
  const isName = ast.op === 'id' || ast.op === '.' || ast.op === '[]';
  return isName && takesAll && use.start === ast.start && use.ends.at(-1) === ast.end ? use.reference : undefined;
}

/** Why there is no value. */
export interface EvaluationError {
  readonly message: string;
  /** Something absent was read: a task that does so is skipped, it does not fail. */
  readonly absent: boolean;
}

/** The value; absent where the whole expression is, and for null, which means the same. */
export function evaluateFully(expression: Expression, scope: Scope): Result<Outcome, EvaluationError> {
  try {
    const value = expression.program.run(new Frame(scope));
    return ok(value === null ? ABSENT : value);
  } catch (error) {
    if (error instanceof EvaluationFailure) return fail({ message: error.message, absent: error.kind === 'absent' });
    if (error instanceof RangeError) return fail({ message: 'is nested too deeply', absent: false });
    throw error;
  }
}

/** As `evaluateFully`, with the expression named in the error. */
export function evaluate(expression: Expression, scope: Scope): Result<Outcome, string> {
  const outcome = evaluateFully(expression, scope);
  return outcome.ok ? outcome : fail(`${shown(expression)}: ${outcome.error.message}`);
}

/** `${{ … }}` as messages show it. */
export function shown(expression: Expression): string {
  const { source } = expression;
  return `${OPENING} ${source.length > 60 ? `${source.slice(0, 57)}…` : source} }}`;
}
