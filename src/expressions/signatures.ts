import { Environment } from '@marcbachmann/cel-js';
import { MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_NODES } from '../base/limits.ts';
import { Quantity } from './quantity.ts';

/** What the type checker knows of our functions and operators. Nothing is evaluated through it. */

const DURATION = 'google.protobuf.Duration';

const FUNCTIONS: readonly string[] = [
  'raw(dyn): string',
  'quote(dyn): string',
  'toJson(dyn): string',
  'fromJson(string): dyn',
  'hash(dyn): string',
  'default(A, A): A',
  'default(optional<A>, A): A',
  'default(int, double): double',
  'default(double, int): double',
  'default(A, null): A',
  'string(google.protobuf.Duration): string',
  'string(Quantity): string',
  'duration(google.protobuf.Duration): google.protobuf.Duration',
  'matches(string, string): bool',
  'string.replace(string, string): string',
  'replace(string, string, string): string',
  'split(string, string): list<string>',
  'join(list<A>): string',
  'join(list<A>, string): string',
  'list<int>.join(): string',
  'list<int>.join(string): string',
  'list<double>.join(): string',
  'list<double>.join(string): string',
  'list<A>.first(): A',
  'first(list<A>): A',
  'flatten(list<list<A>>): list<A>',
  'list<list<A>>.flatten(): list<A>',
  'distinct(list<A>): list<A>',
  'list<A>.distinct(): list<A>',
  'sort(list<A>): list<A>',
  'list<A>.sort(): list<A>',
  'sum(list<A>): A',
  'list<A>.sum(): A',
  'min(list<A>): A',
  'max(list<A>): A',
  'chunk(list<A>, int): list<list<A>>',
  'list<A>.chunk(int): list<list<A>>',
  'zip(list<A>, list<B>): list<list<dyn>>',
  'zip(list<A>, list<B>, list<C>): list<list<dyn>>',
  'quantity(string): Quantity',
  'quantity(int): Quantity',
  'quantity(Quantity): Quantity',
  'grow(dyn, dyn, int, dyn): dyn',
  'filesize(string): int',
  ...['min', 'max'].flatMap((name) => [
    `${name}(A, A): A`,
    `${name}(int, double): double`,
    `${name}(double, int): double`,
    `${name}(A, A, A): A`,
    `${name}(A, A, A, A): A`,
  ]),
  ...['basename', 'dirname', 'stem', 'ext'].flatMap((name) => [`${name}(string): string`, `string.${name}(): string`]),
  ...['bytes', 'mib', 'gib'].flatMap((name) => ['string', 'int', 'Quantity'].map((type) => `${type}.${name}(): int`)),
];

const OPERATORS: readonly string[] = [
  ...['+', '-', '*', '/'].flatMap((op) => [`int ${op} double: double`, `double ${op} int: double`]),
  'int == double: bool',
  ...[DURATION, 'Quantity'].flatMap((amount) => [
    ...['int', 'double'].flatMap((number) => [
      `${amount} * ${number}: ${amount}`,
      `${number} * ${amount}: ${amount}`,
      `${amount} / ${number}: ${amount}`,
    ]),
    `${amount} / ${amount}: double`,
  ]),
  'Quantity + Quantity: Quantity',
  'Quantity - Quantity: Quantity',
  'Quantity == Quantity: bool',
  ...['<', '<=', '>', '>='].map((op) => `Quantity ${op} Quantity: bool`),
  ...['string', 'int', 'double', 'bool'].map((type) => `${type} == null: bool`),
];

/** Two fan-outs may hold any types; the checker's own table is never called. */
const never = (): never => {
  throw new Error('the type checker does not evaluate');
};

export function newChecker(): Environment {
  const checker = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: MAX_EXPRESSION_NODES, maxDepth: MAX_EXPRESSION_DEPTH },
  });
  checker.registerType('Quantity', Quantity);
  for (const signature of FUNCTIONS) checker.registerFunction(signature, never, { async: false });
  for (const signature of OPERATORS) checker.registerOperator(signature, never);
  return checker;
}
