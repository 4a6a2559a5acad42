import type { Diagnostic } from '../apis/diagnostic.ts';
import { formatPath } from '../apis/diagnostic-list.ts';
import type { HomeError } from '../controllers/home.ts';
import { LedgerUnavailable } from '../store/store.ts';

/** A Kubernetes `Status`: the one shape of every error, also inside streams. */
export interface Status {
  readonly apiVersion: 'v1';
  readonly kind: 'Status';
  readonly status: 'Failure' | 'Success';
  readonly message: string;
  readonly reason: StatusReason;
  readonly code: number;
  readonly details?: {
    readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
    /** Ours: the diagnostics in full, so that the CLI can point into the file. */
    readonly diagnostics?: readonly Diagnostic[];
  };
}

const CODES = {
  BadRequest: 400,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const;
export type StatusReason = keyof typeof CODES;

export function failure(reason: StatusReason, message: string): Status {
  return { apiVersion: 'v1', kind: 'Status', status: 'Failure', message, reason, code: CODES[reason] };
}

export function badRequest(message: string): Status {
  return failure('BadRequest', message);
}

/** Says nothing of the cause, which is in the daemon's log, unless it is one that passes. */
export function internalError(error: unknown): Status {
  if (error instanceof LedgerUnavailable) return failure('ServiceUnavailable', error.message);
  return failure('InternalError', 'an unexpected error; the log of the daemon has it');
}

export function statusOf(error: HomeError): Status {
  switch (error.reason) {
    case 'Invalid':
      return invalid(error.message, error.diagnostics);
    case 'Unavailable':
      return failure('ServiceUnavailable', error.message);
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
      return failure(error.reason, error.message);
  }
}

export function invalid(message: string, diagnostics: readonly Diagnostic[]): Status {
  const causes = diagnostics.map((d) => ({ reason: d.code, message: d.message, field: formatPath(d.path) }));
  return { ...failure('Invalid', message), details: { causes, diagnostics } };
}
