import type { LogChunk } from '../../controllers/home.ts';
import { harmless, oneLine } from './terminal-text.ts';

/**
 * Output of one task as it is; as soon as a second one speaks, a header says whose lines follow. For a
 * terminal control characters are made visible; a pipe gets the bytes that the task wrote.
 */
export class LogPrinter {
  readonly #terminal: boolean;
  readonly #labelled: boolean;
  #last: string | undefined;
  #atLineStart = true;

  /** `labelled`: also the first task gets its header, because several may come. */
  constructor(terminal: boolean, labelled = false) {
    this.#terminal = terminal;
    this.#labelled = labelled;
  }

  add(chunk: LogChunk): string {
    if (chunk.text === '') return '';
    const source = `${chunk.task} (attempt ${chunk.attempt})`;
    let out = '';
    const another = this.#last === undefined ? this.#labelled : this.#last !== source;
    if (another) out = `${this.#atLineStart ? '' : '\n'}==> ${oneLine(source)} <==\n`;
    this.#last = source;
    this.#atLineStart = chunk.text.endsWith('\n');
    return out + (this.#terminal ? harmless(chunk.text) : chunk.text);
  }

  /** Ends a last line that has no end, on terminals: the prompt should stand alone. */
  finish(): string {
    return this.#terminal && !this.#atLineStart ? '\n' : '';
  }
}
