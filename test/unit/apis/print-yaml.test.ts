import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { decode } from '../../../src/apis/decode.ts';
import { printYaml } from '../../../src/apis/print-yaml.ts';

const awkward = (
  'y n on Off no yes null Null ~ 010 0o17 0x1F 0b11 1_000 1e3 .5 1. +1 .inf 12:30:00 190:20:30 2001-12-14 << = - --- ... ' +
  '? ! & * % @ ` { } [ ] , | > # 1.2.3 _1'
).split(' ');
const odd = [
  '',
  ' ',
  'a: b',
  'a #b',
  '- a',
  ' a',
  'a ',
  'a\nb\n',
  '\ta\nb',
  'x\n\n',
  '\n',
  'a\r\nb',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\u007f',
  '"',
  "'",
];

test('every awkward string reads back as itself, as value and as key, in YAML 1.2 and 1.1', () => {
  const strings = [...awkward, ...odd];
  const value = { list: strings, map: Object.fromEntries(strings.map((key, i) => [key, i])) };
  const text = printYaml(value);
  for (const version of ['1.2', '1.1'] as const) expect(parse(text, { version, merge: false })).toEqual(value);
  expect(decode(text, 'x.yaml')).toMatchObject({ diagnostics: [], documents: [{ value }] });
});

test('plain data in block style: texts of several lines as literal blocks, no aliases, absent members left out', () => {
  const shared = { cpu: 1 };
  expect(printYaml({ run: 'a\nb\n', x: shared, y: shared, gone: undefined, empty: [] })).toBe(
    'run: |\n  a\n  b\nx:\n  cpu: 1\n"y":\n  cpu: 1\nempty: []\n',
  );
  expect(printYaml('word '.repeat(100))).toBe(`"${'word '.repeat(100)}"\n`);
});

test('any data reads back the same', () => {
  const unit = fc.constantFrom(
    'a',
    ' ',
    '\n',
    '\t',
    ':',
    '#',
    '-',
    '"',
    "'",
    '\r',
    '|',
    '%',
    '\u2028',
    '\u0001',
    'y',
    '0',
    '_',
    '.',
    '!',
    '{',
    ',',
    '\\',
    'é',
    '😀',
  );
  const text = fc.oneof(fc.string({ unit, maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 4 }));
  const scalar = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
  const data = fc.oneof(scalar, fc.array(scalar), fc.dictionary(text, fc.oneof(scalar, fc.array(scalar))));
  const property = fc.property(data, fc.constantFrom('1.2' as const, '1.1' as const), (value, version) => {
    expect(JSON.stringify(parse(printYaml(value), { version, merge: false }))).toBe(JSON.stringify(value));
  });
  fc.assert(property, { numRuns: 500 });
});
