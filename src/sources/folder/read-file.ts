import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MAX_DOCUMENT_BYTES } from '../../base/limits.ts';
import { isAbsence, signatureOf } from './scan-folder.ts';

export type FileRead =
  | { readonly kind: 'Text'; readonly text: string; readonly digest: string; readonly signature: string }
  | { readonly kind: 'Absent' }
  | { readonly kind: 'Unreadable'; readonly message: string };

const CHUNK_BYTES = 256 * 1024;
const MIN_CHUNK_BYTES = 4 * 1024;

/**
 * The bytes of a file as they are now, at most one more than a document may have: so a growing file ends too, and a
 * long one is seen to be too long. Never waits for the writer of a pipe that has taken the file's name.
 */
export async function readWatchedFile(path: string): Promise<FileRead> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) return { kind: 'Unreadable', message: `${path} is not a file` };
    return { kind: 'Text', ...(await readAll(file, Number(stats.size))), signature: signatureOf(stats) };
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    return isAbsence(failure) ? { kind: 'Absent' } : { kind: 'Unreadable', message: failure.message };
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** Hashed in pieces, so that the event loop goes on in between. */
async function readAll(file: FileHandle, size: number): Promise<{ readonly text: string; readonly digest: string }> {
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  let length = 0;
  while (length <= MAX_DOCUMENT_BYTES) {
    // One more than expected, so that a file that did not grow takes one read and one that sees its end.
    const room = Math.max(MIN_CHUNK_BYTES, Math.min(CHUNK_BYTES, size - length + 1));
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(room), 0, room, null);
    if (bytesRead === 0) break;
    const part = buffer.subarray(0, bytesRead);
    hash.update(part);
    parts.push(part);
    length += bytesRead;
  }
  return { text: Buffer.concat(parts).toString('utf8'), digest: hash.digest('hex') };
}
