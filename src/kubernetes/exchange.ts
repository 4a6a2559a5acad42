import type { Clock } from '../base/clock.ts';
import { MAX_API_ANSWER_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';
import type { Receiver, Wire } from './connections.ts';
import { StreamBody } from './stream-body.ts';

/**
 * One request on the wire, and its answer.
 *
 * | state     | what happens                        | next      | of a write: | of a read:  |
 * |-----------|-------------------------------------|-----------|-------------|-------------|
 * | Waiting   | for a connection: refused, late     | Over      | Unavailable | Unavailable |
 * | Waiting   | a connection, and the gate is shut  | Over      | what it says| -           |
 * | Waiting   | a connection, and the gate is open  | Sent      |             |             |
 * | Sent      | cut off, late, abandoned            | Over      | UnknownOutcome | Unavailable |
 * | Sent      | the head of an answer               | Answering |             |             |
 * | Answering | a success is cut off, late          | Over      | UnknownOutcome | Unavailable |
 * | Answering | anything else is cut off, late      | Over      | by its status | by its status |
 * | Answering | the whole body; of a stream, the head | Over    | the answer  | the answer  |
 *
 * The gate is asked in the same turn in which the bytes leave: nothing that takes time is between the two.
 */
export interface ExchangeOptions {
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly writes: boolean;
  readonly streams: boolean;
  /** Asked last. A number: how long the answer may take from now on. */
  readonly gate: () => Result<number, ApiFailure>;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The whole body; of a stream that was agreed to, empty. */
  readonly text: string;
  readonly stream: StreamBody | undefined;
}

export class Exchange implements Receiver {
  readonly answer: Promise<Result<Answer, ApiFailure>>;
  readonly #options: ExchangeOptions;
  #settle: (answer: Result<Answer, ApiFailure>) => void = () => {};
  #state: 'Waiting' | 'Sent' | 'Answering' | 'Over' = 'Waiting';
  #wire: Wire | undefined;
  #cancelTimer: () => void;
  readonly #deadlineAt: number;
  #status = 0;
  #retryAfter: string | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #stream: StreamBody | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { clock, deadlineMs, signal } = options;
    this.answer = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#deadlineAt = clock.monotonic() + deadlineMs;
    this.#cancelTimer = clock.after(deadlineMs, this.#late);
    signal?.addEventListener('abort', this.#abandoned);
  }

  /** Whether bytes have left: the server may have seen it. */
  get sent(): boolean {
    return this.#wire !== undefined;
  }

  onRequestStart(wire: Wire): void {
    // While it waited for a connection, it was given up.
    if (this.#state !== 'Waiting') throw new Error('given up');
    const { gate, clock } = this.#options;
    const open = gate();
    if (!open.ok) {
      this.#over(open);
      throw new Error(open.error.message);
    }
    this.#state = 'Sent';
    this.#wire = wire;
    const leftMs = Math.min(this.#deadlineAt - clock.monotonic(), open.value);
    this.#cancelTimer();
    this.#cancelTimer = clock.after(Math.max(0, leftMs), this.#late);
  }

  onResponseStart(wire: Wire, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    // 1xx are not the answer yet.
    if (this.#state !== 'Sent' || status < 200) return;
    this.#state = 'Answering';
    this.#status = status;
    const retryAfter = headers['retry-after'];
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
    if (!this.#options.streams || status >= 300) return;
    this.#stream = new StreamBody(wire, () => this.#leave(wire));
    this.#cancelTimer();
    this.#settle(ok({ status, retryAfter: this.#retryAfter, text: '', stream: this.#stream }));
  }

  onResponseData(wire: Wire, chunk: Buffer): void {
    if (this.#state !== 'Answering') return;
    if (this.#stream !== undefined) {
      this.#stream.push(chunk);
      return;
    }
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes <= MAX_API_ANSWER_BYTES) return;
    const message = `the answer is longer than ${MAX_API_ANSWER_BYTES} bytes`;
    this.#over(fail({ kind: this.#options.writes ? 'UnknownOutcome' : 'TooLarge', message }));
    wire.abort(new Error(message));
  }

  onResponseEnd(): void {
    if (this.#state === 'Answering') this.#whole();
  }

  onResponseError(_wire: Wire | null, error: Error): void {
    if (this.#state !== 'Over') this.#broken(sentenceOf(error));
  }

  readonly #late = (): void => this.#broken('no answer in time');

  readonly #abandoned = (): void => {
    const reason: unknown = this.#options.signal?.reason;
    this.#broken(reason instanceof Error ? reason.message : 'given up');
  };

  #broken(message: string): void {
    const { writes } = this.#options;
    const wire = this.#wire;
    const unknown = writes && this.#state !== 'Waiting';
    if (this.#state === 'Answering' && this.#status >= 300) this.#whole();
    else this.#over(fail({ kind: unknown ? 'UnknownOutcome' : 'Unavailable', message }));
    wire?.abort(new Error(message));
  }

  #whole(): void {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#over(ok({ status: this.#status, retryAfter: this.#retryAfter, text, stream: undefined }));
  }

  #leave(wire: Wire): void {
    this.#over(fail({ kind: 'Unavailable', message: 'left' }));
    wire.abort(new Error('left'));
  }

  #over(answer: Result<Answer, ApiFailure>): void {
    if (this.#state === 'Over') return;
    this.#state = 'Over';
    this.#cancelTimer();
    this.#options.signal?.removeEventListener('abort', this.#abandoned);
    this.#stream?.end(answer.ok ? undefined : answer.error);
    this.#settle(answer);
  }
}

/** What a person can do something with: errors of the system come with their code, which often is all they say. */
function sentenceOf(error: Error & { readonly code?: unknown; readonly errors?: unknown }): string {
  const { code } = error;
  if (error.message !== '') return error.message;
  // A host with several addresses, none of which answers.
  const inner = Array.isArray(error.errors) ? (error.errors[0] as unknown) : undefined;
  if (inner instanceof Error) return inner.message;
  return typeof code === 'string' ? code : 'the connection failed';
}
