import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Column } from '../../../src/apis/workflow.ts';
import { MAX_DIAGNOSTICS, MAX_SHEET_COLUMNS } from '../../../src/base/limits.ts';
import { parseSheet, type SheetOptions } from '../../../src/graph/sheet.ts';

type Format = SheetOptions['format'];

const rows = (text: string, format: Format = 'CSV', columns?: readonly Column[]): unknown => {
  const sheet = parseSheet(text, columns === undefined ? { format } : { format, columns });
  return sheet.ok ? sheet.value.rows.map((row) => ({ ...row })) : sheet.error;
};
const lines = (text: string, format: Format = 'CSV'): unknown => {
  const sheet = parseSheet(text, { format });
  return sheet.ok ? sheet.value.lines : sheet.error;
};
/** `LINE: MESSAGE` of every problem; a sheet without problems is a failed expectation. */
const problems = (text: string, format: Format = 'CSV', columns: readonly Column[] = []): readonly string[] => {
  const sheet = parseSheet(text, { format, columns });
  return sheet.ok ? ['no problem'] : sheet.error.map((problem) => `${problem.line}: ${problem.message}`);
};

describe('delimited text', () => {
  const table: readonly [name: string, text: string, format: Format, expected: readonly object[]][] = [
    ['cells are strings', 'a,b\n1,x y\n', 'CSV', [{ a: '1', b: 'x y' }]],
    ['the last line needs no end', 'a,b\n1,2', 'CSV', [{ a: '1', b: '2' }]],
    [
      'CRLF and CR end lines',
      'a,b\r\n1,2\r3,4\r\n',
      'CSV',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['a byte order mark is no part of the first name', '\ufeffa\n1\n', 'CSV', [{ a: '1' }]],
    ['quoted cells', 'a,b\n"1,2","say ""hi"""\n', 'CSV', [{ a: '1,2', b: 'say "hi"' }]],
    ['a quoted cell of two lines', 'a,b\n"1\n2",x\n', 'CSV', [{ a: '1\n2', b: 'x' }]],
    ['quoted empty cells', 'a,b\n"",""\n', 'CSV', [{ a: '', b: '' }]],
    ['a quote inside an unquoted cell', 'a,b\n5" pipe,x\n', 'CSV', [{ a: '5" pipe', b: 'x' }]],
    ['empty lines count for nothing', '\na\n\n1\n\r\n2\n\n', 'CSV', [{ a: '1' }, { a: '2' }]],
    ['white space is kept', 'a,b\n 1 , 2\n', 'CSV', [{ a: ' 1 ', b: ' 2' }]],
    ['a delimiter at the end makes an empty cell', 'a,b\n1,\n', 'CSV', [{ a: '1', b: '' }]],
    ['tabs', 'a\tb\n1,5\tx\n', 'TSV', [{ a: '1,5', b: 'x' }]],
    ['a header alone is no row', 'a,b\n', 'CSV', []],
  ];
  test.each(table)('%s', (_, text, format, expected) => expect(rows(text, format)).toEqual(expected));

  test('lines are those where rows begin', () => expect(lines('a,b\r\n\r\n"1\r\n\r\n2",x\n3,y\r\n')).toEqual([3, 6]));

  const wrong: readonly [name: string, text: string, expected: readonly (string | RegExp)[]][] = [
    ['nothing at all', '', [/^1: the sheet is empty/]],
    ['nothing but lines', '\n\n', [/^1: the sheet is empty/]],
    ['ragged rows', 'a,b\n1\n1,2\n1,2,3\n', [/^2: this row has 1 cells, the header has 2/, /^4: this row has 3 cells/]],
    ['a cell that does not end', 'a,b\n1,2\n3,"x\ny\n', [/^3: a quoted cell begins here and does not end/]],
    ['text after a quote', 'a,b\n1,"x"y\n', [/^2: text follows the closing quote/]],
    ['doubled columns', 'id,b,id\n1,2,3\n', [/^1: columns 1 and 3 are both named "id"/]],
    ['a column without a name', 'a,,c\n1,2,3\n', [/^1: column 2 has no name/]],
    ['too many columns', `${'c,'.repeat(MAX_SHEET_COLUMNS)}d\n`, [/MAX_SHEET_COLUMNS/]],
  ];
  test.each(wrong)('%s', (_, text, expected) => {
    expect(problems(text)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test('problems are counted beyond a limit', () => {
    const found = problems(`a,b\n${'1\n'.repeat(5 * MAX_DIAGNOSTICS)}`);
    expect(found.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS + 1);
  });

  test('what is printed is read back', () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', ' ', '"', ',', '\t', '\n', '\r', "'", 'é', '\ufeff'),
      maxLength: 6,
    });
    const names = fc.uniqueArray(
      cell.filter((name) => name !== ''),
      { minLength: 1, maxLength: 4 },
    );
    const sheet = names.chain((header) =>
      fc.tuple(fc.constant(header), fc.array(fc.array(cell, { minLength: header.length, maxLength: header.length }))),
    );
    const print = (cells: readonly string[], delimiter: string): string =>
      cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(delimiter);
    const property = fc.property(
      sheet,
      fc.constantFrom('CSV', 'TSV'),
      fc.constantFrom('\n', '\r\n'),
      (drawn, format, end) => {
        const [header, body] = drawn;
        const text = [header, ...body].map((cells) => print(cells, format === 'CSV' ? ',' : '\t')).join(end);
        const expected = body.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i]])));
        expect(rows(text, format)).toEqual(expected);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('any text is rows on ascending lines within it, or problems there', () => {
    const drawnText = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', '1'), maxLength: 40 });
    const property = fc.property(drawnText, (text) => {
      const sheet = parseSheet(text, { format: 'CSV' });
      const at = sheet.ok ? sheet.value.lines : sheet.error.map((problem) => problem.line);
      expect(at).toEqual([...at].sort((a, b) => a - b));
      expect(at.every((line) => line >= 1 && line <= text.split(/\r\n|\r|\n/).length)).toBe(true);
      expect(sheet.ok || sheet.error.length > 0).toBe(true);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('JSON and YAML', () => {
  test('J-30 cells keep their types; null is absent', () => {
    const expected = [{ s: 'x', i: 1, d: 1.5, b: true, l: [1], o: { k: 'v' } }];
    const json = '[{"s": "x", "i": 1, "d": 1.5, "b": true, "gone": null, "l": [1], "o": {"k": "v"}}]';
    expect(rows(json, 'JSON')).toEqual(expected);
    expect(rows(json, 'YAML')).toEqual(expected);
    expect(rows('- {s: x, i: 1, d: 1.5, b: true, gone: null, l: [1]}\n- s: z\n', 'YAML')).toEqual([
      { s: 'x', i: 1, d: 1.5, b: true, l: [1] },
      { s: 'z' },
    ]);
  });

  test('lines are those where rows begin', () => {
    expect(lines('[{"a":\n1}, {"a": 2},\n\n  {"a": "😀"}]', 'JSON')).toEqual([1, 2, 4]);
    expect(lines('# rows\n- a: 1\n  b: [2,\n   3]\n\n- a: 2\n', 'YAML')).toEqual([2, 6]);
  });

  test('what YAML readers disagree about is refused, as in documents', () => {
    expect(problems('- a: x\n- a: no\n', 'YAML')).toEqual([expect.stringMatching(/^2: /)]);
  });

  const wrong: readonly [text: string, format: Format, expected: RegExp][] = [
    ['{"a": 1}', 'JSON', /must be a list/],
    ['- a: 1', 'JSON', /must be a list/],
    ['a: 1', 'YAML', /must be a list/],
    ['- a: 1\n---\n- a: 2\n', 'YAML', /must be a list/],
    ['', 'YAML', /must be a list/],
    ['[1,\n2', 'JSON', /^2: /],
    ['[{"a": 1},\n 2]', 'JSON', /^2: row 2 is no object/],
    ['- a: 1\n- [1]\n', 'YAML', /^2: row 2 is no object/],
    ['[{"a": 1, "a": 2}]', 'JSON', /twice/],
    ['- a: 1\n- {a: 1, a: 2}\n', 'YAML', /^2: .*twice/],
    [`${'['.repeat(5000)}${']'.repeat(5000)}`, 'JSON', /deeper/],
  ];
  test.each(wrong)('%j as %s', (text, format, expected) => {
    expect(problems(text, format)[0]).toMatch(expected);
  });
});

describe('declared columns', () => {
  const cell = (type: string, text: string): unknown => rows(`x,k\n"${text}",1\n`, 'CSV', [{ name: 'x', type }]);
  const good: readonly [type: string, text: string, value: unknown][] = [
    ['string', '007', '007'],
    ['path', 'a b/c.txt', 'a b/c.txt'],
    ['int', '007', 7],
    ['int', '-3', -3],
    ['int', '-0', 0],
    ['int', '9007199254740991', Number.MAX_SAFE_INTEGER],
    ['double', '1', 1],
    ['double', '-1.5e3', -1500],
    ['double', '.5', 0.5],
    ['bool', 'true', true],
    ['bool', 'FALSE', false],
    ['duration', '1h30m', '1h30m'],
    ['quantity', '16Gi', '16Gi'],
  ];
  test.each(good)('%s %s', (type, text, value) => expect(cell(type, text)).toEqual([{ x: value, k: '1' }]));

  const bad: readonly [type: string, text: string][] = [
    ['int', '1.5'],
    ['int', ' 1'],
    ['int', '0x10'],
    ['int', '9007199254740992'],
    ['double', 'nan'],
    ['double', '1,5'],
    ['double', '1e999'],
    ['double', ''],
    ['bool', 'yes'],
    ['duration', 'soon'],
    ['quantity', '16 GB'],
  ];
  test.each(bad)('%s %j is refused with its line and column', (type, text) => {
    expect(cell(type, text)).toEqual([{ line: 2, message: expect.stringMatching(/^column "x"/) }]);
  });

  test('the default type is string, in JSON too', () => {
    expect(rows('[{"a": 1}, {"a": true}, {"a": "x"}]', 'JSON', [{ name: 'a' }])).toEqual([
      { a: '1' },
      { a: 'true' },
      { a: 'x' },
    ]);
    expect(problems('[{"a": [1]}]', 'JSON', [{ name: 'a' }])[0]).toMatch(/^1: .*list or an object/);
  });

  test('an empty optional cell is no key of its row; another is a problem', () => {
    const optional = [{ name: 'b', optional: true }];
    expect(rows('a,b\n1,\n2,x\n', 'CSV', optional)).toEqual([{ a: '1' }, { a: '2', b: 'x' }]);
    expect(rows('a\n1\n', 'CSV', optional)).toEqual([{ a: '1' }]);
    expect(problems('a,b\n1,\n', 'CSV', [{ name: 'b' }])).toEqual([
      expect.stringMatching(/^2: column "b" is empty.*optional: true/),
    ]);
    expect(problems('a\n1\n', 'CSV', [{ name: 'b' }])).toEqual([expect.stringMatching(/^2: column "b" is missing/)]);
    expect(problems('[{"a": null}]', 'JSON', [{ name: 'a' }])).toEqual([
      expect.stringMatching(/^1: column "a" is missing/),
    ]);
  });

  test('enum compares values of the column type', () => {
    const column = [{ name: 'n', type: 'int', enum: [1, '2'] }];
    expect(rows('n\n01\n2\n', 'CSV', column)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(problems('n\n3\n', 'CSV', column)).toEqual([expect.stringMatching(/^2: column "n": "3" is none of 1, "2"/)]);
    expect(problems('n\n3\n', 'CSV', [{ name: 'n', type: 'int', enum: ['x'] }])[0]).toMatch(/enum: "x" is no int/);
  });

  test('pattern is RE2, found anywhere', () => {
    const column = [{ name: 'id', pattern: '^S[0-9]+$' }];
    expect(rows('id\nS1\n', 'CSV', column)).toEqual([{ id: 'S1' }]);
    expect(problems('id\nS1\nT1\n', 'CSV', column)).toEqual([expect.stringMatching(/^3: .*"T1" does not match/)]);
    expect(problems('id\nS1\n', 'CSV', [{ name: 'id', pattern: '(?=x)' }])[0]).toMatch(/pattern: /);
    const evil = `id\n${'a'.repeat(50_000)}!\n`;
    expect(problems(evil, 'CSV', [{ name: 'id', pattern: '^(a+)+$' }])[0]).toMatch(/does not match/);
  });

  test('unique names both lines, and does not mind absent cells', () => {
    const column = [{ name: 'id', type: 'int', unique: true, optional: true }];
    expect(problems('id,k\n1,a\n2,b\n01,c\n', 'CSV', column)).toEqual([
      expect.stringMatching(/"1" stands in lines 2 and 4/),
    ]);
    expect(rows('id,k\n,a\n,b\n', 'CSV', column)).toEqual([{ k: 'a' }, { k: 'b' }]);
  });

  test('a type that no cell can have, and a column declared twice', () => {
    expect(problems('a\n1\n', 'CSV', [{ name: 'a', type: 'list<int>' }])[0]).toMatch(/no cell can be of type/);
    expect(problems('a\n1\n', 'CSV', [{ name: 'a' }, { name: 'a' }])[0]).toMatch(/declared twice/);
  });
});

test('columns named like members of prototypes are columns', () => {
  const names = ['__proto__', 'constructor', 'toString'];
  const texts: readonly [Format, string][] = [
    ['CSV', '__proto__,constructor,toString\n1,2,3\n'],
    ['JSON', '[{"__proto__": "1", "constructor": "2", "toString": "3"}]'],
    ['YAML', '- __proto__: "1"\n  constructor: "2"\n  toString: "3"\n'],
  ];
  for (const [format, text] of texts) {
    for (const columns of [[], names.map((name) => ({ name, type: 'int' }))]) {
      const sheet = parseSheet(text, { format, columns });
      const row = sheet.ok ? sheet.value.rows[0] : undefined;
      expect(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)])).toEqual(
        names.map((name, i) => [name, i + 1]),
      );
      expect(Object.getPrototypeOf(row)).toBeNull();
    }
  }
  expect(problems('a\n1\n', 'CSV', [{ name: 'constructor' }])).toEqual([expect.stringMatching(/is missing/)]);
});
