import { MAX_LOG_BYTES, MAX_LOG_READ_BYTES } from '../base/limits.ts';
import type { LogFrom, LogPart } from './backend.ts';

/** A log as it lies there now. */
export interface LogBytes {
  readonly size: number;
  /** So many bytes from there; fewer where the log ends. */
  read(at: number, length: number): Promise<Buffer>;
}

/** What `Backend.readLog` promises, over anything that bytes can be read from. */
export async function readLog(log: LogBytes, from: LogFrom): Promise<LogPart> {
  const at = typeof from === 'number' ? positionOf(log, from) : await lineStart(log, from.lastLines);
  const bytes = await log.read(at, MAX_LOG_READ_BYTES);
  // Where a read ended, a character begins; counted from the end, it may be the middle of one.
  const begin = typeof from === 'number' && from >= 0 ? 0 : at === 0 ? 0 : continuationBytes(bytes);
  const end = wholeCharacters(bytes);
  return { text: bytes.toString('utf8', begin, Math.max(begin, end)), next: at + Math.max(begin, end) };
}

/** A log that has become shorter was begun again (`MAX_LOG_BYTES`). */
function positionOf(log: LogBytes, from: number): number {
  if (from < 0) return Math.max(0, log.size + from);
  return from > log.size ? 0 : from;
}

const NEWLINE = 10;

/** Where the last lines begin, looked for backwards in blocks; at most `MAX_LOG_BYTES` before the end. */
async function lineStart(log: LogBytes, lines: number): Promise<number> {
  const { size } = log;
  const floor = Math.max(0, size - MAX_LOG_BYTES);
  if (lines === 0) return size;
  let left = lines;
  for (let end = size; end > floor; ) {
    const at = Math.max(floor, end - MAX_LOG_READ_BYTES);
    const block = await log.read(at, end - at);
    for (let i = block.length - 1; i >= 0; i--) {
      // The last byte ends the last line and begins none.
      if (block[i] !== NEWLINE || at + i + 1 === size) continue;
      if (--left === 0) return at + i + 1;
    }
    end = at;
  }
  return floor;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Bytes at the beginning that belong to a character before; UTF-8 has three of them at most. */
function continuationBytes(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && isContinuation(bytes[count])) count++;
  return count;
}

/** How many bytes are whole characters: an unfinished one at the end waits for its rest. What is no UTF-8 is not held up. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (isContinuation(byte)) continue;
    const length =
      byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
