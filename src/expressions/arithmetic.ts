import { Duration, durationOf } from './duration.ts';
import { type EvaluationFailure, type Frame, failure } from './evaluation.ts';
import { Quantity, quantityOf } from './quantity.ts';
import { isList, isMap, typeName, type Value } from './value.ts';

/** The operators of CEL on values, with int and double mixed freely. */

const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);
const NANO = 1_000_000_000n;

export function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

/** An int within 64 bits, else an error. */
export function int64(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw failure('an int does not fit 64 bits');
  return value;
}

function noOverload(left: Value, operator: string, right: Value): EvaluationFailure {
  return failure(`${typeName(left)} ${operator} ${typeName(right)} has no meaning`);
}

export function duration(nanoseconds: bigint): Duration {
  const made = durationOf(nanoseconds);
  if (!made.ok) throw failure(made.error);
  return made.value;
}

export function quantity(nano: bigint, binary: boolean): Quantity {
  const made = quantityOf(nano, binary);
  if (!made.ok) throw failure(made.error);
  return made.value;
}

export function add(left: Value, right: Value, frame: Frame): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int64(left + right);
  if (isNumber(left) && isNumber(right)) return Number(left) + Number(right);
  if (typeof left === 'string' && typeof right === 'string') {
    frame.spendText(left.length + right.length);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    frame.spendList(left.length + right.length);
    return left.concat(right);
  }
  if (left instanceof Duration && right instanceof Duration) return duration(left.nanoseconds + right.nanoseconds);
  if (left instanceof Quantity && right instanceof Quantity) {
    return quantity(left.nano + right.nano, left.binary || right.binary);
  }
  throw noOverload(left, '+', right);
}

export function subtract(left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int64(left - right);
  if (isNumber(left) && isNumber(right)) return Number(left) - Number(right);
  if (left instanceof Duration && right instanceof Duration) return duration(left.nanoseconds - right.nanoseconds);
  if (left instanceof Quantity && right instanceof Quantity) {
    return quantity(left.nano - right.nano, left.binary || right.binary);
  }
  throw noOverload(left, '-', right);
}

export function multiply(left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int64(left * right);
  if (isNumber(left) && isNumber(right)) return Number(left) * Number(right);
  if (isNumber(left)) return multiplyAmount(right, left) ?? raise(noOverload(left, '*', right));
  if (isNumber(right)) return multiplyAmount(left, right) ?? raise(noOverload(left, '*', right));
  throw noOverload(left, '*', right);
}

function multiplyAmount(amount: Value, factor: bigint | number): Value | undefined {
  if (amount instanceof Duration) return duration(scale(amount.nanoseconds, factor));
  if (amount instanceof Quantity) return quantity(scale(amount.nano, factor), amount.binary);
  return undefined;
}

/** `amount` × `factor`, exact for ints; a double factor counts to its billionth. */
function scale(amount: bigint, factor: bigint | number): bigint {
  if (typeof factor === 'bigint') return amount * factor;
  if (!Number.isFinite(factor) || Math.abs(factor) > 1e15) throw failure(`cannot multiply by ${factor}`);
  if (Number.isInteger(factor)) return amount * BigInt(factor);
  const whole = Math.trunc(factor);
  return amount * BigInt(whole) + (amount * BigInt(Math.round((factor - whole) * 1e9))) / NANO;
}

export function divide(left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    if (right === 0n) throw failure('division by zero');
    return int64(left / right);
  }
  if (isNumber(left) && isNumber(right)) return Number(left) / Number(right);
  if (isNumber(right) && (left instanceof Duration || left instanceof Quantity)) {
    if (Number(right) === 0) throw failure('division by zero');
    const size = left instanceof Duration ? left.nanoseconds : left.nano;
    const part = typeof right === 'bigint' ? size / right : scale(size, 1 / right);
    return left instanceof Duration ? duration(part) : quantity(part, left.binary);
  }
  if (left instanceof Duration && right instanceof Duration) return ratio(left.nanoseconds, right.nanoseconds);
  if (left instanceof Quantity && right instanceof Quantity) return ratio(left.nano, right.nano);
  throw noOverload(left, '/', right);
}

function ratio(left: bigint, right: bigint): number {
  if (right === 0n) throw failure('division by zero');
  return Number(left) / Number(right);
}

export function remainder(left: Value, right: Value): Value {
  if (typeof left !== 'bigint' || typeof right !== 'bigint') throw noOverload(left, '%', right);
  if (right === 0n) throw failure('modulo by zero');
  return left % right;
}

export function negate(value: Value): Value {
  if (typeof value === 'bigint') return int64(-value);
  if (typeof value === 'number') return -value;
  if (value instanceof Duration) return duration(-value.nanoseconds);
  throw failure(`-${typeName(value)} has no meaning`);
}

/** Negative, zero or positive; values of different kinds have no order. NaN compares as undefined. */
export function compare(left: Value, right: Value, frame: Frame, operator = '<'): number | undefined {
  if (typeof left === 'string' && typeof right === 'string') {
    frame.spend(Math.min(left.length, right.length) >> 4);
    return compareText(left, right);
  }
  if (isNumber(left) && isNumber(right)) {
    if (left < right) return -1;
    if (left > right) return 1;
    return Number.isNaN(Number(left)) || Number.isNaN(Number(right)) ? undefined : 0;
  }
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left instanceof Duration && right instanceof Duration) return sign(left.nanoseconds - right.nanoseconds);
  if (left instanceof Quantity && right instanceof Quantity) return sign(left.nano - right.nano);
  throw noOverload(left, operator, right);
}

function sign(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** By UTF-16 units, the order in which canonical JSON sorts keys too. */
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** CEL's equality: numbers by value whatever their type, other types never equal to one another. */
export function equals(left: Value, right: Value, frame: Frame): boolean {
  const pairs: [Value, Value][] = [[left, right]];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    frame.spend(1);
    const [a, b] = pair;
    // Comparing two texts reads them, but only if they are of one length.
    if (typeof a === 'string' && typeof b === 'string' && a.length === b.length) frame.spend(a.length >> 4);
    if (a === b) continue;
    if (isList(a) && isList(b)) {
      if (a.length !== b.length) return false;
      frame.spendList(a.length);
      for (const [i, member] of a.entries()) pairs.push([member, b[i] ?? null]);
    } else if (isMap(a) && isMap(b)) {
      const names = Object.keys(a);
      if (names.length !== Object.keys(b).length) return false;
      for (const name of names) {
        if (!Object.hasOwn(b, name)) return false;
        pairs.push([a[name] ?? null, b[name] ?? null]);
      }
    } else if (!sameScalar(a, b, frame)) return false;
  }
  return true;
}

function sameScalar(a: Value, b: Value, frame: Frame): boolean {
  // Comparing an int with a double is exact; NaN equals nothing.
  if (isNumber(a) && isNumber(b)) return compare(a, b, frame) === 0;
  if (a instanceof Duration && b instanceof Duration) return a.nanoseconds === b.nanoseconds;
  if (a instanceof Quantity && b instanceof Quantity) return a.nano === b.nano;
  return false;
}

function raise(error: EvaluationFailure): never {
  throw error;
}
