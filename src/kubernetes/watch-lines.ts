import { MAX_WATCH_LINE_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';
import type { Chunks } from './call.ts';

const NEWLINE = 0x0a;

/**
 * The lines of a stream, one at a time, without their newline. A last line without a newline was cut off and is left
 * out. A failure of the stream, or a line that is too long, is the last element.
 */
export async function* linesOf(chunks: Chunks): AsyncGenerator<Result<string, ApiFailure>, void> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of chunks) {
    if (!chunk.ok) {
      yield chunk;
      return;
    }
    let from = 0;
    for (let at = chunk.value.indexOf(NEWLINE); at >= 0; at = chunk.value.indexOf(NEWLINE, from)) {
      const rest = chunk.value.subarray(from, at);
      yield ok(begunBytes === 0 ? rest.toString('utf8') : Buffer.concat([...begun, rest]).toString('utf8'));
      begun = [];
      begunBytes = 0;
      from = at + 1;
    }
    if (from < chunk.value.length) begun.push(chunk.value.subarray(from));
    begunBytes += chunk.value.length - from;
    if (begunBytes > MAX_WATCH_LINE_BYTES) {
      yield fail({ kind: 'TooLarge', message: `an event of a watch is longer than ${MAX_WATCH_LINE_BYTES} bytes` });
      return;
    }
  }
}
