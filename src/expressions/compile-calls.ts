import type { ASTNode } from '@marcbachmann/cel-js';
import { type Context, compileRequired, reject, textAt, truth } from './compile-context.ts';
import { compileAccess } from './compile-names.ts';
import { didYouMean } from './did-you-mean.ts';
import { EvaluationFailure, type Frame, failure, type Run, required } from './evaluation.ts';
import type { FunctionEntry } from './function-entry.ts';
import { FUNCTIONS } from './functions.ts';
import { compilePattern } from './pattern.ts';
import { chainOf } from './references.ts';
import { ABSENT, isList, isMap, type Outcome, typeName, type Value } from './value.ts';

/** Calls: functions of the table, the guards of absent values, and comprehensions. */

type Call = ASTNode & { readonly op: 'call' | 'rcall' };

const GUARDS = ['default', 'has', 'orValue', 'hasValue', 'value', 'bind'];
const COMPREHENSIONS = ['map', 'filter', 'all', 'exists', 'exists_one'];

export function compileCall(node: Call, context: Context): Run {
  if (node.op === 'rcall' && node.args[0] === 'at' && chainOf(node) !== undefined) return compileAccess(node, context);
  const [name, receiver, args] = node.op === 'call' ? [node.args[0], undefined, node.args[1]] : node.args;
  context.functions.add(name);
  const special =
    receiver === undefined ? guard(node, name, args, context) : method(node, name, receiver, args, context);
  if (special !== undefined) return special;
  const entry = FUNCTIONS.get(name);
  if (entry === undefined) return unknownFunction(node, name, context);
  const nodes = receiver === undefined ? args : [receiver, ...args];
  const problem = misuse(name, entry, receiver !== undefined, nodes.length);
  if (problem !== undefined) return reject(node, context, 'E-TYPE', problem);
  if (name === 'matches') checkPattern(nodes[1], context);
  if (name === 'filesize') {
    const use = { reference: { root: 'filesize' } as const, start: node.start, ends: [node.start], taken: 0 };
    context.uses.push({ ...use, optional: false });
  }
  const { apply } = entry;
  const runs = nodes.map((argument) => compileRequired(argument, context));
  return (frame) => {
    frame.spend(3);
    return located(name, () =>
      apply(
        runs.map((run) => run(frame)),
        frame,
      ),
    );
  };
}

/** Names the function in its complaints. */
function located(name: string, apply: () => Outcome): Outcome {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof EvaluationFailure) || error.kind !== 'error' || error.message.startsWith(name)) throw error;
    throw failure(`${name}: ${error.message}`);
  }
}

function misuse(name: string, entry: FunctionEntry, asMethod: boolean, count: number): string | undefined {
  if (entry.form === 'global' && asMethod) return `${name} is called ${name}(…), not x.${name}(…)`;
  if (entry.form === 'method' && !asMethod) return `${name} is called x.${name}(…), not ${name}(x, …)`;
  const [least, most] = entry.arity;
  if (count >= least && count <= most) return undefined;
  const besides = asMethod ? 1 : 0;
  const wanted = least === most ? `${least - besides}` : `${least - besides} to ${most - besides}`;
  return `${name} takes ${wanted} arguments, not ${count - besides}`;
}

function unknownFunction(node: ASTNode, name: string, context: Context): Run {
  const known = [...FUNCTIONS.keys(), ...GUARDS, ...COMPREHENSIONS];
  return reject(node, context, 'E-UNKNOWN-NAME', `${name}(): no such function.${didYouMean(name, known)}`);
}

const MAX_CHECKED_PATTERNS = 4;

/** A literal pattern is checked when it is written, the first few of an expression: compiling takes time. */
function checkPattern(node: ASTNode | undefined, context: Context): void {
  if (node?.op !== 'value' || typeof node.args !== 'string') return;
  if (context.patterns.size >= MAX_CHECKED_PATTERNS) return;
  context.patterns.add(node.start);
  const made = compilePattern(node.args);
  if (!made.ok) reject(node, context, 'E-SYNTAX', made.error);
}

/** The value, or absent where a guard may answer instead. */
function guarded(run: Run): Run {
  return (frame) => {
    frame.spend(1);
    try {
      const value = run(frame);
      return value === null ? ABSENT : value;
    } catch (error) {
      if (!(error instanceof EvaluationFailure) || !error.isGuarded) throw error;
      frame.spendFailure();
      return ABSENT;
    }
  };
}

/** `default(x, y)` and `has(x)`. */
function guard(node: Call, name: string, args: readonly ASTNode[], context: Context): Run | undefined {
  const [first, second] = args;
  if (name === 'default' && first !== undefined && second !== undefined && args.length === 2) {
    const [value, fallback] = [guarded(context.compile(first, context)), context.compile(second, context)];
    return (frame) => {
      const found = value(frame);
      return found === ABSENT ? fallback(frame) : found;
    };
  }
  if (name === 'default') return reject(node, context, 'E-TYPE', 'default takes 2 arguments: default(x, y)');
  if (name !== 'has') return undefined;
  if (
    first === undefined ||
    args.length !== 1 ||
    chainOf(first)?.segments.length === 0 ||
    chainOf(first) === undefined
  ) {
    return reject(node, context, 'E-TYPE', 'has takes one name with a dot: has(item.x), has(inputs.x)');
  }
  context.guards.push({ start: node.start, end: node.end });
  const value = guarded(context.compile(first, context));
  return (frame) => value(frame) !== ABSENT;
}

function method(
  node: Call,
  name: string,
  receiver: ASTNode,
  args: readonly ASTNode[],
  context: Context,
): Run | undefined {
  if (COMPREHENSIONS.includes(name) && args.length >= 2) return comprehension(name, receiver, args, context);
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel') return bind(node, args, context);
  const [fallback] = args;
  if (name === 'orValue' && fallback !== undefined) {
    const [value, other] = [guarded(context.compile(receiver, context)), context.compile(fallback, context)];
    return (frame) => {
      const found = value(frame);
      return found === ABSENT ? other(frame) : found;
    };
  }
  if (name === 'hasValue' && args.length === 0) {
    const value = guarded(context.compile(receiver, context));
    return (frame) => value(frame) !== ABSENT;
  }
  if (name === 'value' && args.length === 0)
    return required(context.compile(receiver, context), textAt(receiver, context));
  return undefined;
}

/** `cel.bind(name, value, expression)`. */
function bind(node: ASTNode, args: readonly ASTNode[], context: Context): Run {
  const [variable, value, body] = args;
  if (variable?.op !== 'id' || value === undefined || body === undefined) {
    return reject(node, context, 'E-TYPE', 'bind is called cel.bind(name, value, expression)');
  }
  const bound = compileRequired(value, context);
  const { inner, slot } = withVariable(variable.args, context);
  const run = inner.compile(body, inner);
  return (frame) => {
    frame.slots[slot] = bound(frame);
    return run(frame);
  };
}

function withVariable(name: string, context: Context): { inner: Context; slot: number } {
  context.variables.add(name);
  const slot = Math.max(-1, ...context.bound.values()) + 1;
  return { inner: { ...context, bound: new Map([...context.bound, [name, slot]]) }, slot };
}

function comprehension(name: string, receiver: ASTNode, args: readonly ASTNode[], context: Context): Run {
  const [variable, ...bodies] = args;
  if (variable?.op !== 'id') return reject(receiver, context, 'E-SYNTAX', `${name} needs a name as its first argument`);
  const source = compileRequired(receiver, context);
  const { inner, slot } = withVariable(variable.args, context);
  const steps = bodies.map((body) => compileRequired(body, inner));
  const [first, second] = steps;
  if (first === undefined) return reject(receiver, context, 'E-SYNTAX', `${name} needs an expression`);
  const test = (frame: Frame, item: Value): boolean => {
    frame.spend(1);
    frame.slots[slot] = item;
    return truth(first(frame), name);
  };
  const range = (frame: Frame): readonly Value[] => iterable(source(frame), name, frame);
  if (name === 'filter') return (frame) => range(frame).filter((item) => test(frame, item));
  if (name === 'exists_one') return (frame) => range(frame).filter((item) => test(frame, item)).length === 1;
  if (name === 'exists' || name === 'all') {
    const decisive = name === 'exists';
    return (frame) => quantify(frame, range(frame), decisive, (item) => test(frame, item));
  }
  if (second !== undefined) {
    return (frame) =>
      range(frame)
        .filter((item) => test(frame, item))
        .map((item) => {
          frame.slots[slot] = item;
          return second(frame);
        });
  }
  return (frame) =>
    range(frame).map((item) => {
      frame.spend(1);
      frame.slots[slot] = item;
      return first(frame);
    });
}

function iterable(value: Value, name: string, frame: Frame): readonly Value[] {
  const items = isList(value) ? value : isMap(value) ? Object.keys(value) : undefined;
  if (items === undefined) throw failure(`${name} needs a list or a map, not ${typeName(value)}`);
  frame.spendList(items.length);
  return items;
}

/** As `||` and `&&` over the items: an error matters only if no item decides. */
function quantify(frame: Frame, items: readonly Value[], decisive: boolean, test: (item: Value) => boolean): boolean {
  let problem: EvaluationFailure | undefined;
  for (const item of items) {
    try {
      if (test(item) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof EvaluationFailure) || error.kind === 'limit') throw error;
      problem ??= error;
      frame.spendFailure();
    }
  }
  if (problem !== undefined) throw problem;
  return !decisive;
}
