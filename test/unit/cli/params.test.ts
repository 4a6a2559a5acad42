import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paramValue, splitParam, withParams } from '../../../src/cli/params.ts';
import { document } from '../server/serving.ts';

const typed = (type: string) => ({ name: 'p', type });

describe('J-30 a parameter on the command line', () => {
  test.each([
    ['string', '1', '1'],
    ['path', 'data/x', 'data/x'],
    ['duration', '90s', '90s'],
    ['quantity', '16Gi', '16Gi'],
    ['int', '-42', -42],
    ['double', '1e-3', 0.001],
    ['double', '2', 2],
    ['bool', 'true', true],
    ['any', '[1]', [1]],
    ['list<int>', '[1,2]', [1, 2]],
    ['map<string>', '{"a":"b"}', { a: 'b' }],
  ])('declared %s: %j is %j', (type, text, expected) => {
    expect(paramValue('p', text, typed(type))).toEqual({ ok: true, value: expected });
  });

  test.each([
    ['int', '1.5'],
    ['int', ''],
    ['int', '9007199254740993'],
    ['double', 'NaN'],
    ['double', ''],
    ['double', '0x10'],
    ['double', '1e999'],
    ['bool', 'yes'],
    ['list<int>', '1,2'],
    ['list<int>', '{}'],
    ['map<string>', '[]'],
  ])('declared %s: %j is refused, with its name', (type, text) => {
    const value = paramValue('p', text, typed(type));
    expect(value.ok ? '' : value.error).toContain('--param p');
  });

  test.each([
    ['3', 3],
    ['true', true],
    ['[1,"a"]', [1, 'a']],
    ['null', null],
    ['data/ref.fa', 'data/ref.fa'],
    ['01', '01'],
    ['', ''],
    ['"3"', '3'],
  ])('undeclared: %j is %j', (text, expected) => {
    expect(paramValue('p', text, undefined)).toEqual({ ok: true, value: expected });
  });

  test('is split at the first equals sign', () => {
    expect(splitParam('a=b=c')).toEqual({ ok: true, value: ['a', 'b=c'] });
    expect(splitParam('a=')).toEqual({ ok: true, value: ['a', ''] });
    for (const bad of ['a', '=b', '']) expect(splitParam(bad).ok).toBe(false);
  });
});

test('a declared string is what was typed, whatever it looks like', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(paramValue('p', text, typed('string'))).toEqual({ ok: true, value: text });
    }),
  );
});

test('files first, then flags; the last word wins; the document stays as it was', () => {
  const given = { ...document('a'), spec: { ...document('a').spec, params: { x: 1, y: 1, z: 1 } } };
  const set = withParams(given, [{ y: 2, z: 2 }], ['z=3', 'z=4']);
  expect(set.ok && set.value.spec.params).toEqual({ x: 1, y: 2, z: 4 });
  expect(given.spec.params).toEqual({ x: 1, y: 1, z: 1 });
});

test('prototype names are ordinary names', () => {
  const set = withParams(document('a'), [], ['__proto__={"polluted":1}', 'constructor=2']);
  const params = set.ok ? set.value.spec.params : undefined;
  expect(Object.keys(params ?? {})).toEqual(['__proto__', 'constructor']);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});
