import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ok } from '../../src/base/result.ts';
import type { Credentials } from '../../src/kubernetes/access.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';

export interface Received {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answers = (request: Received, response: ServerResponse) => void;

/**
 * An HTTP server on loopback that answers as a test says: for what a real API server does only when it is ill. What a
 * healthy one does is tested against a real one.
 */
export class FakeApiServer {
  readonly received: Received[] = [];
  /** Connections that were ever opened. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answers: Answers) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const url = new URL(request.url ?? '/', 'http://fake');
        const received: Received = {
          method: request.method ?? '',
          url: request.url ?? '',
          path: url.pathname,
          query: url.searchParams,
          headers: request.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        };
        this.received.push(received);
        answers(received, response);
      });
      request.on('error', () => {});
    });
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  static async start(answers: Answers): Promise<FakeApiServer> {
    const fake = new FakeApiServer(answers);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Credentials are `Bearer token-N`, with N one more each time that the last were refused. */
  cluster(): Cluster & { readonly forgotten: number } {
    let held: Credentials = { headers: { authorization: 'Bearer token-0' }, tls: {} };
    let forgotten = 0;
    return {
      server: `http://127.0.0.1:${this.port}`,
      context: 'fake',
      namespace: 'default',
      get forgotten() {
        return forgotten;
      },
      credentials: async () => ok(held),
      forget: (credentials) => {
        if (credentials !== held) return;
        forgotten++;
        held = { ...held, headers: { authorization: `Bearer token-${forgotten}` } };
      },
    };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A `Status` as the API server sends it. */
export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(
    response,
    code,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message: reason },
    headers,
  );
}
