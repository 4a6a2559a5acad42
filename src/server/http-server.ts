/**
 * `src/server` publishes a `Home` over HTTP on a unix socket, in Kubernetes-shaped paths, so that one client
 * serves both homes. It knows requests and answers only; what they mean is the home's. It may import `apis`
 * and `controllers` (for the port) and nothing of the CLI.
 *
 * The socket is the door and its file mode the lock: whoever can open it may do everything.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { failPoint } from '../base/fail-point.ts';
import {
  MAX_REQUEST_HEADER_BYTES,
  MAX_SERVER_CONNECTIONS,
  REQUEST_BODY_TIMEOUT_MS,
  REQUEST_HEAD_TIMEOUT_MS,
} from '../base/limits.ts';
import { ok, type Result } from '../base/result.ts';
import type { Home } from '../controllers/home.ts';
import { RequestContext } from './request-context.ts';
import { findRoute } from './routes.ts';
import { claimSocketPath, listenOnSocket, type SocketError } from './socket.ts';
import { badRequest, failure, internalError } from './status.ts';
import type { DecodeDocument } from './workflow-document.ts';

export interface ServerOptions {
  readonly home: Home;
  readonly socketPath: string;
  readonly clock: Clock;
  /** Text of a request's body → a document that the home may see. */
  readonly decode: DecodeDocument;
  readonly version: string;
  /** Bugs met while answering; the caller gets a 500 without details. */
  readonly onError?: (error: unknown) => void;
  /** Turns `/readyz` to 200; `/healthz` is 200 as soon as the server listens. */
  readonly isReady?: () => boolean;
}

export interface RunningServer {
  readonly socketPath: string;
  /** Ends streams, lets answers in flight finish, removes the socket. */
  close(): Promise<void>;
}

/** Listens, after making sure that nobody else answers on the path. */
export async function startServer(options: ServerOptions): Promise<Result<RunningServer, SocketError>> {
  const claimed = await claimSocketPath(options.socketPath);
  if (!claimed.ok) return claimed;
  const closing = new AbortController();
  const server = createServer({ maxHeaderSize: MAX_REQUEST_HEADER_BYTES }, (request, response) => {
    void answer(options, closing.signal, request, response);
  });
  server.maxConnections = MAX_SERVER_CONNECTIONS;
  server.headersTimeout = REQUEST_HEAD_TIMEOUT_MS;
  server.requestTimeout = REQUEST_BODY_TIMEOUT_MS;
  const listening = await listenOnSocket(server, options.socketPath);
  if (!listening.ok) return listening;
  return ok({ socketPath: options.socketPath, close: () => closeServer(server, closing) });
}

async function answer(
  options: ServerOptions,
  closing: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  failPoint('accept.before');
  const context = new RequestContext(options, closing, request, response);
  try {
    const found = findRoute(request.method ?? 'GET', request.url ?? '/');
    if (found.kind === 'invalid') await context.sendStatus(badRequest(found.message));
    else if (found.kind === 'unknown') {
      await context.sendStatus(failure('NotFound', 'the server could not find the requested resource'));
    } else if (found.kind === 'method') {
      response.setHeader('allow', found.allowed.join(', '));
      await context.sendStatus(failure('MethodNotAllowed', `this path answers ${found.allowed.join(', ')} only`));
    } else await found.handler(context, found.match);
  } catch (error) {
    // The caller going away is no error of ours.
    if (context.signal.aborted) return void response.destroy();
    options.onError?.(error);
    await context.sendStatus(internalError(error)).catch(() => response.destroy());
  } finally {
    context.dispose();
    // A stream that was left early must not look whole, nor keep a closing server waiting.
    if (!response.writableEnded) response.destroy();
    else if (closing.aborted) request.socket.end();
    failPoint('accept.after');
  }
}

function closeServer(server: Server, closing: AbortController): Promise<void> {
  return new Promise((resolve) => {
    // Closing a unix socket server removes its path.
    server.close(() => resolve());
    closing.abort();
    server.closeIdleConnections();
  });
}
