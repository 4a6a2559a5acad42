import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { MAX_DOCUMENT_BYTES, STALLED_READER_TIMEOUT_MS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Home } from '../controllers/home.ts';
import { badRequest, failure, type Status } from './status.ts';
import type { DecodeDocument } from './workflow-document.ts';

interface Services {
  readonly home: Home;
  readonly clock: Clock;
  readonly decode: DecodeDocument;
  readonly version: string;
  readonly isReady?: () => boolean;
}

/**
 * One request and its answer. `signal` aborts when the caller goes away, stops reading for too long, or the
 * server closes; whatever waits for it ends then.
 */
export class RequestContext {
  readonly services: Services;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();
  readonly #stopListening: () => void;

  constructor(services: Services, closing: AbortSignal, request: IncomingMessage, response: ServerResponse) {
    this.services = services;
    this.#request = request;
    this.#response = response;
    const url = request.url ?? '/';
    const question = url.indexOf('?');
    this.query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
    this.signal = this.#gone.signal;
    const abort = (): void => this.#gone.abort();
    if (closing.aborted) abort();
    closing.addEventListener('abort', abort, { once: true });
    response.on('close', abort);
    response.on('error', abort);
    request.on('error', abort);
    this.#stopListening = () => closing.removeEventListener('abort', abort);
  }

  get home(): Home {
    return this.services.home;
  }

  dispose(): void {
    this.#stopListening();
    this.#gone.abort();
  }

  flag(name: string): boolean {
    const value = this.query.get(name);
    return value === 'true' || value === '1';
  }

  /** A whole number ≥ 0 from the query, absent, or a `Status`. */
  count(name: string): Result<number | undefined, Status> {
    const text = this.query.get(name);
    if (text === null || text === '') return ok(undefined);
    if (!/^\d{1,9}$/.test(text)) return fail(badRequest(`${name}: ${JSON.stringify(text)} is no whole number`));
    return ok(Number(text));
  }

  contentType(): string {
    return (this.#request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  accepts(type: string): boolean {
    return (this.#request.headers.accept ?? '').includes(type);
  }

  async bodyText(): Promise<Result<string, Status>> {
    const tooLarge = failure('RequestEntityTooLarge', `a request's body may have ${MAX_DOCUMENT_BYTES} bytes`);
    if (Number(this.#request.headers['content-length'] ?? 0) > MAX_DOCUMENT_BYTES) return this.#refuseBody(tooLarge);
    const chunks: Buffer[] = [];
    let length = 0;
    // Left early, the iterator would destroy the connection before the answer is sent.
    for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
      length += (chunk as Buffer).length;
      if (length > MAX_DOCUMENT_BYTES) return this.#refuseBody(tooLarge);
      chunks.push(chunk as Buffer);
    }
    return ok(Buffer.concat(chunks).toString('utf8'));
  }

  async bodyJson(): Promise<Result<unknown, Status>> {
    const text = await this.bodyText();
    if (!text.ok) return text;
    try {
      return ok(JSON.parse(text.value) as unknown);
    } catch (error) {
      return fail(badRequest(`the body is not JSON: ${(error as Error).message}`));
    }
  }

  async sendStatus(status: Status): Promise<void> {
    if (this.#response.headersSent) return void this.#response.destroy();
    await this.sendJson(status, status.code);
  }

  async sendJson(value: unknown, code = 200): Promise<void> {
    const text = JSON.stringify(value);
    this.#response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    this.#response.end(text);
  }

  async sendText(text: string, code = 200): Promise<void> {
    this.#response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
    this.#response.end(text);
  }

  startStream(contentType: string): void {
    this.#response.writeHead(200, { 'content-type': contentType });
    // A watcher must learn at once that it watches, even if nothing happens for hours.
    this.#response.flushHeaders();
  }

  /** Resolves when the caller's end has room again; a caller that takes nothing for too long is cut off. */
  async write(text: string): Promise<void> {
    if (this.signal.aborted || this.#response.write(text)) return;
    await new Promise<void>((resolve) => {
      const stalled = this.services.clock.after(STALLED_READER_TIMEOUT_MS, () => this.#response.destroy());
      const done = (): void => {
        stalled();
        this.#response.off('drain', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#response.once('drain', done);
      this.signal.addEventListener('abort', done, { once: true });
    });
  }

  endStream(): void {
    this.#response.end();
  }

  #refuseBody(status: Status): Result<string, Status> {
    // What is still on its way is not read: the connection ends with the answer.
    this.#response.setHeader('connection', 'close');
    return fail(status);
  }
}
