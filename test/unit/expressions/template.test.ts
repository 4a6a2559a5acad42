import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Duration } from '../../../src/expressions/duration.ts';
import type { Problem } from '../../../src/expressions/problem.ts';
import { isExpressionOnly, parseTemplate, renderText, type Template } from '../../../src/expressions/template.ts';
import { ABSENT, type Value } from '../../../src/expressions/value.ts';

function template(text: string): Template {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new Error(parsed.error.map((problem) => problem.message).join('; '));
  return parsed.value;
}

function problemsOf(text: string): Problem[] {
  const parsed = parseTemplate(text);
  return parsed.ok ? [] : parsed.error;
}

const render = (text: string, params: { [name: string]: Value } = {}) =>
  renderText(template(text), { params, key: 'k', inputs: { maybe: ABSENT } });

describe('finding expressions in a text', () => {
  test.each([
    ['plain', ['plain'], []],
    ['', [''], []],
    ['a${{ key }}b', ['a', 'b'], ['key']],
    ['${{key}}${{ key }}', ['', '', ''], ['key', 'key']],
    ["${{ '}}' }}", ['', ''], ["'}}'"]],
    ['${{ "\\"}}" }}!', ['', '!'], ['"\\"}}"']],
    ["${{ '''a'}}''' }}", ['', ''], ["'''a'}}'''"]],
    ["${{ {'a': {'b': '}'}}.a.b }}", ['', ''], ["{'a': {'b': '}'}}.a.b"]],
    ["${{ {'a': 1}}}", ['', ''], ["{'a': 1}"]],
    ["${{ key // it's }} b", ['', ' b'], ["key // it's"]],
    ["${{ key // it's }\n + 'x' }} b", ['', ' b'], ["key // it's }\n + 'x'"]],
    ["${{ '${{' }} $ {{ }} $x", ['', ' $ {{ }} $x'], ["'${{'"]],
    ['${{\n  key\n}}', ['', ''], ['key']],
  ])('%j', (text, literals, sources) => {
    const { literals: found, expressions } = template(text);
    expect(found).toEqual(literals);
    expect(expressions.map((expression) => expression.source)).toEqual(sources);
    const whole = found.map((part, i) => {
      const { offset = 0, length = 0 } = expressions[i] ?? {};
      return part + text.slice(offset, offset + length);
    });
    expect(whole.join('')).toBe(text);
  });

  test.each([
    ['a ${{ key', 2, 'not closed'],
    ['${{ "abc }}', 4, 'not closed'],
    ["${{ 'a\n' }}", 4, 'not closed'],
    ['${{ }}', 4, 'empty'],
    ['x ${{ key + }} ${{ foo }}', 11, 'the end'],
  ])('%j is wrong at %i', (text, offset, message) => {
    const [problem] = problemsOf(text);
    expect(problem?.code).toBe('E-SYNTAX');
    expect(problem?.message).toContain(message);
    expect(problem?.offset).toBe(offset);
  });

  test('all expressions of a text are checked', () => {
    expect(problemsOf('${{ foo }} ${{ key }} ${{ bar }}').map((problem) => problem.offset)).toEqual([4, 26]);
  });

  test.each(['${{', "${{ '", '${{ {', "${{ '''' ", '${{ }} '])('%j, repeated, is read in linear time', (token) => {
    expect(problemsOf(token.repeat(100_000)).length).toBeGreaterThan(0);
  });

  test('nothing makes it throw', () => {
    const tokens = ['${{', '}}', '{', '}', '"', "'", '\\', '\n', 'key', ' ', '/', '$'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tokens), { maxLength: 25 }), (some) => {
        const parsed = parseTemplate(some.join(''));
        expect(parsed.ok ? parsed.value.literals.length : parsed.error.length).toBeGreaterThan(0);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('rendering a text', () => {
  test.each([
    ['n=${{ params.x }}', 1n, 'n=1'],
    ['${{ params.x }}', 1.0, '1'],
    ['${{ params.x }}', 0.1, '0.1'],
    ['${{ params.x }}', -0, '0'],
    ['${{ params.x }}', true, 'true'],
    ['${{ params.x }}', 'a ${{ key }} $& $1', 'a ${{ key }} $& $1'],
    ['${{ params.x }}!', new Duration(90_000_000_000n), '90s!'],
    ['${{ quantity("1024Mi") }}', '', '1Gi'],
    ['${{ key }}/${{ params.x }}', 'b', 'k/b'],
  ])('%s with %o', (text, x, expected) => {
    expect(render(text, { x })).toEqual({ ok: true, value: expected });
  });

  test.each([
    ['a ${{ params.x }}', ['a'], '${{ params.x }} is a list'],
    ['a ${{ params.x }}', { a: 1n }, '${{ params.x }} is a map'],
    ['a ${{ params.x }}', null, 'absent'],
    ['a ${{ inputs.maybe }}', '', '${{ inputs.maybe }} is absent'],
    ['a ${{ params.y }}', '', 'not known here'],
    ['${{ params.x }}${{ params.x }}', 'a'.repeat(3_000_000), 'MAX_VALUE_BYTES'],
  ])('%s with %o is an error', (text, x, message) => {
    const result = render(text, { x });
    expect(result.ok ? '' : result.error).toContain(message);
  });

  test('a text that is one expression is told from one with text around', () => {
    expect(isExpressionOnly(template('${{ key }}'))).toBe(true);
    expect(isExpressionOnly(template(' ${{ key }}'))).toBe(false);
    expect(isExpressionOnly(template('${{ key }}${{ key }}'))).toBe(false);
    expect(isExpressionOnly(template('key'))).toBe(false);
  });
});
