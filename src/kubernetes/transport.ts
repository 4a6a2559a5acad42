import type { Clock } from '../base/clock.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Rate } from '../base/token-bucket.ts';
import type { Credentials } from './access.ts';
import { type ApiFailure, failureOfAnswer } from './api-failure.ts';
import type { Call, Chunks, Requests, Verb } from './call.ts';
import type { Cluster } from './cluster.ts';
import { Connections, type Lane, type WireRequest } from './connections.ts';
import { type Answer, Exchange } from './exchange.ts';
import { pause } from './pause.ts';
import { type Budget, RateLimits } from './rate-limit.ts';

/**
 * Asked before every write, in the same turn in which its bytes leave, so that who is not the leader any more writes
 * nothing. Renewing the lease itself does not ask.
 */
export interface WriteGate {
  /** Undefined: yes. */
  mayWrite(): ApiFailure | undefined;
  /** An answer that takes longer than this is not waited for. */
  writeTimeoutMs(): number;
}

export interface TransportOptions {
  readonly cluster: Cluster;
  /** `fixpoint/VERSION`; the part before the slash is the name of our fields in `managedFields`. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly gate?: WriteGate;
  readonly rates?: Partial<Readonly<Record<Budget, Rate>>>;
}

/** An API server gives up by itself after a minute. */
const DEADLINE_MS = 30_000;
/** A request that surely was not carried out is sent at most so often, within its deadline. */
const MAX_TRIES = 4;
/** Between two tries where the server says nothing of it; doubled each time. */
const FIRST_PAUSE_MS = 50;

const METHODS: Readonly<Record<Verb, WireRequest['method']>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  log: 'GET',
  create: 'POST',
  replace: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
};

/**
 * Carries calls to the API server of a cluster. In this order: the rate limit of the verb, credentials, a connection, and
 * last, before the bytes leave, the gate.
 *
 * What is repeated: everything once with new credentials after 401; and, up to `MAX_TRIES` within the deadline, what was
 * refused by 429 or never sent, and reads that went unanswered. A write whose outcome is unknown is never repeated here.
 */
export class Transport implements Requests {
  readonly #options: TransportOptions;
  readonly #limits: RateLimits;
  readonly #counts = new Map<string, number>();
  #connections: { readonly tls: Credentials['tls']; readonly to: Connections } | undefined;
  readonly #retired = new Set<Connections>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#limits = new RateLimits(options.clock, options.rates);
  }

  /** Calls for the lease itself: a connection of their own, no rate limit, no gate, no repetition. */
  readonly forLease: Requests = {
    json: async <T>(call: Call) => await this.#json<T>('lease', call),
    stream: async (call) => await this.#stream('lease', call),
  };

  async json<T>(call: Call): Promise<Result<T, ApiFailure>> {
    return await this.#json('requests', call);
  }

  /** Whoever is given a stream must read it to its end, leave it, or abort the signal: it holds a connection. */
  async stream(call: Call): Promise<Result<Chunks, ApiFailure>> {
    return await this.#stream('streams', call);
  }

  /** Requests that were sent, by verb and class of the answer: `create 2xx`; `none` for those without an answer. */
  requests(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Ends everything that is under way, as if the connections had failed. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#retired, ...(this.#connections === undefined ? [] : [this.#connections.to])];
    this.#connections = undefined;
    await Promise.all(all.map((connections) => connections.destroy()));
  }

  async #json<T>(lane: Lane, call: Call): Promise<Result<T, ApiFailure>> {
    const answer = await this.#carried(lane, call);
    if (!answer.ok) return answer;
    try {
      return ok(JSON.parse(answer.value.text) as T);
    } catch {
      // It was carried out, and what became of it is not known.
      const kind = writes(call.verb) ? 'UnknownOutcome' : 'Unavailable';
      return fail({ kind, message: `the answer is no JSON: ${answer.value.text.slice(0, 200)}` });
    }
  }

  async #stream(lane: Lane, call: Call): Promise<Result<Chunks, ApiFailure>> {
    const answer = await this.#carried(lane, call);
    if (!answer.ok) return answer;
    const { stream } = answer.value;
    return stream === undefined ? fail({ kind: 'Unavailable', message: 'the answer is no stream' }) : ok(stream);
  }

  /** A success, or why there is none. */
  async #carried(lane: Lane, call: Call): Promise<Result<Answer, ApiFailure>> {
    const { clock } = this.#options;
    const endAt = clock.monotonic() + (call.deadlineMs ?? DEADLINE_MS);
    for (let tries = 1; ; tries++) {
      const answer = await this.#tried(lane, call, endAt, tries === 1);
      if (answer.ok) return answer;
      const waitMs = pauseBefore(lane, call.verb, answer.error, tries);
      if (waitMs === undefined || this.#givenUp(call) || clock.monotonic() + waitMs >= endAt) return answer;
      await pause(clock, waitMs, call.signal);
    }
  }

  async #tried(lane: Lane, call: Call, endAt: number, first: boolean): Promise<Result<Answer, ApiFailure>> {
    const { cluster, clock } = this.#options;
    const left = (): number => endAt - clock.monotonic();
    const roomMs = lane === 'lease' ? 0 : this.#limits.take(call.verb, left());
    if (roomMs === undefined) return fail({ kind: 'Throttled', message: `too many requests of ours: ${call.verb}` });
    if (roomMs > 0) await pause(clock, roomMs, call.signal);
    const credentials = await cluster.credentials();
    if (!credentials.ok) return credentials;
    const answer = await this.#exchanged(lane, call, credentials.value, left());
    if (!answer.ok) return answer;
    const { status, text, retryAfter } = answer.value;
    if (status < 300) return answer;
    const failure = failureOfAnswer(status, text, writes(call.verb), retryAfter);
    if (failure.kind !== 'Unauthorized' || !first) return fail(failure);
    cluster.forget(credentials.value);
    return await this.#tried(lane, call, endAt, false);
  }

  async #exchanged(
    lane: Lane,
    call: Call,
    credentials: Credentials,
    deadlineMs: number,
  ): Promise<Result<Answer, ApiFailure>> {
    const { clock, userAgent, cluster } = this.#options;
    if (this.#givenUp(call) || deadlineMs <= 0)
      return fail({ kind: 'Unavailable', message: 'given up before it was sent' });
    const exchange = new Exchange({
      clock,
      deadlineMs,
      signal: call.signal,
      writes: writes(call.verb),
      streams: lane === 'streams',
      gate: () => this.#gate(lane, call.verb),
    });
    const query = call.query?.toString() ?? '';
    const base = new URL(cluster.server).pathname.replace(/\/$/, '');
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      ...credentials.headers,
      'user-agent': userAgent,
      accept: lane === 'streams' ? '*/*' : 'application/json',
      ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
    };
    const path = `${base}${call.path}${query === '' ? '' : `?${query}`}`;
    this.#to(credentials).send(lane, { method: METHODS[call.verb], path, headers, body }, exchange);
    const answer = await exchange.answer;
    if (exchange.sent) this.#count(call.verb, answer.ok ? `${Math.trunc(answer.value.status / 100)}xx` : 'none');
    if (answer.ok || answer.error.kind === 'NotLeader') return answer;
    return fail({ ...answer.error, message: `${cluster.server}: ${answer.error.message}` });
  }

  #gate(lane: Lane, verb: Verb): Result<number, ApiFailure> {
    const { gate } = this.#options;
    if (gate === undefined || lane === 'lease' || !writes(verb)) return ok(Number.POSITIVE_INFINITY);
    const shut = gate.mayWrite();
    return shut === undefined ? ok(gate.writeTimeoutMs()) : fail(shut);
  }

  #to({ tls }: Credentials): Connections {
    if (this.#connections?.tls === tls) return this.#connections.to;
    const before = this.#connections?.to;
    const to = new Connections(this.#options.cluster.server, tls);
    this.#connections = { tls, to };
    if (before !== undefined) {
      // With rotated certificates new requests take new connections; what is under way ends on the old ones.
      this.#retired.add(before);
      void before.retire().finally(() => this.#retired.delete(before));
    }
    return to;
  }

  #givenUp(call: Call): boolean {
    return this.#closed || call.signal?.aborted === true;
  }

  #count(verb: Verb, outcome: string): void {
    const name = `${verb} ${outcome}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}

function writes(verb: Verb): boolean {
  return METHODS[verb] !== 'GET';
}

/** How long to wait before the call is sent again; undefined: it is not. */
function pauseBefore(lane: Lane, verb: Verb, failure: ApiFailure, tries: number): number | undefined {
  if (lane !== 'requests' || tries >= MAX_TRIES) return undefined;
  const refused = failure.kind === 'Throttled' && failure.status !== undefined;
  // A write is `Unavailable` only if nothing of it was sent.
  const unheard = failure.kind === 'Unavailable' && (failure.status === undefined || !writes(verb));
  return refused || unheard ? (failure.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (tries - 1)) : undefined;
}
