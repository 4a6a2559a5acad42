import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closest, typingMistakes } from '../../../src/base/closest.ts';

const FIELDS = ['dependsOn', 'requiredBy', 'inputs', 'outputs', 'run', 'resources', 'retry', 'name'];

test.each([
  ['depends_on', 'dependsOn'],
  ['DEPENDSON', 'dependsOn'],
  ['depends-on', 'dependsOn'],
  ['dependOn', 'dependsOn'],
  ['input', 'inputs'],
  ['ouptuts', 'outputs'],
  ['runn', 'run'],
  ['resuorces', 'resources'],
  ['nmae', 'name'],
])('%s is answered with %s', (word, meant) => {
  expect(closest(word, FIELDS)).toBe(meant);
});

test.each(['', 'zzz', 'x', 'completelyDifferent', 'a'.repeat(100_000)])('nothing is close to %.20j', (word) => {
  expect(closest(word, FIELDS)).toBeUndefined();
});

test('a swap of neighbours is one mistake', () => {
  expect(typingMistakes('ab', 'ba')).toBe(1);
  expect(typingMistakes('', 'abc')).toBe(3);
  expect(typingMistakes('kitten', 'sitting')).toBe(3);
});

test('mistakes are symmetric and nought only for equal words', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(typingMistakes(a, b)).toBe(typingMistakes(b, a));
      expect(typingMistakes(a, b) === 0).toBe(a === b);
    }),
  );
});
