import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { GatheredText } from '../../../src/base/gathered-text.ts';

function collected(): { readonly stream: Writable; readonly chunks: string[] } {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, chunks };
}

test('what comes within a turn is one write, in order, before anything that comes later', async () => {
  const { stream, chunks } = collected();
  const text = new GatheredText(stream);
  text.write('a');
  await Promise.resolve();
  text.write('b');
  expect(chunks).toEqual([]);
  await new Promise((resolve) => process.nextTick(resolve));
  expect(chunks).toEqual(['ab']);
  text.write('c');
  await new Promise((resolve) => setImmediate(resolve));
  expect(chunks).toEqual(['ab', 'c']);
});

test('it is handed over at once where that is asked for, and where it is long', async () => {
  const { stream, chunks } = collected();
  const text = new GatheredText(stream);
  text.write('a');
  text.flush();
  expect(chunks).toEqual(['a']);
  text.write('b'.repeat(100_000));
  text.write('c');
  expect(chunks.map(({ length }) => length)).toEqual([1, 100_000]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(chunks.map(({ length }) => length)).toEqual([1, 100_000, 1]);
});
