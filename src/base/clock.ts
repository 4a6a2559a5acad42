/**
 * Time as a port, so that simulation owns it. Nothing outside `base` and the composition roots reads the
 * system's clock or sets a timer.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; only for showing and recording. */
  now(): number;
  /** Milliseconds that never go back; for measuring how long. */
  monotonic(): number;
  /** Calls `run` once after at least `delayMs`. The returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}

/** The machine's clock. A timer keeps the process alive until it has run or was cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
