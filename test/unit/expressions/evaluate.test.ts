import { describe, expect, test } from 'vitest';
import { Duration } from '../../../src/expressions/duration.ts';
import { evaluate, evaluateFully, parseExpression } from '../../../src/expressions/expression.ts';
import { Quantity } from '../../../src/expressions/quantity.ts';
import type { Scope, TaskValue } from '../../../src/expressions/scope.ts';
import { ABSENT, fromJson, type Outcome } from '../../../src/expressions/value.ts';

const element = (key: string): TaskValue => ({ phase: 'Succeeded', reason: '', outputs: { bam: `${key}.bam` } });
const scope: Scope = {
  params: {
    n: 5n,
    x: 2.5,
    name: 'it is',
    list: ['b', 'a', 'b'],
    nothing: null,
    map: fromJson({ a: { b: [1, 2] }, 'with-minus': 1 }),
    amount: new Quantity(16n * 2n ** 30n * 1_000_000_000n, true),
  },
  item: fromJson({ sample: 's1', lane: null, reads: 7 }),
  key: 's1',
  tasks: {
    index: { phase: 'Succeeded', reason: '', outputs: { dir: 'star', gone: ABSENT } },
    'a-b': { phase: 'Skipped', reason: 'ConditionFalse', outputs: { x: ABSENT } },
    align: {
      phase: 'Failed',
      reason: 'ElementsFailed',
      outputs: { bam: ['s1.bam', 's2.bam'] },
      keys: ['s1', 's2', 's3'],
      failed: ['s3'],
      at: (key) =>
        typeof key === 'string'
          ? element(key)
          : { phase: 'Succeeded', reason: '', outputs: { bam: key.map((k) => `${k}.bam`) } },
    },
  },
  inputs: { fq: 'reads/x.fq.gz', maybe: ABSENT, many: ['1', '2'] },
  resources: { cpu: 4n, memory: '6Gi' },
  attempt: fromJson({ number: 3, failures: { OutOfMemory: 2 }, last: { reason: 'OutOfMemory' } }),
  workflow: { name: 'w', uid: 'u' },
  filesize: (path) => BigInt(path.length),
};

function value(source: string, given: Scope = scope): Outcome {
  const parsed = parseExpression(source, 0);
  if (!parsed.ok) throw new Error(parsed.error.map((problem) => problem.message).join('; '));
  const result = evaluate(parsed.value, given);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('operators', () => {
  test.each([
    ['params.n + 1', 6n],
    ['params.n * 1.5', 7.5],
    ['params.x + params.n', 7.5],
    ['7 / 2', 3n],
    ['7 / 2.0', 3.5],
    ['-7 % 3', -1n],
    ['1 == 1.0', true],
    ['1 < 1.5 && 2.5 > 2', true],
    ['"a" < "b"', true],
    ['[1, 2] == [1.0, 2.0]', true],
    ['{"a": 1} == {"a": 1}', true],
    ['"a" == 1', false],
    ['"a" in params.list', true],
    ['"constructor" in params.map', false],
    ['["a"] + params.list', ['a', 'b', 'a', 'b']],
    ['params.n > 3 ? "big" : "small"', 'big'],
    ['params.map.a.b[1]', 2n],
    ['params.map["with-minus"]', 1n],
    ['params.list[9] == "x" || true', true],
    ['false && params.list[9] == "x"', false],
    ['-9223372036854775808', -9223372036854775808n],
    ['params.nothing == null', true],
    ["{'a': {'b': 1}}.a.b", 1n],
  ] as const)('%s', (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  test('a duration times a number is a duration', () => {
    expect(value("duration('16h') * attempt.number")).toEqual(new Duration(48n * 3_600_000_000_000n));
    expect(value("1.5 * duration('2h')")).toEqual(new Duration(3n * 3_600_000_000_000n));
    expect(value("duration('1h') / duration('30m')")).toBe(2);
  });

  test.each([
    ['9223372036854775807 + 1', '64 bits'],
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulo by zero'],
    ['"a" + 1', 'string + int'],
    ['params.list[9]', 'no item 9 in a list of 3'],
    ['params.map.zzz', 'no key "zzz"'],
    ['params.map.constructor', 'no key "constructor"'],
    ['params.map.__proto__', 'no key "__proto__"'],
    ['params.toString', 'not known here'],
    ['params.unheard', 'not known here'],
    ['!params.n', '! needs a bool'],
    ['{1: 2}', 'the key of a map is a string'],
  ])('%s is an error', (source, message) => {
    expect(() => value(source)).toThrow(message);
  });

  test('the error names the expression', () => {
    expect(() => value('1 / 0')).toThrow('${{ 1 / 0 }}: division by zero');
  });
});

describe('functions', () => {
  test.each([
    ['default(inputs.maybe, inputs.fq)', 'reads/x.fq.gz'],
    ['default(params.nothing, 3)', 3n],
    ['default(params.map.zzz, "d")', 'd'],
    ['first(params.list)', 'b'],
    ['default(first([]), "none")', 'none'],
    ['flatten([["a"], [], ["b", "c"]])', ['a', 'b', 'c']],
    ['distinct(params.list)', ['b', 'a']],
    ['distinct([1, 1.0, "1"])', [1n, '1']],
    ['sort(params.list)', ['a', 'b', 'b']],
    ['sort([3, 1.5, 2])', [1.5, 2n, 3n]],
    ['sum([1, 2])', 3n],
    ['sum([1, 0.5])', 1.5],
    ['sum([])', 0n],
    ['min(3, 1, 2)', 1n],
    ['max(params.list)', 'b'],
    [
      'zip([1, 2], ["a", "b"])',
      [
        [1n, 'a'],
        [2n, 'b'],
      ],
    ],
    ['chunk([1, 2, 3], 2)', [[1n, 2n], [3n]]],
    ['join(params.list, "+")', 'b+a+b'],
    ['[1, 2.5, true].map(x, string(x)).join(",")', '1,2.5,true'],
    ['split("a:b", ":")', ['a', 'b']],
    ['replace("chr1:2:3", ":", "_")', 'chr1_2_3'],
    ['"a.b".replace(".", "-")', 'a-b'],
    ['basename(inputs.fq)', 'x.fq.gz'],
    ['dirname(inputs.fq)', 'reads'],
    ['dirname("x") + dirname("/x") + dirname("a/b/")', './a'],
    ['stem(inputs.fq) + ext(inputs.fq)', 'x.fq.gz'],
    ['ext(inputs.fq)', '.gz'],
    ['ext(".bashrc") + ext("a.") + ext("..")', '.'],
    ['basename("a/b//")', 'b'],
    ['quantity("16Gi").gib()', 16n],
    ['quantity("1.5Gi").mib()', 1536n],
    ['resources.memory.bytes()', 6n * 2n ** 30n],
    ['params.amount.mib()', 16384n],
    ['filesize(inputs.fq)', 13n],
    ['filesize(inputs.fq).mib()', 0n],
    ["string(grow('72Gi', 2, attempt.failures.OutOfMemory, '256Gi'))", '256Gi'],
    ["string(grow('72Gi', 2, attempt.failures.WallTime, '256Gi'))", '72Gi'],
    ["string(grow('1h', 2, 1, '8h'))", '7200s'],
    ['grow(2, 1.5, 1, 100)', 3],
    ['toJson({"b": [1, 2.0, "x"], "a": null})', '{"a":null,"b":[1,2,"x"]}'],
    ['fromJson("{\\"a\\": [1, 2.5]}").a[0]', 1n],
    ['fromJson(toJson(params.map)) == params.map', true],
    ['quote("it\'s")', "'it'\\''s'"],
    ['quote(params.list)', "'b' 'a' 'b'"],
    ['raw(params.n)', '5'],
    ['size("é😀")', 2n],
    ['params.list.size()', 3n],
    ['params.name.contains(" ")', true],
    ['params.name.startsWith("it") && params.name.endsWith("is")', true],
    ['params.name.matches("^i.*s$")', true],
    ['matches(params.name, "z")', false],
    ['"AbÄ".lowerAscii() + "abä".upperAscii()', 'abÄABä'],
    ['" a ".trim() + "abc".substring(1, 2)', 'ab'],
    ['"abcb".indexOf("b") + "abcb".lastIndexOf("b")', 4n],
    ['int("42") + int(2.9)', 44n],
    ['double("2.5") + 1', 3.5],
    ['bool("true")', true],
    ['string(1.0)', '1'],
    ['has(item.lane)', false],
    ['has(item.sample) && !has(inputs.maybe) && !has(params.map.zzz)', true],
    ['item.?zzz.orValue(1)', 1n],
    ['params.map.?a.b[0]', 1n],
    ['params.map.?z.b[0].orValue(7)', 7n],
    ['params.map.?z.hasValue()', false],
    ['params.list.map(x, x + key)', ['bs1', 'as1', 'bs1']],
    ['params.list.map(x, x == "b", x + "!")', ['b!', 'b!']],
    ['params.list.filter(x, x != "b")', ['a']],
    ['params.list.exists(x, x == "a") && params.list.all(x, x < "c")', true],
    ['params.list.exists_one(x, x == "a")', true],
    ['params.map.map(k, k)', ['a', 'with-minus']],
    ['[[1, 2], [3]].map(x, x.map(y, y * 2))', [[2n, 4n], [6n]]],
    ['cel.bind(y, params.n * 2, y + y)', 20n],
    ['[1, 0].exists(x, 1 / x == 1)', true],
  ] as const)('%s', (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  test('hash is short, stable, and blind to the order of keys', () => {
    const text = value('hash({"a": 1, "b": 2.0})');
    expect(text).toMatch(/^[a-z2-7]{16}$/);
    expect(value('hash({"b": 2, "a": 1})')).toBe(text);
  });

  test.each([
    ['zip([1], [1, 2])', 'one length'],
    ['sort([1, "a"])', 'no meaning'],
    ['chunk([1], 0)', 'not between'],
    ['grow("1Gi", 0.5, 1, "2Gi")', '1 or more'],
    ['fromJson("{")', 'not JSON'],
    ['int("0x10")', 'no int'],
    ['quote("\\u0000")', 'NUL'],
    ['join([[1]], ",")', 'is a list'],
    ['replace("a", "", "b")', 'look for'],
    ['[1, 0].all(x, 1 / x == 1)', 'division by zero'],
  ])('%s is an error', (source, message) => {
    expect(() => value(source)).toThrow(message);
  });
});

describe('names', () => {
  test.each([
    ['key', 's1'],
    ['item.sample', 's1'],
    ['tasks.index.outputs.dir', 'star'],
    ["tasks['a-b'].phase", 'Skipped'],
    ["tasks['a-b'].reason", 'ConditionFalse'],
    ['tasks.align.outputs.bam', ['s1.bam', 's2.bam']],
    ['tasks.align.at(key).outputs.bam', 's1.bam'],
    ['tasks.align.at([key, "q"]).outputs.bam', ['s1.bam', 'q.bam']],
    ['tasks.align.at(item.reads).outputs.bam', '7.bam'],
    ['tasks.align.keys', ['s1', 's2', 's3']],
    ['tasks.align.failed', ['s3']],
    ['inputs.many', ['1', '2']],
    ['attempt.failures.NeverHappened', 0n],
    ['attempt.last.reason', 'OutOfMemory'],
    ['workflow.name + workflow.uid', 'wu'],
    ['["x"].map(x, tasks.align.at(["p"].map(y, y)).outputs.bam + [x])', [['p.bam', 'x']]],
  ] as const)('%s', (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  test('an absent value is the result only of the name itself', () => {
    expect(value('inputs.maybe')).toBe(ABSENT);
    expect(value('params.nothing')).toBe(ABSENT);
    expect(() => value('basename(inputs.maybe)')).toThrow('inputs.maybe is absent');
    expect(value('default(basename(inputs.maybe), "x")')).toBe('x');
  });

  test('reading something absent is told from other failures', () => {
    const absence = (source: string): unknown => {
      const parsed = parseExpression(source, 0);
      const result = parsed.ok ? evaluateFully(parsed.value, scope) : undefined;
      return result?.ok === false && result.error.absent;
    };
    expect(absence('basename(tasks.index.outputs.gone)')).toBe(true);
    expect(absence('params.map.zzz')).toBe(false);
    expect(absence('1 / 0')).toBe(false);
  });

  test('a name that the scope lacks is no absent value', () => {
    expect(() => value('default(params.typo, 1)')).toThrow('params.typo is not known here');
    expect(() => value('default(resources.cpu, 1)', {})).toThrow('not known here');
  });
});

describe('limits', () => {
  test.each([
    ['params.l.map(a, params.l.map(b, params.l.map(c, a + b + c)))', 'MAX_EXPRESSION_STEPS'],
    ['params.l.exists(a, params.l.exists(b, params.l.exists(c, a + b + c < 0 || 1 / 0 == 1)))', 'MAX_EXPRESSION_STEPS'],
    ['params.s.replace("a", params.s)', 'MAX_VALUE_BYTES'],
    ['params.l.map(x, params.s).join(params.s)', 'MAX_VALUE_BYTES'],
    [`params.s${'.split("").join("aa")'.repeat(12)}`, 'MAX_LIST_ITEMS'],
    [`flatten([params.l${', params.l'.repeat(900)}]).map(x, flatten([params.l, params.l]))`, 'MAX_EXPRESSION_STEPS'],
    ['params.l.map(x, params.s.matches("(a?){200}a{200}" + string(x)))', 'MAX_EXPRESSION_STEPS'],
    ['params.l.map(x, default(params.l.map(y, sort(params.l)), 1))', 'MAX_EXPRESSION_STEPS'],
  ])('%s ends soon', (source, limit) => {
    const big: Scope = { params: { l: Array.from({ length: 1_000 }, (_, i) => BigInt(i)), s: 'a'.repeat(100_000) } };
    expect(() => value(source, big)).toThrow(limit);
  });

  test('a pattern that makes backtracking engines hang is quick', () => {
    expect(value('matches(params.s, "^(a+)+$")', { params: { s: `${'a'.repeat(50_000)}b` } })).toBe(false);
    expect(() => value('matches("a", params.p)', { params: { p: '(' } })).toThrow('no RE2 pattern');
    expect(() => value('matches("a", params.p)', { params: { p: 'a'.repeat(2_000) } })).toThrow('MAX_PATTERN_CHARS');
  });

  test('JSON nested beyond the limit is refused, not followed', () => {
    expect(() => value('fromJson(params.s)', { params: { s: '['.repeat(100_000) } })).toThrow('MAX_DOCUMENT_DEPTH');
  });
});
