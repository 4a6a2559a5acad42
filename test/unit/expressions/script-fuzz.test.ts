import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScript, renderScript } from '../../../src/expressions/script.ts';
import { bashStatement, dashStatement, evilText, type Piece, run, type Shell, statement } from './shell-cases.ts';

/** The text that a shell runs for a piece. */
function rendered(piece: Piece, shell: Shell): string {
  const parsed = parseScript(piece.text, [shell]);
  if (!parsed.ok) throw new Error(`${JSON.stringify(piece.text)}: ${JSON.stringify(parsed.error)}`);
  const made = renderScript(parsed.value, piece.values);
  if (!made.ok) throw new Error(`${JSON.stringify(piece.text)}: ${JSON.stringify(made.error)}`);
  return `${made.value.preamble}${made.value.body}`;
}

function expectArrival(shell: Shell, pieces: readonly Piece[]): void {
  const script = pieces.map((piece, i) => `${rendered(piece, shell)}\nprintf 'case ${i}\\0'\n`).join('');
  const { output, files } = run(shell, `set -u\n${script}`);
  expect(output).toBe(pieces.map((piece, i) => `${piece.result}case ${i}\0`).join(''));
  expect(files).toEqual([]);
}

describe('values arrive as exact bytes and nothing of them runs', () => {
  const batch = fc.array(statement, { minLength: 1, maxLength: 60, size: 'max' });
  test.each(['bash', 'dash'] as const)('in %s, in every quoting context', (shell) => {
    fc.assert(
      fc.property(batch, (pieces) => expectArrival(shell, pieces)),
      { numRuns: 15 },
    );
  });

  test.each([
    ['bash', bashStatement],
    ['dash', dashStatement],
  ] as const)('in %s, where the two differ', (shell, one) => {
    const pieces = fc.array(one, { minLength: 1, maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(pieces, (some) => expectArrival(shell, some)),
      { numRuns: 10 },
    );
  });
});

const TOKENS = [
  '"',
  "'",
  '`',
  '\\',
  '$',
  '$(',
  '$((',
  '))',
  ')',
  '(',
  '((',
  '${',
  '${a:-',
  '${a#',
  '}',
  "$'",
  '$"',
  '$[',
  ']',
  '\n',
  ' ',
  ' ',
  ';',
  ';;',
  '&&',
  '|',
  '<<A\n',
  "<<'A'\n",
  '<<-A\n',
  '\nA\n',
  '\n\tA\n',
  '<<<',
  '<(',
  '#',
  ' # ',
  'case ',
  ' in ',
  ' esac',
  'a)',
  'if ',
  'then ',
  'fi\n',
  'f() ',
  '{ ',
  '; }',
  'a',
  ' b ',
  'x=',
  'a[',
  'let ',
  'echo ',
  'declare -i n=',
  '[[ ',
  ' ]]',
  ' -eq ',
  '[ ',
  'test -v ',
  'printf -v ',
  'unset ',
  'cat ',
  '!',
  '*',
  '~',
  '/',
];
const soup = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...TOKENS) },
      { weight: 1, arbitrary: fc.constant('${{ params.v }}') },
    ),
    {
      maxLength: 40,
      size: 'max',
    },
  )
  .map((tokens) => tokens.join(''));

describe('scripts that make no sense', () => {
  test('are taken apart without loss, and never throw', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const parsed = parseScript(text, ['bash']);
        if (!parsed.ok) {
          expect(parsed.error.length).toBeGreaterThan(0);
          return;
        }
        const { segments, expressions, literals, sites } = parsed.value;
        expect(literals).toHaveLength(expressions.length + 1);
        const placeholders = [...sites.map((site) => text.slice(site.start, site.end)), ''];
        expect(segments.map((part, i) => part + placeholders[i]).join('')).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['bash', 'dash'] as const)('do not run a value in %s, however garbled', (shell) => {
    const scripts = fc.array(soup, { minLength: 150, maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(scripts, evilText, (texts, fallback) => {
        const bodies = texts.flatMap((text) => {
          const parsed = parseScript(text, [shell]);
          if (!parsed.ok) return [];
          const values = ['$(touch x)', 'a[$(touch x)]', '`touch x`', "'$(touch x)'", ';touch x;', fallback];
          const made = renderScript(
            parsed.value,
            parsed.value.expressions.map((_, i) => values[(i + text.length) % values.length] ?? ''),
          );
          return made.ok ? [made.value] : [];
        });
        // Each in a process of its own, since most end in a syntax error.
        const lines = bodies.map(({ preamble, body }) => {
          const script = `${preamble}${body}`.replaceAll("'", "'\\''");
          return `timeout 2 ${shell} -c '${script}' </dev/null >/dev/null 2>&1`;
        });
        const { files } = run(shell, `ulimit -f 100\n${lines.join('\n')}\n`);
        expect(files).not.toContain('x');
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  test.each(TOKENS.map((token) => [JSON.stringify(token), token]))(
    'are read in linear time: %s repeated',
    (_, token) => {
      const text = `${token}\${{ params.v }}`.repeat(3_000);
      const parsed = parseScript(text, ['bash']);
      expect(parsed.ok ? parsed.value.segments.length : parsed.error.length).toBeGreaterThan(0);
    },
  );
});
