import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_WATCH_LINE_BYTES } from '../../../src/base/limits.ts';
import { fail, ok } from '../../../src/base/result.ts';
import type { Chunks } from '../../../src/kubernetes/call.ts';
import { linesOf } from '../../../src/kubernetes/watch-lines.ts';

async function* chunksOf(parts: readonly Buffer[]): Chunks {
  for (const part of parts) yield ok(part);
}

async function read(chunks: Chunks): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunks)) lines.push(line.ok ? line.value : `! ${line.error.kind}`);
  return lines;
}

describe('lines of a stream', () => {
  test('are the same however they are cut into chunks, also within a character', async () => {
    const text = fc.array(
      fc.string({ unit: 'binary' }).map((line) => line.replaceAll('\n', '')),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const parts = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
        expect(await read(chunksOf(parts))).toEqual(lines.map((line) => Buffer.from(line).toString('utf8')));
      }),
    );
  });

  test('end without what was cut off', async () => {
    expect(await read(chunksOf([Buffer.from('{"a":1}\n{"b":')]))).toEqual(['{"a":1}']);
  });

  test('end with the failure of the stream', async () => {
    async function* cut(): Chunks {
      yield ok(Buffer.from('a\nb'));
      yield fail({ kind: 'Unavailable', message: 'reset' });
    }
    expect(await read(cut())).toEqual(['a', '! Unavailable']);
  });

  test('are not kept for ever', async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 'x');
    const parts = Array.from({ length: MAX_WATCH_LINE_BYTES / mebibyte.length + 1 }, () => mebibyte);
    expect(await read(chunksOf(parts))).toEqual(['! TooLarge']);
  });
});
