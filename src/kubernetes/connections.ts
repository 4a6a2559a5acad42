import { Pool } from 'undici';
import { MAX_API_CONNECTIONS, MAX_STREAM_CONNECTIONS } from '../base/limits.ts';

/** What TLS needs. PEM texts; nothing of it for a server without TLS. */
export interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name in the server's certificate, when it is not the host of the address. */
  readonly serverName?: string;
  readonly insecure?: boolean;
}

/**
 * Connections are kept in lanes of their own: a watch never takes the place of a request, and the renewal of a lease
 * never waits for anything.
 */
export type Lane = 'requests' | 'streams' | 'lease';

const LANES: Readonly<Record<Lane, number>> = {
  requests: MAX_API_CONNECTIONS,
  streams: MAX_STREAM_CONNECTIONS,
  lease: 1,
};

/** Under the 90 s after which an API server drops a quiet connection, so that no request meets its closing. */
const KEEP_ALIVE_MS = 45_000;
const CONNECT_MS = 10_000;

export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** One connection while a request has it. */
export interface Wire {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Who wants to hear of one request. After `onResponseEnd` or `onResponseError` nothing more is called. */
export interface Receiver {
  /** A connection is free, and the next thing is that the request is written to it. Throwing prevents it. */
  onRequestStart(wire: Wire): void;
  onResponseStart(wire: Wire, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onResponseData(wire: Wire, chunk: Buffer): void;
  onResponseEnd(wire: Wire): void;
  onResponseError(wire: Wire | null, error: Error): void;
}

/** Kept connections to one server with one set of credentials. */
export class Connections {
  readonly #pools: Readonly<Record<Lane, Pool>>;

  constructor(server: string, tls: Tls) {
    const { origin } = new URL(server);
    const pool = (lane: Lane): Pool =>
      new Pool(origin, {
        connections: LANES[lane],
        pipelining: 1,
        keepAliveTimeout: KEEP_ALIVE_MS,
        // Deadlines are the transport's: these would cut off a quiet watch.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: CONNECT_MS,
          keepAlive: true,
          rejectUnauthorized: tls.insecure !== true,
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          ...(tls.cert === undefined ? {} : { cert: tls.cert }),
          ...(tls.key === undefined ? {} : { key: tls.key }),
          ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
        },
      });
    this.#pools = { requests: pool('requests'), streams: pool('streams'), lease: pool('lease') };
  }

  send(lane: Lane, request: WireRequest, receiver: Receiver): void {
    const { method, path, headers, body } = request;
    this.#pools[lane].dispatch({ method, path, headers, body: body ?? null }, receiver);
  }

  /** Lets requests and streams that are under way end by themselves. */
  async retire(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map((pool) => pool.close()));
  }

  async destroy(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map((pool) => pool.destroy()));
  }
}
