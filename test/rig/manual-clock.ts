import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands still until it is moved. Timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  #now: number;
  #made = 0;
  readonly #start: number;
  #timers: Timer[] = [];

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
    this.#start = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, Math.ceil(delayMs)), order: this.#made++, run };
    this.#timers.push(timer);
    let at = this.#timers.length - 1;
    // Kept sorted, soonest last; there are few timers and most of them are late.
    for (; at > 0 && firesBefore(this.#timers[at - 1] as Timer, timer); at--)
      this.#timers[at] = this.#timers[at - 1] as Timer;
    this.#timers[at] = timer;
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  /** When the next timer fires. */
  nextAt(): number | undefined {
    return this.#timers.at(-1)?.at;
  }

  /** Goes to the next timer and fires it; false: there is none. */
  step(): boolean {
    const timer = this.#timers.pop();
    if (!timer) return false;
    this.#now = Math.max(this.#now, timer.at);
    timer.run();
    return true;
  }
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function firesBefore(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
