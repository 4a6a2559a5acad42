import { Agent, type IncomingMessage, request } from 'node:http';
import type { Diagnostic } from '../apis/diagnostic.ts';
import { MAX_STREAM_LINE_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { HomeError } from '../controllers/home.ts';
import { HomeFailure } from './exit-code.ts';

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** HTTP over a unix socket. Errors of the connection and of the server are `HomeError`s alike. */
export class Transport {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  close(): void {
    this.#agent.destroy();
  }

  async json<T>(call: Call): Promise<Result<T, HomeError>> {
    const response = await this.#open(call);
    if (!response.ok) return response;
    try {
      return ok(JSON.parse(await textOf(response.value)) as T);
    } catch (error) {
      return fail(this.#unavailable(error));
    }
  }

  /** A list as JSON lines: header, items, and a last line that says that it is whole. */
  async list<H, T>(call: Call): Promise<Result<{ readonly header: H; readonly items: T[] }, HomeError>> {
    const response = await this.#open({ ...call, accept: 'application/jsonl' });
    if (!response.ok) return response;
    const lines: unknown[] = [];
    try {
      for await (const line of linesOf(response.value)) lines.push(JSON.parse(line));
    } catch (error) {
      return fail(this.#unavailable(error));
    }
    const last = lines.pop() as { kind?: unknown } | undefined;
    if (last?.kind !== 'End' || lines.length === 0) return fail(this.#unavailable(new Error('the list was cut off')));
    return ok({ header: lines[0] as H, items: lines.slice(1) as T[] });
  }

  /** An open stream, once the server has agreed to it. Ends without a word when the signal aborts. */
  async *stream<T>(call: Call): AsyncIterable<T> {
    const response = await this.#open(call);
    if (!response.ok) {
      if (call.signal?.aborted === true) return;
      throw new HomeFailure(response.error);
    }
    try {
      for await (const line of linesOf(response.value)) yield JSON.parse(line) as T;
    } catch (error) {
      if (call.signal?.aborted === true) return;
      throw error instanceof HomeFailure ? error : new HomeFailure(this.#unavailable(error));
    } finally {
      response.value.destroy();
    }
  }

  async #open(call: Call): Promise<Result<IncomingMessage, HomeError>> {
    try {
      const response = await this.#send(call);
      if ((response.statusCode ?? 0) < 300) return ok(response);
      return fail(errorOf(response.statusCode ?? 0, await textOf(response)));
    } catch (error) {
      return fail(this.#unavailable(error));
    }
  }

  #send(call: Call): Promise<IncomingMessage> {
    const query = call.query?.toString() ?? '';
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const headers: Record<string, string | number> = { host: 'fixpoint', accept: call.accept ?? 'application/json' };
    if (body !== undefined) {
      headers['content-type'] = call.contentType ?? 'application/json';
      headers['content-length'] = body.length;
    }
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.#socketPath,
          agent: this.#agent,
          method: call.method ?? 'GET',
          path: query === '' ? call.path : `${call.path}?${query}`,
          headers,
          ...(call.signal === undefined ? {} : { signal: call.signal }),
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  #unavailable(error: unknown): HomeError {
    return { reason: 'Unavailable', message: `unix:${this.#socketPath}: ${(error as Error).message}` };
  }
}

interface ReceivedStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly diagnostics?: readonly Diagnostic[] };
}

export function errorOfStatus(status: ReceivedStatus, code: number): HomeError {
  const message = status.message ?? `the server answered ${code}`;
  switch (status.reason) {
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
      return { reason: status.reason, message };
    case 'Invalid':
    case 'BadRequest':
    case 'RequestEntityTooLarge':
      return { reason: 'Invalid', message, diagnostics: status.details?.diagnostics ?? [] };
    default:
      return { reason: 'Unavailable', message };
  }
}

function errorOf(code: number, text: string): HomeError {
  try {
    return errorOfStatus(JSON.parse(text) as ReceivedStatus, code);
  } catch {
    return { reason: 'Unavailable', message: `the server answered ${code}` };
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Splits at line ends. A line is put together once, however many chunks it came in. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncIterable<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > MAX_STREAM_LINE_BYTES) throw new Error('the server sent a line without an end');
  }
  if (length > 0) throw new Error('the stream ended in the middle of a line');
}
