import type { Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';

export type Verb = 'get' | 'list' | 'watch' | 'log' | 'create' | 'replace' | 'patch' | 'delete';

export interface Call {
  readonly verb: Verb;
  /** Its parts are encoded already. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** From the call to the whole answer, pauses and repetitions included; of a stream, to its head. */
  readonly deadlineMs?: number;
  /** The caller does not care any more. */
  readonly signal?: AbortSignal;
}

/** A body as it comes. A failure is the last element; leaving early closes the connection. */
export type Chunks = AsyncIterable<Result<Buffer, ApiFailure>>;

/** Calls to one API server. */
export interface Requests {
  json<T>(call: Call): Promise<Result<T, ApiFailure>>;
  stream(call: Call): Promise<Result<Chunks, ApiFailure>>;
}
