import { fail, ok, type Result } from './result.ts';

// Kubernetes quantities. `E` alone is exa while `E3` is an exponent, so the suffix is tried after the exponent.
const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E))?$/;

const MULTIPLIERS: ReadonlyMap<string, number> = new Map([
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['E', 1e18],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
  ['Pi', 2 ** 50],
  ['Ei', 2 ** 60],
]);
// Parts of a unit are divided by, never multiplied with a fraction: 100m is exactly 0.1.
const DIVISORS: ReadonlyMap<string, number> = new Map([
  ['n', 1e9],
  ['u', 1e6],
  ['m', 1e3],
]);
const BINARY = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'] as const;

/**
 * A Kubernetes quantity as a plain number: cores for cpu, bytes for memory (`500m` is 0.5, `16Gi` is
 * 17179869184, `1e3` is 1000). The error says what is wrong with the text. Negative amounts are errors.
 */
export function parseQuantity(text: string | number): Result<number, string> {
  if (typeof text === 'number') {
    if (Number.isFinite(text) && text >= 0) return ok(text);
    return fail('must be a finite amount, not below 0');
  }
  const match = text.length <= 64 ? QUANTITY.exec(text) : null;
  if (match === null) return fail(complaint(text));
  const [, digits = '', exponent, suffix = ''] = match;
  const amount = Number(exponent === undefined ? digits : `${digits}e${exponent}`);
  const value = DIVISORS.has(suffix)
    ? amount / (DIVISORS.get(suffix) ?? 1)
    : amount * (suffix === '' ? 1 : (MULTIPLIERS.get(suffix) ?? 1));
  return Number.isFinite(value) ? ok(value) : fail('is too large');
}

function complaint(text: string): string {
  if (text.startsWith('-')) return 'must not be below 0';
  const unit = /^([\d.]+)\s*([KMGTPEkmgtpe])i?[Bb]?$/.exec(text);
  if (unit !== null) {
    const [, digits = '', letter = ''] = unit;
    const prefix = letter.toUpperCase();
    return `is no quantity: write ${digits}${prefix}i (a power of 1024) or ${digits}${prefix === 'K' ? 'k' : prefix} (of 1000)`;
  }
  return 'is no quantity: write a number with a unit such as 500m, 2, 16Gi or 1.5G';
}

/**
 * Cores as Kubernetes writes them: whole cores plain, parts in thousandths, rounded up. What floating point adds
 * in multiplying is cut off first, else 2.3 cores were 2300.000001m.
 */
export function formatCores(cores: number): string {
  return Number.isInteger(cores) ? String(cores) : `${Math.ceil(Number((cores * 1000).toFixed(6)))}m`;
}

/** Bytes in the largest binary unit that divides them; parts of a byte are rounded up. */
export function formatBytes(bytes: number): string {
  const whole = Math.ceil(bytes);
  for (const suffix of BINARY) {
    const unit = MULTIPLIERS.get(suffix) ?? 1;
    if (whole >= unit && whole % unit === 0) return `${whole / unit}${suffix}`;
  }
  return String(whole);
}
