import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/base/token-bucket.ts';
import { RateLimits } from '../../../src/kubernetes/rate-limit.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

const forwards = (clock: ManualClock, ms: number): void => {
  clock.after(ms, () => {});
  clock.step();
};

describe('a token bucket', () => {
  test('lets a burst go at once and the rest at its rate, in the order of coming', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, new ManualClock());
    const waits = Array.from({ length: 6 }, () => bucket.take(Number.POSITIVE_INFINITY));
    expect(waits).toEqual([0, 0, 0, 100, 200, 300]);
  });

  test('fills up again, and not over its burst', () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, clock);
    for (let i = 0; i < 3; i++) bucket.take(0);
    expect(bucket.take(0)).toBeUndefined();
    forwards(clock, 100);
    expect(bucket.take(0)).toBe(0);
    forwards(clock, 3_600_000);
    expect(Array.from({ length: 5 }, () => bucket.take(0))).toEqual([0, 0, 0, undefined, undefined]);
  });

  test('takes nothing from whoever has no time to wait', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, new ManualClock());
    bucket.take(0);
    expect(bucket.take(99)).toBeUndefined();
    expect(bucket.take(100)).toBe(100);
    expect(bucket.take(200)).toBe(200);
  });
});

test('no budget waits for another', () => {
  const one = { perSecond: 1, burst: 1 };
  const limits = new RateLimits(new ManualClock(), { create: one, update: one, delete: one, read: one });
  expect(['create', 'patch', 'delete', 'get'].map((verb) => limits.take(verb as 'get', 0))).toEqual([0, 0, 0, 0]);
  expect(['create', 'replace', 'delete', 'watch'].map((verb) => limits.take(verb as 'get', 0))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
