import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatWalltime, parseDuration, parseWalltime } from '../../../src/base/duration.ts';

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1m500ms', 60_500],
  ['1.5h', 5_400_000],
  ['0s', 0],
  ['1d2h3m4s5ms', 93_784_005],
])('the duration %s is %d ms', (text, value) => {
  expect(parseDuration(text)).toEqual({ ok: true, value });
});

test.each(['', '90', '1', 's', '30m1h', '1h1h', '-1s', '1 h', '1w', '1e3s', '12:30:00', '99999999999999d', '.5h'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text).ok).toBe(false);
  },
);

test('a number without a unit is answered with the units', () => {
  expect(parseDuration('90')).toMatchObject({ error: expect.stringContaining('90s') });
});

test.each([
  ['12:30:00', 45_000_000],
  ['1-12:30:00', 131_400_000],
  ['100:00:00', 360_000_000],
  ['0:00:01', 1000],
  ['4h', 14_400_000],
])('the walltime %s is %d ms', (text, value) => {
  expect(parseWalltime(text)).toEqual({ ok: true, value });
});

test.each(['12:30', '1-24:00:00', '12:60:00', '1-1', '1:1:1', '12:30:00:00', ''])('%j is no walltime', (text) => {
  expect(parseWalltime(text).ok).toBe(false);
});

test('formatting and parsing agree', () => {
  expect(formatDuration(5_400_000)).toBe('1h30m');
  expect(formatDuration(500)).toBe('500ms');
  expect(formatDuration(0)).toBe('0s');
  expect(formatWalltime(131_400_000)).toBe('1-12:30:00');
  expect(formatWalltime(45_000_000)).toBe('12:30:00');
  expect(formatWalltime(1)).toBe('00:00:01');
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 41 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      expect(parseWalltime(formatWalltime(ms))).toEqual({ ok: true, value: Math.ceil(ms / 1000) * 1000 });
    }),
  );
});
