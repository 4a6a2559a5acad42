/**
 * Runs one piece of work per key, at most `limit` at a time, never two for the same key. A key that is added while
 * its work runs is done once more afterwards, because what the run saw may be old.
 */
export class WorkQueue {
  readonly #limit: number;
  readonly #run: (key: string) => Promise<void>;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  #closed = false;

  /** `run` must not reject. */
  constructor(limit: number, run: (key: string) => Promise<void>) {
    this.#limit = limit;
    this.#run = run;
  }

  get busy(): boolean {
    return this.#running.size > 0;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#waiting.add(key);
    this.#fill();
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running.values());
  }

  /** Forgets what waits, and resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    await this.idle();
  }

  #fill(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#limit) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.set(key, this.#work(key));
    }
  }

  async #work(key: string): Promise<void> {
    // It is on the list of what runs before it starts, so that adding its own key cannot start it twice.
    await Promise.resolve();
    try {
      await this.#run(key);
    } finally {
      this.#running.delete(key);
      this.#fill();
    }
  }
}
