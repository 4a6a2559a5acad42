/** Runs so many at a time, and begins them in the order asked. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async run<T>(section: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await section();
    } finally {
      // The place goes to whoever waits longest; nobody who comes now can take it before.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
