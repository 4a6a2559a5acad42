import type { Clock } from '../../base/clock.ts';
import { membersByFolder } from './processes.ts';

/** One pass over /proc costs some milliseconds, spread over many small reads. */
const SAMPLE_INTERVAL_MS = 2_000;

/**
 * Peak memory by sampling: the sum of resident sizes over all processes of an attempt, every two seconds. A lower
 * bound, and named so (`sampled`); an attempt shorter than the interval has none.
 */
export class MemorySampler {
  readonly #clock: Clock;
  readonly #folders = new Map<string, string>();
  readonly #peaks = new Map<string, number>();
  #stop: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(token: string, folder: string): void {
    this.#folders.set(token, folder);
    this.#schedule();
  }

  peakBytes(token: string): number | undefined {
    return this.#peaks.get(token);
  }

  forget(token: string): void {
    this.#folders.delete(token);
    this.#peaks.delete(token);
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
  }

  #schedule(): void {
    if (this.#stop || this.#closed || this.#folders.size === 0) return;
    this.#stop = this.#clock.after(SAMPLE_INTERVAL_MS, () => {
      void this.#sample().finally(() => {
        this.#stop = undefined;
        this.#schedule();
      });
    });
  }

  async #sample(): Promise<void> {
    const members = await membersByFolder();
    for (const [token, folder] of this.#folders) {
      const bytes = (members.get(folder) ?? []).reduce((sum, m) => sum + m.rssBytes, 0);
      if (bytes > (this.#peaks.get(token) ?? 0)) this.#peaks.set(token, bytes);
    }
  }
}
