import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { decode } from '../../../src/apis/decode.ts';

function valueOf(text: string, file = 'a.yaml'): unknown {
  const { documents, diagnostics } = decode(text, file);
  expect(diagnostics).toEqual([]);
  return documents[0]?.value;
}

/** Where a diagnostic about a path lands, as `line:column`. */
function place(text: string, path: (string | number)[], more: { offset?: number; atKey?: boolean } = {}): string {
  const [document] = decode(text, 'a.yaml').documents;
  const at = document?.locate({ severity: 'error', code: 'E-TYPE', path, message: '', ...more });
  return `${at?.line}:${at?.column}`;
}

test('several documents, empty ones left out', () => {
  const { documents } = decode('a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n', 'a.yaml');
  expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, { b: 2 }]);
  expect(decode('', 'a.yaml')).toEqual({ documents: [], diagnostics: [] });
  expect(decode('# only a comment\n', 'a.yaml')).toEqual({ documents: [], diagnostics: [] });
});

test('a broken document does not hide a good one', () => {
  const { documents, diagnostics } = decode('a: [1\n---\nb: 2\n', 'a.yaml');
  expect(documents.map(({ value }) => value)).toEqual([{ b: 2 }]);
  expect(diagnostics).toMatchObject([{ code: 'E-YAML', line: 2 }]);
});

test('keys of the prototype are keys like others', () => {
  for (const text of ['{"__proto__": {"x": 1}, "constructor": 2}', '__proto__: {x: 1}\nconstructor: 2\n']) {
    const value = valueOf(text) as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as Record<string, unknown>)['x']).toBeUndefined();
  }
});

test('any JSON reads the same as JSON, as YAML, and from JSON.parse', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (json) => {
      const wrapped = { v: json };
      const text = JSON.stringify(wrapped);
      const plain: unknown = JSON.parse(text.replaceAll(/(?<=[[,:])-0(?=[,}\]])/g, '0'));
      const { documents, diagnostics } = decode(text, 'a.json');
      // Control characters and unsafe numbers are refused by design.
      fc.pre(diagnostics.length === 0);
      expect(documents[0]?.value).toEqual(plain);
      const yaml = decode(
        stringify(plain, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'QUOTE_DOUBLE' }),
        'a.yaml',
      );
      fc.pre(yaml.diagnostics.length === 0);
      expect(yaml.documents[0]?.value).toEqual(plain);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['a: [1\n', 'E-YAML'],
  ['a: b: c\n', 'E-YAML'],
  ['a: @x\n', 'E-YAML'],
  ['a: "x\n', 'E-YAML'],
  ['a:\n  - ${{ x }}: y: z\n', 'E-YAML'],
  ['%YAML 1.1\n---\na: 1\n', 'E-YAML'],
  ['a: !params.x\n', 'E-TAG'],
  ['a: !!binary aGk=\n', 'E-TAG'],
  ['a: !!int 3\n', 'E-TAG'],
  ['a: 1\nb: 2\na: 3\n', 'E-DUPLICATE-KEY'],
  ['{"a": 1, "a": 2}', 'E-DUPLICATE-KEY'],
  ['a: 1\n"a": 2\n', 'E-DUPLICATE-KEY'],
  ['a: &x 1\n<<: *x\n', 'E-AMBIGUOUS-KEY'],
  ['? [a]\n: 1\n', 'E-KEY-KIND'],
  ['a: &x y1\n*x : 1\n', 'E-KEY-KIND'],
  ['a: *nothing\n', 'E-ALIAS'],
  ['a: &a [*a]\n', 'E-ALIAS'],
  ['a: x\0y\n', 'E-CHARACTER'],
  ['a: x\u0085y\n', 'E-CHARACTER'],
  ['a: x\u2028y\n', 'E-CHARACTER'],
  ['a: x\ry\n', 'E-CHARACTER'],
  ['a: x\x07y\n', 'E-CHARACTER'],
  ['a: x\ufffdy\n', 'E-CHARACTER'],
  ['a: x\ud800y\n', 'E-CHARACTER'],
  ['a: "x\\0y"\n', 'E-CHARACTER'],
  ['{"a": "x\\u0000y"}', 'E-CHARACTER'],
  ['a: "\\ud800"\n', 'E-CHARACTER'],
  ['{"a": 12345678901234567890}', 'E-AMBIGUOUS-VALUE'],
  ['{"a": 1e999}', 'E-AMBIGUOUS-VALUE'],
])('%j is refused as %s, with a place', (text, code) => {
  const { documents, diagnostics } = decode(text, 'a.yaml');
  expect(documents).toEqual([]);
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(diagnostics.map((d) => d.code)).toContain(code);
  for (const d of diagnostics) {
    expect(d.line).toBeGreaterThanOrEqual(1);
    expect(d.column).toBeGreaterThanOrEqual(1);
  }
});

test('a broken .json file is told of in the words of JSON', () => {
  expect(decode('{"a": 1,}', 'a.json').diagnostics).toMatchObject([{ code: 'E-JSON', line: 1, column: 9 }]);
  expect(decode('{"a": [1 2]}', 'a.json').diagnostics).toMatchObject([{ code: 'E-JSON', line: 1, column: 10 }]);
});

test('text that only begins like JSON is YAML', () => {
  expect(valueOf('{a: 1, b: [x, y1]}')).toEqual({ a: 1, b: ['x', 'y1'] });
});

test.each(['['.repeat(1_000_000), '{a: '.repeat(200_000), '- '.repeat(500_000), '? '.repeat(500_000)])(
  'a million levels are an error with a place: %.8s…',
  (text) => {
    expect(decode(text, 'a.yaml').diagnostics).toMatchObject([{ code: 'E-DEPTH', line: 1 }]);
  },
);

test('an alias bomb is an error with a place, and small use of aliases is not', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 30; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  expect(decode(lines.join('\n'), 'a.yaml').diagnostics).toMatchObject([{ code: 'E-ALIAS', line: 6 }]);
  expect(valueOf('a: &x {k: 1}\nb: [*x, *x]\n')).toEqual({ a: { k: 1 }, b: [{ k: 1 }, { k: 1 }] });
});

test('aliases cannot build the depth that nesting cannot', () => {
  const lines = ['a0: &a0 [x]'];
  for (let i = 1; i < 200; i++) lines.push(`a${i}: &a${i} [*a${i - 1}]`);
  expect(decode(lines.join('\n'), 'a.yaml').diagnostics).toMatchObject([
    { code: 'E-DEPTH', line: 100 },
    { code: 'E-DEPTH', line: 199 },
  ]);
});

test('a text above the limit is refused unread', () => {
  const { diagnostics } = decode(' '.repeat(33 * 1024 * 1024), 'a.yaml');
  expect(diagnostics).toMatchObject([{ code: 'E-TOO-LARGE', line: 1, column: 1 }]);
});

test('a thousand mistakes are a hundred diagnostics and a word about the rest', () => {
  const { diagnostics } = decode(`a: [${'yes, '.repeat(1000)}]`, 'a.yaml');
  expect(diagnostics.length).toBe(101);
  expect(diagnostics.at(-1)?.code).toBe('E-MORE');
});

const TEXT = `a: 1
list:
  - name: x
    "quoted key": "v"
  - &anchor {name: z, deep: [1, {k: v}]}
same: *anchor
`;

test.each([
  [['a'], '1:4'],
  [['list'], '3:3'],
  [['list', 0, 'name'], '3:11'],
  [['list', 0, 'quoted key'], '4:19'],
  [['list', 1, 'deep', 1, 'k'], '5:37'],
  [['list', 1, 'nothing', 'here'], '5:13'],
  [['list', 7], '3:3'],
  [['list', '0'], '3:3'],
  [['same', 'deep', 1], '6:7'],
  [[], '1:1'],
  [['__proto__'], '1:1'],
])('the value at %j stands at %s', (path, expected) => {
  expect(place(TEXT, path)).toBe(expected);
});

test('a problem of a key stands at the key', () => {
  expect(place(TEXT, ['list', 0, 'quoted key'], { atKey: true })).toBe('4:5');
  expect(place(TEXT, ['list', 1], { atKey: true })).toBe('5:13');
});

test('JSON has places too', () => {
  const text = '{\n  "a": [1,\n    {"b": "x"}]\n}';
  expect(place(text, ['a', 1, 'b'])).toBe('3:11');
  expect(place(text, ['a', 1, 'b'], { atKey: true })).toBe('3:6');
});

test('columns count characters, also those that take two units', () => {
  expect(place('a: ["\u{1f600}\u{1f600}", x]\n', ['a', 1])).toBe('1:11');
});

/** The character of the file at which `offset` of the only value lands. */
function characterAt(text: string, offset: number): string | undefined {
  const [document] = decode(text, 'a.yaml').documents;
  const at = document?.locate({ severity: 'error', code: 'E', path: ['a'], message: '', offset });
  return text.split('\n')[(at?.line ?? 0) - 1]?.[(at?.column ?? 0) - 1];
}

test.each([
  ['plain', 'a: one two #c\n'],
  ['plain on two lines', 'a: one\n  two\n'],
  ['single quotes', "a: 'it''s two'\n"],
  ['double quotes', 'a: "\\"tab\\t\\u00e9 two"\n'],
  ['double quotes on two lines', 'a: "one\n\n  two"\n'],
  ['literal block', 'a: |\n  one\n\n    two\n  three\n'],
  ['literal block with indicators', 'a: |2-\n    one\n  two\n'],
  ['literal block behind a tag and an anchor', 'b: x\na: !!str &n |-\n   one\n   two\n'],
  ['folded block', 'a: >\n  one\n  two\n\n  three\n'],
  ['CRLF', 'a: |\r\n  one\r\n  two\r\n'],
  ['JSON', '{"a": "one\\n\\"two"}'],
])('an offset in a scalar is found: %s', (_kind, text) => {
  const { a: value } = valueOf(text) as { a: string };
  let letters = 0;
  for (let offset = 0; offset < value.length; offset++) {
    if (!/[a-z]/.test(value[offset] ?? '')) continue;
    if (value[offset] === 't' && value.startsWith('tab')) continue;
    letters++;
    expect(`${offset}${characterAt(text, offset)}`).toBe(`${offset}${value[offset]}`);
  }
  expect(letters).toBeGreaterThan(2);
});
