import type { Writable } from 'node:stream';

/** No more than this waits for the end of a turn. */
const MAX_GATHERED = 65_536;

/**
 * Writes to a stream what comes within one turn of the event loop as one text: a stream that is corked still handles every
 * chunk by itself, and where it is a file it makes a system call for each.
 */
export class GatheredText {
  readonly #stream: Writable;
  #text = '';

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(text: string): void {
    if (this.#text === '') process.nextTick(() => this.flush());
    this.#text += text;
    if (this.#text.length > MAX_GATHERED) this.flush();
  }

  flush(): void {
    if (this.#text !== '') this.#stream.write(this.#text);
    this.#text = '';
  }
}
