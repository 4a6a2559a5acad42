import type { ASTNode } from '@marcbachmann/cel-js';
import { add, compare, divide, equals, int64, multiply, negate, remainder, subtract } from './arithmetic.ts';
import { compileCall } from './compile-calls.ts';
import { type Context, compileRequired, reject, textAt, truth } from './compile-context.ts';
import { compileAccess, minusProblem } from './compile-names.ts';
import { EvaluationFailure, type Frame, failure, type Run } from './evaluation.ts';
import { emptyMap, isList, isMap, typeName, type Value } from './value.ts';

/**
 * From a parsed expression to a closure. cel-js parses and type-checks; evaluating is ours, because values
 * may be absent, ints and doubles mix, every regular expression must be RE2, and work must be bounded.
 */

export function compile(node: ASTNode, context: Context): Run {
  switch (node.op) {
    case 'value':
      return literal(node, node.args, context);
    case 'id':
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      return compileAccess(node, context);
    case 'call':
    case 'rcall':
      return compileCall(node, context);
    case 'list': {
      const items = node.args.map((item) => compileRequired(item, context));
      return (frame) => {
        frame.spendList(items.length);
        return items.map((item) => item(frame));
      };
    }
    case 'map':
      return mapLiteral(node.args, context);
    case '?:':
      return ternary(node.args, context);
    case '&&':
    case '||':
      return logical(node.op === '||', node.args, context);
    case '!_': {
      const operand = compileRequired(node.args, context);
      return (frame) => !truth(operand(frame), '!');
    }
    case '-_': {
      if (node.args.op === 'value' && typeof node.args.args === 'bigint') {
        return literal(node, -node.args.args, context);
      }
      const operand = compileRequired(node.args, context);
      return (frame) => negate(operand(frame));
    }
    default:
      return binary(node, context);
  }
}

function literal(node: ASTNode, value: unknown, context: Context): Run {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return () => value;
  }
  if (typeof value === 'bigint') {
    try {
      int64(value);
    } catch {
      return reject(node, context, 'E-SYNTAX', 'an int does not fit 64 bits');
    }
    return () => value;
  }
  return reject(node, context, 'E-SYNTAX', `${textAt(node, context)}: there are no bytes and no unsigned ints here`);
}

function mapLiteral(entries: readonly (readonly [ASTNode, ASTNode])[], context: Context): Run {
  const compiled = entries.map(
    ([key, value]) => [compileRequired(key, context), compileRequired(value, context)] as const,
  );
  return (frame) => {
    frame.spendList(4 * compiled.length);
    const map = emptyMap();
    for (const [key, value] of compiled) {
      const name = key(frame);
      if (typeof name !== 'string') throw failure(`the key of a map is a string, not ${typeName(name)}`);
      map[name] = value(frame);
    }
    return map;
  };
}

function ternary([condition, yes, no]: readonly [ASTNode, ASTNode, ASTNode], context: Context): Run {
  const test = compileRequired(condition, context);
  const [whenTrue, whenFalse] = [compile(yes, context), compile(no, context)];
  return (frame) => (truth(test(frame), '? :') ? whenTrue(frame) : whenFalse(frame));
}

/** As CEL has it: an error on one side does not matter if the other decides. */
function logical(decisive: boolean, [left, right]: readonly [ASTNode, ASTNode], context: Context): Run {
  const operator = decisive ? '||' : '&&';
  const [first, second] = [compileRequired(left, context), compileRequired(right, context)];
  return (frame) => {
    frame.spend(1);
    let problem: EvaluationFailure;
    try {
      return truth(first(frame), operator) === decisive ? decisive : truth(second(frame), operator);
    } catch (error) {
      if (!(error instanceof EvaluationFailure) || error.kind === 'limit') throw error;
      problem = error;
      frame.spendFailure();
    }
    if (truth(second(frame), operator) === decisive) return decisive;
    throw problem;
  };
}

type Operator = (left: Value, right: Value, frame: Frame) => Value;

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['+', add],
  ['-', subtract],
  ['*', multiply],
  ['/', divide],
  ['%', remainder],
  ['==', equals],
  ['!=', (left, right, frame) => !equals(left, right, frame)],
  ['<', (left, right, frame) => (compare(left, right, frame, '<') ?? 1) < 0],
  ['<=', (left, right, frame) => (compare(left, right, frame, '<=') ?? 1) <= 0],
  ['>', (left, right, frame) => (compare(left, right, frame, '>') ?? -1) > 0],
  ['>=', (left, right, frame) => (compare(left, right, frame, '>=') ?? -1) >= 0],
  ['in', isIn],
]);

function isIn(value: Value, container: Value, frame: Frame): boolean {
  if (isList(container)) {
    frame.spendList(container.length);
    return container.some((item) => equals(value, item, frame));
  }
  if (isMap(container)) return typeof value === 'string' && Object.hasOwn(container, value);
  throw failure(`in needs a list or a map, not ${typeName(container)}`);
}

function binary(node: ASTNode, context: Context): Run {
  const operator = OPERATORS.get(node.op);
  if (operator === undefined) return reject(node, context, 'E-SYNTAX', `${node.op} is not supported`);
  if (node.op === '-') {
    const problem = minusProblem(node, context);
    if (problem !== undefined) return problem;
  }
  const [leftNode, rightNode] = node.args as readonly [ASTNode, ASTNode];
  const [left, right] = [compileRequired(leftNode, context), compileRequired(rightNode, context)];
  return (frame) => {
    frame.spend(1);
    return operator(left(frame), right(frame), frame);
  };
}
