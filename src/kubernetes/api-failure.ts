/**
 * Why a call to the API server did not do what was asked. A closed list, because callers decide by it; the sentence of the
 * server is kept for people.
 *
 * Of a write, every kind but `UnknownOutcome` means that it was not carried out. After `UnknownOutcome` it may have been:
 * look before writing again. Reads are never `UnknownOutcome`: without an answer they are `Unavailable`.
 */
export type ApiFailureKind =
  /** 409: the object has changed, a precondition does not hold, or another field manager owns a field. */
  | 'Conflict'
  /** 409: an object of that name exists, perhaps one that is being deleted. */
  | 'AlreadyExists'
  | 'NotFound'
  /** 410, or `Expired`: a resourceVersion or a continue token is too old. */
  | 'Gone'
  /** 429, or our own rate limit had no room within the deadline. `retryAfterMs` says when, if anybody knows. */
  | 'Throttled'
  /** 413, or what etcd refuses for its size; or an answer that is longer than we read. */
  | 'TooLarge'
  /** 422 and every other answer that says that the request itself is wrong. */
  | 'Invalid'
  | 'Forbidden'
  | 'Unauthorized'
  /** 403: the namespace is terminating, nothing new is created in it. */
  | 'Terminating'
  /** 403: a quota is used up. */
  | 'Quota'
  /** Nothing was carried out: not connected, or nothing had been sent yet; or a read went without an answer. */
  | 'Unavailable'
  /** A write was sent, and timed out, was cut off, or was answered with 5xx. */
  | 'UnknownOutcome'
  /** The gate before the wire was closed: this process is not the leader. Nothing was sent. */
  | 'NotLeader';

export interface ApiFailure {
  readonly kind: ApiFailureKind;
  /** One sentence or more, the server's own where it has one. */
  readonly message: string;
  /** The HTTP status, when there was an answer. */
  readonly status?: number;
  /** `reason` of the server's Status, such as `AlreadyExists`. */
  readonly reason?: string;
  /** `details` of the server's Status. */
  readonly details?: StatusDetails;
  /** From `Retry-After`. */
  readonly retryAfterMs?: number;
}

export interface StatusDetails {
  readonly name?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** `Status` of meta/v1, as far as it is read. */
interface ReceivedStatus {
  readonly kind?: unknown;
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly details?: StatusDetails;
}

/** Of an answer that is no Status, as much as tells a proxy's page from a typing mistake. */
const MAX_QUOTED_CHARS = 200;
/** etcd and its client say it only in words, behind 413 or 500 depending on the version. */
const TOO_LARGE = /request is too large|trying to send message larger than max|request entity too large/i;

/** What an answer that is no success means. `writes`: the request would have changed something. */
export function failureOfAnswer(status: number, body: string, writes: boolean, retryAfter?: string): ApiFailure {
  const said = statusOf(body);
  const message =
    typeof said.message === 'string' && said.message !== ''
      ? said.message
      : `the server answered ${status}: ${body.slice(0, MAX_QUOTED_CHARS).trim()}`;
  const reason = typeof said.reason === 'string' ? said.reason : undefined;
  const retryAfterMs = waitOf(retryAfter, said.details?.retryAfterSeconds);
  return {
    kind: kindOf(status, reason, message, said.details, writes),
    message,
    status,
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(said.details === undefined ? {} : { details: said.details }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** What an ERROR event of a watch means; its object is a Status. */
export function failureOfStatus(status: unknown): ApiFailure {
  const code = (status as ReceivedStatus | null)?.code;
  return failureOfAnswer(typeof code === 'number' ? code : 500, JSON.stringify(status ?? {}), false);
}

function kindOf(
  status: number,
  reason: string | undefined,
  message: string,
  details: StatusDetails | undefined,
  writes: boolean,
): ApiFailureKind {
  if (status === 413 || (status >= 500 && TOO_LARGE.test(message))) return 'TooLarge';
  if (status >= 500) return writes ? 'UnknownOutcome' : 'Unavailable';
  switch (status) {
    case 401:
      return 'Unauthorized';
    case 403:
      if (details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')) return 'Terminating';
      return /exceeded quota: /.test(message) ? 'Quota' : 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 429:
      return 'Throttled';
    default:
      return reason === 'Expired' ? 'Gone' : 'Invalid';
  }
}

function statusOf(body: string): ReceivedStatus {
  try {
    const said = JSON.parse(body) as ReceivedStatus | null;
    return said !== null && typeof said === 'object' && said.kind === 'Status' ? said : {};
  } catch {
    return {};
  }
}

/** The API server sends whole seconds; dates, which HTTP allows too, come from nobody here. */
function waitOf(header: string | undefined, seconds: number | undefined): number | undefined {
  const given = header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : seconds;
  return given === undefined || !Number.isFinite(given) || given < 0 ? undefined : given * 1000;
}
