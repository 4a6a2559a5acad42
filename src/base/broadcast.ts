/** Hands every value to every reader that listens; each reader has a queue of its own and may be slow. */
export class Broadcast<T> {
  readonly #readers = new Set<(value: T) => void>();

  send(value: T): void {
    for (const reader of this.#readers) reader(value);
  }

  /** Values sent from this call on (not from the first `next`), until the signal aborts. */
  listen(signal: AbortSignal): AsyncIterableIterator<T> {
    const queue: T[] = [];
    let wake: (() => void) | undefined;
    const reader = (value: T): void => {
      queue.push(value);
      wake?.();
    };
    const stop = (): void => {
      this.#readers.delete(reader);
      wake?.();
    };
    if (!signal.aborted) {
      this.#readers.add(reader);
      signal.addEventListener('abort', stop, { once: true });
    }
    const next = async (): Promise<IteratorResult<T>> => {
      for (;;) {
        if (signal.aborted) return { done: true, value: undefined };
        const value = queue.shift();
        if (value !== undefined) return { done: false, value };
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    return {
      next,
      return: async () => {
        stop();
        signal.removeEventListener('abort', stop);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
