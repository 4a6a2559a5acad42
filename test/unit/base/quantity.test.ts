import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatCores, parseQuantity } from '../../../src/base/quantity.ts';

test.each([
  ['500m', 0.5],
  ['100m', 0.1],
  ['2', 2],
  ['0.5', 0.5],
  ['.5', 0.5],
  ['1.', 1],
  ['+3', 3],
  ['16Gi', 16 * 2 ** 30],
  ['1Ki', 1024],
  ['1k', 1000],
  ['1.5G', 1.5e9],
  ['1e3', 1000],
  ['1E3', 1000],
  ['1E', 1e18],
  ['1e-3', 0.001],
  ['250u', 0.00025],
  ['0', 0],
])('the quantity %s is %d', (text, value) => {
  expect(parseQuantity(text)).toEqual({ ok: true, value });
});

test.each([
  '',
  ' 1',
  '1 Gi',
  '-1',
  '1gi',
  '16GB',
  '1e',
  '1e999',
  '1e308E',
  'Gi',
  '--1',
  '1K',
  '0x10',
  '1_000',
  '\u0661',
])('%j is no quantity', (text) => {
  expect(parseQuantity(text).ok).toBe(false);
});

test('numbers are amounts, but not below 0 and not infinite', () => {
  expect(parseQuantity(3)).toEqual({ ok: true, value: 3 });
  expect(parseQuantity(-1).ok).toBe(false);
  expect(parseQuantity(Number.POSITIVE_INFINITY).ok).toBe(false);
});

test('a unit of everyday life is answered with the two that exist', () => {
  expect(parseQuantity('16GB')).toMatchObject({ error: expect.stringContaining('16Gi') });
});

test('formatting and parsing agree', () => {
  expect(formatCores(0.5)).toBe('500m');
  expect(formatCores(2)).toBe('2');
  expect(formatCores(0.1)).toBe('100m');
  expect(formatBytes(16 * 2 ** 30)).toBe('16Gi');
  expect(formatBytes(1000)).toBe('1000');
  expect(formatBytes(0)).toBe('0');
  fc.assert(
    fc.property(fc.nat(), (n) => {
      expect(parseQuantity(formatBytes(n))).toEqual({ ok: true, value: n });
      expect(parseQuantity(formatCores(n / 1000))).toEqual({ ok: true, value: n / 1000 });
    }),
  );
});
