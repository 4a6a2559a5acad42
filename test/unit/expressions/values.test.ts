import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/json.ts';
import { parseDuration } from '../../../src/expressions/duration.ts';
import { parseQuantity } from '../../../src/expressions/quantity.ts';
import { quoteShell } from '../../../src/expressions/shell-quote.ts';
import { inferType, valueOfType } from '../../../src/expressions/types.ts';
import { fromJson, toJson } from '../../../src/expressions/value.ts';

describe('values and JSON', () => {
  test('integers become ints, other numbers doubles', () => {
    expect(fromJson([1, 1.5, 1e300, -0])).toEqual([1n, 1.5, 1e300, 0n]);
  });

  test('every JSON document comes back as it was, whatever its keys', () => {
    const keys = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'a'), fc.string());
    const document = fc.jsonValue().chain((value) => fc.dictionary(keys, fc.constant(value)));
    fc.assert(
      fc.property(document, (json) => {
        const back = toJson(fromJson(json as Json));
        expect(JSON.stringify(back)).toBe(JSON.stringify(json));
      }),
    );
  });

  test('an int that JSON cannot hold exactly becomes a text', () => {
    expect(toJson([9007199254740993n, 5n, Number.POSITIVE_INFINITY])).toEqual(['9007199254740993', 5, 'Infinity']);
  });

  test('the key __proto__ is a key', () => {
    const value = fromJson(JSON.parse('{"__proto__": {"polluted": 1}}') as Json);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('data nested 100,000 levels deep does not overflow the stack', () => {
    let json: Json = 1;
    for (let i = 0; i < 100_000; i++) json = [json];
    let value = toJson(fromJson(json));
    let depth = 0;
    for (; Array.isArray(value); value = (value as Json[])[0] ?? null) depth++;
    expect(depth).toBe(100_000);
  });
});

describe('durations and quantities', () => {
  test.each([
    ['90s', '90s'],
    ['1h30m', '5400s'],
    ['7d', '604800s'],
    ['1.5h', '5400s'],
    ['250ms', '0.25s'],
    ['-2m', '-120s'],
    ['12:30:00', '45000s'],
    ['1-00:00:01', '86401s'],
  ])('%s is %s', (text, shown) => {
    const made = parseDuration(text);
    expect(made.ok && made.value.toString()).toBe(shown);
  });

  test.each(['', '5', 's', '1y', '1h ', '1e3s', '99999999999h', '1:2', 'h1'])('%j is no duration', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  test.each([
    ['16Gi', '16Gi'],
    ['1024Mi', '1Gi'],
    ['500m', '500m'],
    ['0.5', '500m'],
    ['1000k', '1M'],
    ['1.5Gi', '1536Mi'],
    ['0', '0'],
    ['-2', '-2'],
  ])('the quantity %s is %s', (text, shown) => {
    const made = parseQuantity(text);
    expect(made.ok && made.value.toString()).toBe(shown);
  });

  test.each(['', 'Gi', '1 Gi', '1GiB', '0x10', '1e3', '1.2.3', 'NaN'])('%j is no quantity', (text) => {
    expect(parseQuantity(text).ok).toBe(false);
  });

  test('printing a quantity and reading it gives the same amount', () => {
    const amounts = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.constantFrom('', 'm', 'k', 'Gi', 'Ki', 'T'));
    fc.assert(
      fc.property(amounts, ([size, suffix]) => {
        const first = parseQuantity(`${size}${suffix}`);
        if (!first.ok) throw new Error(first.error);
        const second = parseQuantity(first.value.toString());
        expect(second.ok && second.value.nano).toBe(first.value.nano);
      }),
    );
  });
});

describe('declared types', () => {
  test.each([
    ['int', 1, 1n],
    ['double', 1, 1],
    ['path', 'a/b', 'a/b'],
    ['list<double>', [1, 2.5], [1, 2.5]],
    ['any', { a: [1] }, { a: [1n] }],
    ['bool', null, null],
  ] as const)('%s takes %j', (declared, json, value) => {
    expect(valueOfType(json as Json, declared)).toEqual({ ok: true, value });
  });

  test.each([
    ['int', 1.5],
    ['int', '1'],
    ['string', 1],
    ['list<int>', ['a']],
    ['map<int>', [1]],
    ['duration', 'soon'],
    ['quantity', '16 GB'],
  ] as const)('%s does not take %j', (declared, json) => {
    expect(valueOfType(json as Json, declared).ok).toBe(false);
  });

  test('undeclared values have the type that they look like', () => {
    expect(inferType(fromJson([1, 2.5]))).toBe('list<double>');
    expect(inferType(fromJson({ a: 'x', b: 'y' }))).toBe('map<string, string>');
    expect(inferType(fromJson([1, 'a']))).toBe('list<dyn>');
  });
});

test('a quoted shell word cannot hold NUL', () => {
  expect(quoteShell("it's")).toBe("'it'\\''s'");
  expect(() => quoteShell('\0')).toThrow('NUL');
});
