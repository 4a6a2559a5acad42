import { describe, expect, test } from 'vitest';
import type { ParamSchema, WorkflowSpec } from '../../../src/apis/workflow.ts';
import type { Json } from '../../../src/base/json.ts';
import { MAX_DIAGNOSTICS } from '../../../src/base/limits.ts';
import { buildGraph } from '../../../src/graph/build.ts';
import { checkParams } from '../../../src/graph/check-params.ts';

const spec = (params: Record<string, Json>, ...paramSchema: ParamSchema[]): WorkflowSpec => ({
  params,
  paramSchema,
  tasks: [{ name: 'a', run: 'true' }],
});

/** `PATH: MESSAGE` of every problem of one parameter `p` with this value. */
const problems = (value: Json, schema: Omit<ParamSchema, 'name'>): readonly string[] =>
  checkParams(spec({ p: value }, { name: 'p', ...schema })).map((d) => `${d.path.join('.')}: ${d.message}`);

const AT = 'spec.params.p: ';

describe('J-30 parameters are typed', () => {
  const good: readonly [type: string, value: Json][] = [
    ['string', '1'],
    ['string', ''],
    ['int', 7],
    ['int', -0],
    ['double', 1],
    ['double', 0.5],
    ['bool', false],
    ['path', 'data/ref.fa'],
    ['duration', '90s'],
    ['duration', '1h30m'],
    ['quantity', '16Gi'],
    ['quantity', 2],
    ['any', { a: [null, 1] }],
    ['list<int>', []],
    ['list<int>', [1, 2]],
    ['list<map<string>>', [{ a: 'x' }]],
    ['map<double>', { a: 1, b: 0.5 }],
    ['map<list<int>>', JSON.parse('{"__proto__": [1], "constructor": [2]}') as Json],
  ];
  for (const [type, value] of good) {
    test(`${JSON.stringify(value)} is ${type}`, () => expect(problems(value, { type })).toEqual([]));
  }

  const bad: readonly [type: string, value: Json, message: string][] = [
    ['string', 1, '1: is int, declared string.'],
    ['int', '1', '"1": is string, declared int.'],
    ['int', 1.5, '1.5: is double, declared int.'],
    ['int', 2 ** 53, `${2 ** 53}: is double, declared int.`],
    ['double', '0.5', '"0.5": is string, declared double.'],
    ['bool', 'true', '"true": is string, declared bool.'],
    ['path', ['a'], 'a list of 1: is list, declared path.'],
    ['list<int>', 1, '1: is int, declared list<int>.'],
    ['list<int>', [1, 'x'], 'a list of 2: "1" is string, declared int.'],
    ['list<int>', { 0: 1 }, 'a map: is map, declared list<int>.'],
    ['map<int>', [1], 'a list of 1: is list, declared map<int>.'],
    ['map<list<int>>', JSON.parse('{"__proto__": ["x"]}') as Json, 'a map: "__proto__" "0" is string, declared int.'],
  ];
  for (const [type, value, message] of bad) {
    test(`${JSON.stringify(value)} is no ${type}`, () => expect(problems(value, { type })).toEqual([AT + message]));
  }

  test('amounts are read', () => {
    expect(problems('soon', { type: 'duration' })[0]).toMatch(/^spec\.params\.p: "soon": /);
    expect(problems('16Gib', { type: 'quantity' })[0]).toMatch(/^spec\.params\.p: "16Gib": /);
  });

  test('undeclared ones may be anything', () => {
    expect(checkParams({ params: { x: null, y: [{}] }, tasks: [] })).toEqual([]);
    expect(checkParams(spec({ p: 1, q: 'x' }, { name: 'p' }))).toEqual([]);
  });
});

describe('J-30 a declared parameter without a value is named', () => {
  test('at its entry, with how to give it', () => {
    const [problem, ...more] = checkParams(spec({ other: 1 }, { name: 'other' }, { name: 'ref', type: 'path' }));
    expect(problem).toMatchObject({
      severity: 'error',
      code: 'E-PARAM',
      path: ['spec', 'paramSchema', 1],
      message: 'parameter ref has no value.',
      hint: 'Give it by --param ref=… or in params.',
    });
    expect(more).toEqual([]);
  });

  test('null is no value, and a name of Object is no value either', () => {
    expect(checkParams(spec({ p: null }, { name: 'p' }))).toHaveLength(1);
    expect(checkParams(spec({}, { name: 'constructor' }))).toHaveLength(1);
    expect(checkParams({ paramSchema: [{ name: 'toString' }], tasks: [] })).toHaveLength(1);
  });

  test('unless it is optional', () => {
    expect(checkParams(spec({ q: null }, { name: 'p', optional: true }, { name: 'q', optional: true }))).toEqual([]);
  });
});

describe('rules', () => {
  const cases: readonly [name: string, value: Json, schema: Omit<ParamSchema, 'name'>, message?: string][] = [
    ['enum: one of them', 'b', { enum: ['a', 'b'] }],
    ['enum: compared as JSON', { x: 1, y: 2 }, { enum: [{ y: 2, x: 1 }] }],
    ['enum: another', 'c', { enum: ['a', 'b'] }, '"c" is none of the allowed values: "a", "b".'],
    ['enum: text is no number', '1', { enum: [1] }, '"1" is none of the allowed values: 1.'],
    ['pattern: found', 'sample-17', { pattern: '^sample-\\d+$' }],
    ['pattern: anywhere', 'xxabcxx', { pattern: 'abc' }],
    ['pattern: not found', 'x', { pattern: '^sample' }, '"x" does not match "^sample".'],
    ['pattern: a number is no text', 17, { pattern: '\\d+' }, '17 is int; pattern is for text.'],
    ['minimum: at it', 1, { minimum: 1 }],
    ['minimum: below', 0.5, { minimum: 1 }, '0.5 is less than minimum (1).'],
    ['maximum: at it', 1, { type: 'int', maximum: 1 }],
    ['maximum: above', 2, { type: 'int', maximum: 1 }, '2 is more than maximum (1).'],
    ['bounds: of text', 'x', { minimum: 1 }, '"x" is string; minimum and maximum are for numbers.'],
    ['type before rules', 'x', { type: 'int', minimum: 1 }, '"x": is string, declared int.'],
  ];
  for (const [name, value, schema, message] of cases) {
    test(name, () => expect(problems(value, schema)).toEqual(message === undefined ? [] : [AT + message]));
  }

  test('a pattern that is none is reported where it stands, with or without a value', () => {
    for (const params of [{}, { p: 'x' }]) {
      const [problem] = checkParams(spec(params, { name: 'p', pattern: '(?=look)', optional: true }));
      expect(problem).toMatchObject({ code: 'E-PARAM', path: ['spec', 'paramSchema', 0, 'pattern'] });
      expect(problem?.message).toContain('is no RE2 pattern');
    }
  });

  test('a pattern that costs too much ends with a diagnostic, however many there are', () => {
    const bombs = Array.from({ length: 200 }, (_, i) => ({ name: `p${i}`, pattern: `(a{0,30}){0,30}${i}` }));
    const params = Object.fromEntries(bombs.map((b) => [b.name, 'a'.repeat(100_000)]));
    const found = checkParams(spec(params, ...bombs));
    expect(found.length).toBeGreaterThan(0);
    expect(found.some((d) => d.message.includes('MAX_EXPRESSION_STEPS'))).toBe(true);
  });

  test('at most MAX_DIAGNOSTICS are collected, and long values are cut', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => ({ name: `p${i}` }));
    expect(checkParams(spec({}, ...many))).toHaveLength(MAX_DIAGNOSTICS);
    expect((problems('x'.repeat(1_000_000), { type: 'int' })[0] ?? '').length).toBeLessThan(200);
  });
});

describe('what expressions then see', () => {
  const built = (params: Record<string, Json>, paramSchema: ParamSchema[], run: string) => {
    const graph = buildGraph({
      name: 'w',
      namespace: 'default',
      spec: { params, paramSchema, tasks: [{ name: 'a', run }] },
      folder: '/data',
      sheets: new Map(),
    });
    return graph.ok ? graph.value.graph.tasks[0]?.preimage.values : graph.error.map((d) => d.message);
  };

  test('values have their declared types', () => {
    const schema = [
      { name: 'x', type: 'double' },
      { name: 'd', type: 'duration' },
      { name: 'm', type: 'quantity' },
    ];
    const run = "echo ${{ params.x * 0.5 }} ${{ params.d < duration('2m') }} ${{ params.m }}";
    expect(built({ x: 1, d: '90s', m: '2Gi' }, schema, run)).toEqual({ 'run#1': 0.5, 'run#2': true, 'run#3': '2Gi' });
  });

  test('an optional one without a value is absent', () => {
    const schema = [{ name: 'o', type: 'string', optional: true }];
    expect(built({}, schema, "echo ${{ default(params.o, 'none') }}")).toEqual({ 'run#1': 'none' });
    expect(built({ o: null }, schema, "echo ${{ default(params.o, 'none') }}")).toEqual({ 'run#1': 'none' });
  });

  test('a missing one stops the build, once', () => {
    expect(built({}, [{ name: 'ref' }], 'echo ${{ params.ref }}')).toEqual(['parameter ref has no value.']);
  });
});
