import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LogBytes, readLog } from '../../../src/backends/read-log.ts';
import { MAX_LOG_READ_BYTES } from '../../../src/base/limits.ts';

function logOf(content: string | Buffer): LogBytes {
  const bytes = Buffer.from(content as string);
  return { size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) };
}

async function readOn(log: LogBytes, from: Parameters<typeof readLog>[1]): Promise<string> {
  let text = '';
  for (let part = await readLog(log, from); part.text !== ''; part = await readLog(log, part.next)) text += part.text;
  return text;
}

/** What `tail -n N` prints. */
function lastLines(text: string, count: number): string {
  const lines = text.split(/(?<=\n)/);
  return count === 0 ? '' : lines.slice(-count).join('');
}

describe('the last lines', () => {
  const line = fc
    .oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 20 }))
    .map((s) => s.replace(/\n/g, ''));

  test('are those that tail would show, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), fc.nat(35), async (lines, ended, count) => {
        const text = lines.join('\n') + (ended ? '\n' : '');
        expect(await readOn(logOf(text), { lastLines: count })).toBe(lastLines(text, count));
      }),
    );
  });

  test.each([1, 10, 1_999, 2_000, 2_001, 50_000])('%d of lines longer than any read at once', async (count) => {
    const long = 'x'.repeat(3 * MAX_LOG_READ_BYTES);
    const text = `${long}\n${Array.from({ length: 2_000 }, (_, i) => `${i} ${'é'.repeat(300)}\n`).join('')}`;
    expect(await readOn(logOf(text), { lastLines: count })).toBe(lastLines(text, count));
  });
});

describe('characters', () => {
  test('are never split between two reads', async () => {
    const text = `a${'€'.repeat(MAX_LOG_READ_BYTES)}🙂`;
    expect(await readOn(logOf(text), 0)).toBe(text);
  });

  test('an unfinished one at the end waits for its rest', async () => {
    const whole = Buffer.from('ok 🙂\n');
    for (let cut = 3; cut < whole.length; cut++) {
      const first = await readLog(logOf(whole.subarray(0, cut)), 0);
      const second = await readLog(logOf(whole), first.next);
      expect(first.text + second.text).toBe('ok 🙂\n');
      expect(second.next).toBe(whole.length);
    }
  });

  test('so many bytes before the end begin with a whole one', async () => {
    const log = logOf('€€€');
    expect(await Promise.all([-1, -2, -3, -4, -9, -99].map(async (from) => (await readLog(log, from)).text))).toEqual([
      '',
      '',
      '€',
      '€',
      '€€€',
      '€€€',
    ]);
  });

  test('what is no UTF-8 is passed on and holds nothing up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        const log = logOf(Buffer.concat([Buffer.from(bytes), Buffer.from('\nend\n')]));
        expect((await readOn(log, 0)).endsWith('\nend\n')).toBe(true);
        expect(await readOn(log, { lastLines: 1 })).toBe('end\n');
      }),
    );
  });
});

test('a log that was begun again is read from its beginning', async () => {
  expect(await readLog(logOf('again\n'), 100)).toEqual({ text: 'again\n', next: 6 });
  expect(await readLog(logOf('again\n'), 6)).toEqual({ text: '', next: 6 });
});
