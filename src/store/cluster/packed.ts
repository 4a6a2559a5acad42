import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRawSync } from 'node:zlib';
import type { Json } from '../../base/json.ts';
import { MAX_LEDGER_PART_BYTES } from '../../base/limits.ts';
import { fail, ok, type Result } from '../../base/result.ts';

/**
 * One part of a ledger as bytes: `fxl` and the number of the format, a CRC-32 over the rest, and JSON compressed by raw
 * deflate. An API server keeps what it is given, whoever gave it: damage and other formats are found out, not read.
 */
const MAGIC = Buffer.from('fxl1', 'latin1');
const HEAD_BYTES = MAGIC.length + 4;

const deflate = promisify(deflateRaw);

/** In a thread of the pool: the event loop goes on. */
export async function pack(json: string): Promise<Buffer> {
  const body = await deflate(Buffer.from(json));
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32BE(crc32(body), MAGIC.length);
  return Buffer.concat([head, body]);
}

/** At once: a part takes a few milliseconds. The error is the end of a sentence that begins with what was read. */
export function unpack(bytes: Buffer): Result<Json, string> {
  const magic = bytes.subarray(0, MAGIC.length);
  if (!magic.equals(MAGIC)) {
    const known = magic.subarray(0, 3).equals(MAGIC.subarray(0, 3));
    return fail(
      known ? `is of format ${magic.toString('latin1', 3)}, which this version does not know` : 'is no ledger',
    );
  }
  const body = bytes.subarray(HEAD_BYTES);
  if (bytes.length < HEAD_BYTES || crc32(body) !== bytes.readUInt32BE(MAGIC.length)) return fail('is damaged');
  try {
    const text = inflateRawSync(body, { maxOutputLength: MAX_LEDGER_PART_BYTES });
    return ok(JSON.parse(text.toString('utf8')) as Json);
  } catch (error) {
    return fail(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
