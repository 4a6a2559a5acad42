import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OwnWrites } from '../../../src/kubernetes/own-writes.ts';
import { compareResourceVersions } from '../../../src/kubernetes/resource-version.ts';

test('versions are compared as decimals of any length', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 10n ** 40n }), (a, b) => {
      const order = a < b ? -1 : a > b ? 1 : 0;
      expect(Math.sign(compareResourceVersions(String(a), String(b)))).toBe(order);
    }),
  );
});

describe('what we wrote', () => {
  test('makes copies from before it old, until it is shown', () => {
    const own = new OwnWrites();
    own.wrote('ns/a', 'u1', '100');
    expect([own.isOld('ns/a', 'u1', '99'), own.isOld('ns/a', 'u1', '100'), own.isOld('ns/a', 'u1', '101')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(own.isOld('ns/b', 'u2', '99')).toBe(false);
    own.shown('ns/a', '99');
    expect(own.size).toBe(1);
    own.shown('ns/a', '100');
    expect(own.size).toBe(0);
  });

  test('counts by its newest version, whatever order the answers come in', () => {
    const own = new OwnWrites();
    own.wrote('ns/a', 'u1', '105');
    own.wrote('ns/a', 'u1', '99');
    expect(own.isOld('ns/a', 'u1', '104')).toBe(true);
  });

  test('tells an earlier object of the name from a later one', () => {
    const own = new OwnWrites();
    own.wrote('ns/a', 'u2', '100');
    expect(own.isOld('ns/a', 'u1', '99')).toBe(true);
    expect(own.isOld('ns/a', 'u3', '101')).toBe(false);
  });

  test('and ended stays ended, until its end is shown', () => {
    const own = new OwnWrites();
    own.wrote('ns/a', 'u1', '100');
    own.removed('ns/a', 'u1');
    expect(own.isOld('ns/a', 'u1', '999')).toBe(true);
    expect(own.isOld('ns/a', 'u2', '101')).toBe(false);
    own.shownGone('ns/a', 'u1');
    expect(own.size).toBe(0);
  });

  test('after a moment is not judged by it', () => {
    const own = new OwnWrites();
    own.wrote('ns/a', 'u1', '100');
    expect(own.isAfter('ns/a', '99')).toBe(true);
    expect(own.isAfter('ns/a', '100')).toBe(false);
    own.clear();
    expect(own.isAfter('ns/a', '99')).toBe(false);
  });
});
