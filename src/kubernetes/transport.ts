import { fail, type Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';

export type Verb = 'get' | 'list' | 'watch' | 'log' | 'create' | 'replace' | 'patch' | 'delete';

export interface Call {
  readonly verb: Verb;
  /** Path parts are encoded already. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A body as it comes. A failure is the last element; leaving early closes the connection. */
export type Chunks = AsyncIterable<Result<Buffer, ApiFailure>>;

export class Transport {
  async json<T>(_call: Call): Promise<Result<T, ApiFailure>> {
    return fail({ kind: 'Unavailable', message: 'not there yet' });
  }

  async stream(_call: Call): Promise<Result<Chunks, ApiFailure>> {
    return fail({ kind: 'Unavailable', message: 'not there yet' });
  }
}
