import { mkdir, realpath } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Home } from '../controllers/home.ts';
import { decodeDocument } from './decode-document.ts';
import { removeHolder, socketPathFor, thisProcess, writeHolder } from './holder.ts';
import { startServer } from './http-server.ts';
import type { SocketError } from './socket.ts';

export interface ServeOptions {
  readonly home: Home;
  readonly stateDir: string;
  /** `XDG_RUNTIME_DIR`, if there is one. */
  readonly runtimeDir: string | undefined;
  readonly clock: Clock;
  readonly version: string;
  readonly onError?: (error: unknown) => void;
}

export interface ServedState {
  readonly socketPath: string;
  close(): Promise<void>;
}

/**
 * Serves a home that this process holds the lock of, and says so in `holder.json`. The file is written after the
 * socket answers and removed before it stops, so that whoever reads it is not sent to nobody.
 */
export async function serveState(options: ServeOptions): Promise<Result<ServedState, SocketError>> {
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const stateDir = await realpath(options.stateDir);
  const socketPath = socketPathFor(stateDir, options.runtimeDir);
  const server = await startServer({ ...options, socketPath, decode: decodeDocument });
  if (!server.ok) return server;
  const holder = thisProcess(socketPath);
  try {
    await writeHolder(stateDir, holder);
  } catch (error) {
    // A disk that is full or cannot be written to: nobody would find us.
    await server.value.close();
    return fail({ reason: 'Unusable', message: `${stateDir}: ${(error as Error).message}` });
  }
  return ok({
    socketPath,
    close: async () => {
      await removeHolder(stateDir, holder);
      await server.value.close();
    },
  });
}
