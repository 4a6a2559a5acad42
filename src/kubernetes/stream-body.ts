import { MAX_UNREAD_STREAM_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';
import type { Wire } from './connections.ts';

type Chunk = Result<Buffer, ApiFailure>;

/** The body of an answer between the connection, which pushes, and its one reader, who may be slow. */
export class StreamBody implements AsyncIterable<Chunk>, AsyncIterator<Chunk> {
  readonly #wire: Wire;
  readonly #left: () => void;
  #unread: Chunk[] = [];
  #unreadBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** `left` is called when the reader leaves before the end. */
  constructor(wire: Wire, left: () => void) {
    this.#wire = wire;
    this.#left = left;
  }

  push(chunk: Buffer): void {
    this.#unread.push(ok(chunk));
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes > MAX_UNREAD_STREAM_BYTES) this.#wire.pause();
    this.#wake?.();
  }

  end(failure?: ApiFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    if (failure !== undefined) this.#unread.push(fail(failure));
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    for (;;) {
      const chunk = this.#unread.shift();
      if (chunk !== undefined) {
        const before = this.#unreadBytes;
        this.#unreadBytes -= chunk.ok ? chunk.value.length : 0;
        if (before > MAX_UNREAD_STREAM_BYTES && this.#unreadBytes <= MAX_UNREAD_STREAM_BYTES && !this.#ended)
          this.#wire.resume();
        return { done: false, value: chunk };
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Chunk>> {
    this.#unread = [];
    if (!this.#ended) {
      this.#ended = true;
      this.#left();
    }
    return { done: true, value: undefined };
  }
}
