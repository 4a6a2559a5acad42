import type { Clock } from '../../src/base/clock.ts';

/** The machine's clock, so many times as fast: for what waits minutes between effects on real files. */
export function fastClock(factor: number): Clock {
  const began = performance.now();
  const wall = Date.now();
  const passed = (): number => (performance.now() - began) * factor;
  return {
    now: () => wall + passed(),
    monotonic: passed,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
