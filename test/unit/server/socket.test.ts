import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MAX_SOCKET_PATH_BYTES } from '../../../src/base/limits.ts';
import { readHolder, removeHolder, socketPathFor, thisProcess, writeHolder } from '../../../src/server/holder.ts';
import { claimSocketPath, probeSocket } from '../../../src/server/socket.ts';
import { call, serve } from './serving.ts';

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fxs-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('only its user may open the socket', async () => {
  await using serving = await serve();
  expect((await stat(serving.socketPath)).mode & 0o777).toBe(0o600);
});

test('a socket that somebody answers on is left alone', async () => {
  await using serving = await serve();
  const claimed = await claimSocketPath(serving.socketPath);
  expect(claimed.ok ? undefined : claimed.error.reason).toBe('InUse');
  expect((await call(serving, 'GET', '/healthz')).code).toBe(200);
});

test('a socket that a dead server left is replaced', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'old.sock');
    const moved = join(folder, 'moved.sock');
    const { rename } = await import('node:fs/promises');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    // Closing removes the path it was bound to, so the file is kept under another name, as a crash leaves it.
    await rename(path, moved);
    await new Promise((resolve) => server.close(resolve));
    expect(await probeSocket(moved)).toBe('dead');
    expect((await claimSocketPath(moved)).ok).toBe(true);
    await expect(stat(moved)).rejects.toThrow(/ENOENT/);
  });
});

test('a file that is no socket is not removed', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'precious');
    await writeFile(path, 'x');
    const claimed = await claimSocketPath(path);
    expect(claimed.ok ? undefined : claimed.error.reason).toBe('Unsafe');
    expect((await stat(path)).size).toBe(1);
  });
});

test('a folder that others can write to is refused', async () => {
  await inFolder(async (folder) => {
    const { chmod } = await import('node:fs/promises');
    await chmod(folder, 0o777);
    const claimed = await claimSocketPath(join(folder, 's.sock'));
    expect(claimed.ok ? undefined : claimed.error.reason).toBe('Unsafe');
  });
});

test('a path that is too long says so instead of being cut', async () => {
  const path = `/${'x'.repeat(MAX_SOCKET_PATH_BYTES)}`;
  const claimed = await claimSocketPath(path);
  expect(claimed.ok ? undefined : claimed.error.reason).toBe('PathTooLong');
});

test('the socket of a state folder fits, however deep the folder lies', () => {
  const path = socketPathFor(`/${'deep/'.repeat(100)}`, '/run/user/1000');
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
  expect(path).not.toBe(socketPathFor('/other', '/run/user/1000'));
});

test('holder.json is whole or nothing, and only its writer removes it', async () => {
  await inFolder(async (folder) => {
    expect(await readHolder(folder)).toBeUndefined();
    const ours = thisProcess('/run/x.sock');
    await writeHolder(folder, ours);
    expect(await readHolder(folder)).toEqual(ours);
    await removeHolder(folder, { ...ours, pid: ours.pid + 1 });
    expect(await readHolder(folder)).toEqual(ours);
    await removeHolder(folder, ours);
    expect(await readHolder(folder)).toBeUndefined();
    await writeFile(join(folder, 'holder.json'), '{"host":"x","pid":');
    expect(await readHolder(folder)).toBeUndefined();
    await writeFile(join(folder, 'holder.json'), 'null');
    expect(await readHolder(folder)).toBeUndefined();
  });
});
