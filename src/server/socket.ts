import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { failPoint } from '../base/fail-point.ts';
import { CONNECT_TIMEOUT_MS, MAX_SOCKET_PATH_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';

export interface SocketError {
  readonly reason: 'PathTooLong' | 'InUse' | 'Unsafe' | 'Unusable';
  readonly message: string;
}

/**
 * Makes a path free for listening: its folder exists and is ours alone, and a socket that a dead server left
 * is removed. One that somebody answers on is left alone.
 */
export async function claimSocketPath(path: string): Promise<Result<void, SocketError>> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    return fail({
      reason: 'PathTooLong',
      message: `the socket's path has ${bytes} bytes, ${MAX_SOCKET_PATH_BYTES} are possible: ${path}. Set XDG_RUNTIME_DIR to a shorter folder.`,
    });
  }
  const folder = await privateFolder(dirname(path));
  if (!folder.ok) return folder;
  try {
    const found = await lstat(path);
    if (!found.isSocket()) return fail({ reason: 'Unsafe', message: `${path} exists and is no socket` });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ok(undefined);
    return fail({ reason: 'Unusable', message: `${path}: ${(error as Error).message}` });
  }
  if ((await probeSocket(path)) !== 'dead') {
    return fail({ reason: 'InUse', message: `another server answers on ${path}` });
  }
  failPoint('socket.stale');
  await unlink(path).catch(() => undefined);
  failPoint('socket.after');
  return ok(undefined);
}

/** The folder is made 0700; one that exists must belong to this user and let nobody else write. */
async function privateFolder(folder: string): Promise<Result<void, SocketError>> {
  try {
    failPoint('socket.before');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await lstat(folder);
    const uid = process.getuid?.() ?? found.uid;
    if (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0) return ok(undefined);
    return fail({ reason: 'Unsafe', message: `${folder} must be a folder of this user that nobody else can write to` });
  } catch (error) {
    return fail({ reason: 'Unusable', message: `${folder}: ${(error as Error).message}` });
  }
}

/** Whether somebody accepts connections there. `silent`: bound, but no answer in time; it may live. */
export function probeSocket(path: string): Promise<'alive' | 'dead' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (verdict: 'alive' | 'dead' | 'silent'): void => {
      socket.destroy();
      resolve(verdict);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish('silent'));
    socket.once('connect', () => finish('alive'));
    socket.once('error', (error) => {
      const code = codeOf(error);
      finish(code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTSOCK' ? 'dead' : 'silent');
    });
  });
}

/** Listens with mode 0600. The folder is 0700 already, so the moment before the change opens nothing. */
export async function listenOnSocket(server: Server, path: string): Promise<Result<void, SocketError>> {
  try {
    failPoint('listen.before');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    failPoint('listen.within');
    await chmod(path, 0o600);
    failPoint('listen.after');
    return ok(undefined);
  } catch (error) {
    const inUse = codeOf(error) === 'EADDRINUSE';
    server.close();
    return fail({ reason: inUse ? 'InUse' : 'Unusable', message: `${path}: ${(error as Error).message}` });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
