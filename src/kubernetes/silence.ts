import type { Clock } from '../base/clock.ts';
import type { Chunks } from './call.ts';

/** Aborts `signal` when nothing was heard for `limitMs`, or when `stop` does. `end` must be called. */
export class Silence {
  readonly #abort = new AbortController();
  readonly #stop: AbortSignal;
  readonly #clock: Clock;
  readonly #limitMs: number;
  #heardAt: number;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock, limitMs: number, stop: AbortSignal) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#stop = stop;
    this.#heardAt = clock.monotonic();
    if (stop.aborted) this.#stopped();
    else stop.addEventListener('abort', this.#stopped);
    this.#wait(limitMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The chunks as they come; each of them breaks the silence. */
  async *listen(chunks: Chunks): Chunks {
    for await (const chunk of chunks) {
      this.#heardAt = this.#clock.monotonic();
      yield chunk;
    }
  }

  end(): void {
    this.#cancelTimer();
    this.#stop.removeEventListener('abort', this.#stopped);
    this.#abort.abort();
  }

  readonly #stopped = (): void => this.#abort.abort();

  /** One timer that is set anew when it fires too early, not one for each chunk. */
  #wait(ms: number): void {
    this.#cancelTimer = this.#clock.after(ms, () => {
      const left = this.#heardAt + this.#limitMs - this.#clock.monotonic();
      if (left > 0) this.#wait(left);
      else this.#abort.abort(new Error(`nothing was heard for ${this.#limitMs / 1000} s`));
    });
  }
}
