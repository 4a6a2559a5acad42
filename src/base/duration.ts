import { fail, ok, type Result } from './result.ts';

const UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
// Each unit at most once, from large to small: 1h30m, never 30m1h.
const DURATION =
  /^(?=\d)(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/;
const CLOCK = /^(?:(\d{1,5})-)?(\d{1,5}):([0-5]\d):([0-5]\d)$/;
/** Longer than any machine lives; keeps sums of durations exact. */
const MAX_DURATION_MS = 100 * 366 * 86_400_000;

/** `90s 30m 12h 7d 1h30m 500ms` in milliseconds. The error says what is wrong with the text. */
export function parseDuration(text: string): Result<number, string> {
  const match = text.length <= 64 ? DURATION.exec(text) : null;
  if (match === null) {
    if (/^\d+(\.\d+)?$/.test(text)) return fail(`has no unit: write ${text}s, ${text}m or ${text}h`);
    return fail('is no duration: write 90s, 30m, 12h, 7d, 1h30m or 500ms');
  }
  let total = 0;
  UNITS.forEach(([, milliseconds], index) => {
    const amount = match[index + 1];
    if (amount !== undefined) total += Number(amount) * milliseconds;
  });
  return total <= MAX_DURATION_MS ? ok(Math.round(total)) : fail('is longer than a hundred years');
}

/** A duration, or the clock forms of batch systems: `12:30:00` (hours first) and `1-12:30:00` (days first). */
export function parseWalltime(text: string): Result<number, string> {
  const match = CLOCK.exec(text);
  if (match === null) {
    if (/^\d+:\d+$/.test(text)) return fail('is hours and minutes or minutes and seconds: write all three, 01:30:00');
    const plain = parseDuration(text);
    return plain.ok || !text.includes(':') ? plain : fail('is no walltime: write 12h, 12:30:00 or 1-12:30:00');
  }
  const [, days, hours = '0', minutes = '0', seconds = '0'] = match;
  if (days !== undefined && Number(hours) > 23) return fail('has more than 23 hours beside its days');
  return ok((((Number(days ?? '0') * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
}

/** Milliseconds as the shortest duration text: `1h30m`, `500ms`, `0s`. Parts of a millisecond are rounded. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds));
  let out = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * size;
  }
  return out === '' ? '0s' : out;
}

/** The clock form that batch systems take, `1-12:30:00`; parts of a second are rounded up. */
export function formatWalltime(milliseconds: number): string {
  const total = Math.max(0, Math.ceil(milliseconds / 1000));
  const days = Math.floor(total / 86_400);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(Math.floor(total / 3600) % 24)}:${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`;
  return days > 0 ? `${days}-${clock}` : clock;
}
