import { fail, ok, type Result } from '../base/result.ts';
import { withoutTrailingZeros } from './duration.ts';

/** An amount as Kubernetes writes it (`500m`, `16Gi`), exact to the billionth. */
export class Quantity {
  readonly nano: bigint;
  /** Written with binary suffixes (`Gi`) rather than decimal ones (`G`). */
  readonly binary: boolean;

  constructor(nano: bigint, binary: boolean) {
    this.nano = nano;
    this.binary = binary;
  }

  /** The shortest whole number with the largest suffix that fits; a fraction where none does. */
  toString(): string {
    const sign = this.nano < 0n ? '-' : '';
    const size = this.nano < 0n ? -this.nano : this.nano;
    if (size === 0n) return '0';
    for (const [suffix, factor] of this.binary ? BINARY : DECIMAL) {
      if (size % factor === 0n) return `${sign}${size / factor}${suffix}`;
    }
    const fraction = withoutTrailingZeros((size % NANO).toString().padStart(9, '0'));
    return `${sign}${size / NANO}${fraction === '' ? '' : `.${fraction}`}`;
  }

  /** Whole multiples of `unit`, rounded down: never more than there is. */
  in(unit: bigint): bigint {
    return this.nano / (unit * NANO);
  }
}

const NANO = 1_000_000_000n;
const BINARY: readonly (readonly [string, bigint])[] = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki', ''].map(
  (suffix, i) => [suffix, NANO * 1024n ** BigInt(6 - i)] as const,
);
const DECIMAL: readonly (readonly [string, bigint])[] = ['E', 'P', 'T', 'G', 'M', 'k', '', 'm', 'u', 'n'].map(
  (suffix, i) => [suffix, 1000n ** BigInt(9 - i)] as const,
);
const FACTORS: ReadonlyMap<string, bigint> = new Map([...BINARY, ...DECIMAL]);
const MAX_NANO = 1n << 128n;

/** Reads `2`, `0.5`, `500m`, `16Gi`, `1.5T`. */
export function parseQuantity(text: string): Result<Quantity, string> {
  const match =
    text.length > 40 ? null : /^([+-]?)(\d{1,20})(?:\.(\d{1,9}))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?$/.exec(text);
  const factor = match === null ? undefined : FACTORS.get(match[4] ?? '');
  if (match === null || factor === undefined) {
    return fail(`${JSON.stringify(text.slice(0, 40))} is no quantity (write 500m, 2 or 16Gi)`);
  }
  const fraction = BigInt((match[3] ?? '').padEnd(9, '0'));
  const size = BigInt(match[2] ?? '0') * factor + (fraction * factor) / NANO;
  return quantityOf(match[1] === '-' ? -size : size, (match[4] ?? '').endsWith('i'));
}

export function quantityOf(nano: bigint, binary: boolean): Result<Quantity, string> {
  if (nano > MAX_NANO || nano < -MAX_NANO) return fail('the quantity is too large');
  return ok(new Quantity(nano, binary));
}

/** So many bytes (or cores), as a quantity. */
export function quantityOfInt(value: bigint): Result<Quantity, string> {
  return quantityOf(value * NANO, false);
}
