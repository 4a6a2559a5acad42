import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Expression, evaluate, parseExpression } from '../../../src/expressions/expression.ts';
import type { Problem } from '../../../src/expressions/problem.ts';

function parsed(source: string, offset = 0): Expression {
  const result = parseExpression(source, offset);
  if (!result.ok) throw new Error(result.error.map((problem) => problem.message).join('; '));
  return result.value;
}

function problemsOf(source: string, offset = 0): Problem[] {
  const result = parseExpression(source, offset);
  return result.ok ? [] : result.error;
}

describe('references', () => {
  test.each([
    ['params.x + params.x', [{ root: 'params', name: 'x' }]],
    ["params['a-b']", [{ root: 'params', name: 'a-b' }]],
    ['item', [{ root: 'item', path: [] }]],
    ['item.a.b[0].c', [{ root: 'item', path: ['a', 'b'] }]],
    ['key + inputs.x', [{ root: 'key' }, { root: 'inputs', name: 'x' }]],
    ['attempt.failures.OutOfMemory', [{ root: 'attempt', path: ['failures', 'OutOfMemory'] }]],
    ['tasks.a.phase', [{ root: 'tasks', task: 'a', at: undefined, member: 'phase', name: undefined }]],
    ["tasks['a-b'].outputs.x", [{ root: 'tasks', task: 'a-b', at: undefined, member: 'outputs', name: 'x' }]],
    ['tasks.a.results.n', [{ root: 'tasks', task: 'a', at: undefined, member: 'other', name: 'results' }]],
    ['filesize(inputs.x)', [{ root: 'filesize' }, { root: 'inputs', name: 'x' }]],
    [
      'tasks.a.at([key, item.s]).outputs.b',
      [
        { root: 'tasks', task: 'a', at: '[key, item.s]', member: 'outputs', name: 'b' },
        { root: 'key' },
        { root: 'item', path: ['s'] },
      ],
    ],
    ['params.l.map(params, params.x + key)', [{ root: 'params', name: 'l' }, { root: 'key' }]],
    ['[1].map(item, item)', []],
    ['default(params.a, has(params.b) ? params.?c : "")', ['a', 'b', 'c'].map((name) => ({ root: 'params', name }))],
  ] as const)('of %s', (source, expected) => {
    expect(parsed(source).references).toEqual(expected);
  });

  test.each([
    ['params.x', true],
    ['  inputs.x ', true],
    ["tasks['a-b'].at(key).outputs.c", true],
    ['item.a.b', true],
    ['key', true],
    ['params.x.y', false],
    ['item.a[0]', false],
    ['params.?x', false],
    ['params.x + 1', false],
    ['filesize(inputs.x)', false],
    ['-params.x', false],
  ])('%s is nothing but a reference: %s', (source, pure) => {
    expect(parsed(source).pure !== undefined).toBe(pure);
  });

  test.each([
    ['resources.cpu', true],
    ['attempt.number', true],
    ['workflow.uid', true],
    ['workflow.name', false],
    ['filesize(inputs.x)', true],
    ['params.x', false],
  ])('%s is late: %s', (source, late) => {
    expect(parsed(source).late).toBe(late);
  });

  test('the argument of at is an expression of its own', () => {
    const [join] = parsed('1 + tasks.a.at(item.s + "x").outputs.b.size()', 10).joins;
    expect(join?.task).toBe('a');
    expect(join?.argument.source).toBe('item.s + "x"');
    expect(join?.argument.offset).toBe(25);
    if (join === undefined) return;
    expect(evaluate(join.argument, { item: { s: 'k' } })).toEqual({ ok: true, value: 'kx' });
  });

  test('nested ats compile once each, not twice per level', () => {
    const source = `${'tasks.a.at('.repeat(40)}key${').outputs.b'.repeat(40)}`;
    expect(parsed(source).references).toHaveLength(41);
  });
});

describe('what is wrong with an expression', () => {
  test.each([
    ['', 'E-SYNTAX', 'empty'],
    ['params.x +', 'E-SYNTAX', 'the end'],
    ['(params.x', 'E-SYNTAX', 'expected ), got the end'],
    ['params.x = 1', 'E-SYNTAX', 'unexpected character'],
    ["'abc", 'E-SYNTAX', 'unterminated'],
    ['1u', 'E-SYNTAX', 'unsigned'],
    ["b'x'", 'E-SYNTAX', 'bytes'],
    ['99999999999999999999', 'E-SYNTAX', '64 bits'],
    ['key.matches("[")', 'E-SYNTAX', 'RE2'],
    ['param.x', 'E-UNKNOWN-NAME', 'Did you mean params?'],
    ['constructor', 'E-UNKNOWN-NAME', 'no such name'],
    ['joinn([1], "")', 'E-UNKNOWN-NAME', 'Did you mean join?'],
    ['toString()', 'E-UNKNOWN-NAME', 'no such function'],
    ['timestamp("2020-01-01T00:00:00Z")', 'E-UNKNOWN-NAME', 'no such function'],
    ['params', 'E-DYNAMIC-NAME', 'params.NAME'],
    ['params[key]', 'E-DYNAMIC-NAME', 'params.NAME'],
    ['tasks[key].outputs.x', 'E-DYNAMIC-NAME', 'tasks.NAME'],
    ['tasks.a', 'E-DYNAMIC-NAME', 'no value by itself'],
    ['tasks.a.outputs', 'E-DYNAMIC-NAME', 'outputs.NAME'],
    ['params.at(1)', 'E-DYNAMIC-NAME', 'belongs after tasks.NAME'],
    ['[1].map(x, tasks.a.at(x).outputs.b)', 'E-SCOPE', 'not the variable x'],
    [
      'tasks.trim-reads.outputs.x',
      'E-MINUS',
      "tasks.trim-reads reads as tasks.trim minus reads. Write tasks['trim-reads'].",
    ],
    ['tasks.a-b-c.phase', 'E-MINUS', 'minus b minus c'],
    ['params.max-len', 'E-MINUS', "Write params['max-len']"],
    ['inputs.r-1', '', ''],
    ['key-params.x', '', ''],
    ['tasks.s-1.outputs.x', 'E-MINUS', "Write tasks['s-1']"],
    ['size()', 'E-TYPE', 'size takes 1 arguments'],
    ['params.x.basename(1)', 'E-TYPE', 'takes 0 arguments'],
    ['has(1)', 'E-TYPE', 'has takes one name'],
    ['default(1)', 'E-TYPE', 'default takes 2'],
  ])('%s: %s', (source, code, message) => {
    const [problem] = problemsOf(source);
    expect(problem?.code ?? '').toBe(code);
    expect(problem?.message ?? '').toContain(message);
  });

  test.each([
    ['params.x = 1', 'equality is =='],
    ['key and true', '&& || !'],
    ['params.x | upper', 'call a function'],
  ])('%s: hint %s', (source, hint) => {
    expect(problemsOf(source)[0]?.hint).toContain(hint);
  });

  test('a problem stands at its place in the field', () => {
    const field = 'echo ${{ params.x + nope }} there';
    const [problem] = problemsOf('${{ params.x + nope }}', 5);
    expect(field.slice(problem?.offset, (problem?.offset ?? 0) + (problem?.length ?? 0))).toBe('nope');
  });

  test('all unknown names are reported at once', () => {
    expect(problemsOf('foo + bar + params.x').map((problem) => problem.offset)).toEqual([0, 6]);
  });

  test.each([
    ['longer than the limit', `"${'a'.repeat(17_000)}"`],
    ['deep in parentheses', '('.repeat(5_000)],
    ['deep in negations', '!'.repeat(16_000)],
    ['deep in brackets', `${'['.repeat(300)}${']'.repeat(300)}`],
    ['a long chain of operators', '1+'.repeat(4_000) + '1'],
    ['many nodes', `[${'1,'.repeat(5_000)}]`],
  ])('%s is refused', (_, source) => {
    expect(problemsOf(source)[0]?.code).toBe('E-SYNTAX');
  });

  test('no text makes the parser throw', () => {
    const tokens = [
      'params',
      '.',
      'x',
      '[',
      ']',
      '(',
      ')',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '?',
      ':',
      ',',
      '+',
      '-',
      '!',
      '&&',
      '1',
      '0x',
      'e',
      'u',
      'b"',
      ' ',
      '\n',
      '//',
      'has',
      'map',
      'tasks',
      'at',
      '.?',
      '[?',
      'in',
      'null',
      'cel',
      'bind',
      '\0',
      '\ud800',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tokens), { maxLength: 30 }), (some) => {
        const result = parseExpression(some.join(''), 0);
        if (result.ok) evaluate(result.value, { params: { x: [1n] }, key: 'k' });
        else expect(result.error.length).toBeGreaterThan(0);
      }),
      { numRuns: 3_000 },
    );
  });
});
