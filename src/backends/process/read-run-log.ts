import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogFrom, LogPart } from '../backend.ts';
import { readLog } from '../read-log.ts';

/** A part of a log of the attempt that has this folder; empty where there is none. */
export async function readRunLog(
  directory: string | undefined,
  stream: 'stdout' | 'stderr',
  from: LogFrom,
): Promise<LogPart> {
  const nothing = { text: '', next: typeof from === 'number' ? Math.max(0, from) : 0 };
  if (directory === undefined) return nothing;
  const file = await open(join(directory, stream), 'r').catch(() => undefined);
  if (!file) return nothing;
  try {
    const { size } = await file.stat();
    const read = async (at: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
      return buffer.subarray(0, bytesRead);
    };
    return await readLog({ size, read }, from);
  } finally {
    await file.close();
  }
}
