import { fail, ok, type Result } from '../base/result.ts';

/** A length of time, exact to the nanosecond; may be negative. */
export class Duration {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }

  /** Seconds with the shortest fraction, `5400s` or `0.25s`: the form that every duration field reads. */
  toString(): string {
    const sign = this.nanoseconds < 0n ? '-' : '';
    const size = this.nanoseconds < 0n ? -this.nanoseconds : this.nanoseconds;
    const rest = size % SECOND;
    const fraction = rest === 0n ? '' : `.${withoutTrailingZeros(rest.toString().padStart(9, '0'))}`;
    return `${sign}${size / SECOND}${fraction}s`;
  }
}

const SECOND = 1_000_000_000n;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', SECOND],
  ['m', 60n * SECOND],
  ['h', 3_600n * SECOND],
  ['d', 86_400n * SECOND],
]);
/** 100 years: longer is a mistake, and arithmetic stays far from its limits. */
const MAX_NANOSECONDS = 36_525n * 86_400n * SECOND;
const MAX_TEXT = 64;

/** Reads `90s`, `1h30m`, `1.5h`, `7d`, `12:30:00` (a walltime), each with an optional leading `-`. */
export function parseDuration(text: string): Result<Duration, string> {
  const bad = fail(`${JSON.stringify(text.slice(0, MAX_TEXT))} is no duration (write 90s, 30m, 12h, 7d or 1h30m)`);
  if (text.length > MAX_TEXT) return bad;
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  const size = body.includes(':') ? walltime(body) : sumOfUnits(body);
  if (size === undefined) return bad;
  return durationOf(negative ? -size : size);
}

/** A duration of so many nanoseconds; an error beyond 100 years. */
export function durationOf(nanoseconds: bigint): Result<Duration, string> {
  if (nanoseconds > MAX_NANOSECONDS || nanoseconds < -MAX_NANOSECONDS) return fail('a duration is at most 100 years');
  return ok(new Duration(nanoseconds));
}

function sumOfUnits(body: string): bigint | undefined {
  let total = 0n;
  let rest = body;
  if (rest === '') return undefined;
  while (rest !== '') {
    const match = /^(\d{1,18})(?:\.(\d{1,9}))?(ns|us|ms|s|m|h|d)/.exec(rest);
    if (match === null) return undefined;
    const unit = UNITS.get(match[3] ?? '') ?? 0n;
    const fraction = match[2] ?? '';
    total += BigInt(match[1] ?? '0') * unit + (BigInt(fraction.padEnd(9, '0')) * unit) / SECOND;
    rest = rest.slice(match[0].length);
  }
  return total;
}

/** Slurm's `[days-]hours:minutes:seconds`. */
function walltime(body: string): bigint | undefined {
  const match = /^(?:(\d{1,5})-)?(\d{1,5}):(\d{1,2}):(\d{1,2})$/.exec(body);
  if (match === null) return undefined;
  const [days, hours, minutes, seconds] = [1, 2, 3, 4].map((i) => BigInt(match[i] ?? '0'));
  if (days === undefined || hours === undefined || minutes === undefined || seconds === undefined) return undefined;
  return (((days * 24n + hours) * 60n + minutes) * 60n + seconds) * SECOND;
}

export function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
