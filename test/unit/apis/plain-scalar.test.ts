import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { decode } from '../../../src/apis/decode.ts';
import { KUBECTL, type Reading } from './kubectl-readings.ts';

/** What both doors read alike and is refused all the same, because it loses something that people mean. */
const REFUSED_FOR_PEOPLE = new Set([
  // Zeros in front get lost.
  '00',
  '08',
  '09',
  // More digits than a number of ours holds; kubectl turns most of these into floats itself.
  '9007199254740992',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '-9223372036854775808',
  '-9223372036854775809',
  '123456789012345678901234567890',
  '0xFFFFFFFFFFFFFFFF',
]);

function readsAlike(source: string, kubectl: Reading): boolean {
  if (kubectl === 'refused') return false;
  const ours: unknown = parse(`[${source}]`, { logLevel: 'silent' })[0];
  if ('json' in kubectl) return ours === kubectl.json;
  if (typeof ours !== 'number') return false;
  // Whole numbers are compared digit by digit, where a double would hide the difference.
  const digits = kubectl.number;
  const exact = /^-?\d+$/.test(digits) && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits);
  return exact ? Number.isInteger(ours) && BigInt(ours) === BigInt(digits) : ours === Number(digits);
}

function decodeValue(source: string) {
  return decode(`v:\n  - ${source}\n`, 'a.yaml');
}

test.each(KUBECTL.filter(([source]) => !source.includes(',')))('the plain value %s', (source, kubectl) => {
  const { documents, diagnostics } = decodeValue(source);
  if (!readsAlike(source, kubectl)) {
    expect(diagnostics).toMatchObject([{ code: 'E-AMBIGUOUS-VALUE', line: 2, column: 5, path: ['v', 0] }]);
    expect(documents).toEqual([]);
  } else if (REFUSED_FOR_PEOPLE.has(source)) {
    expect(diagnostics).toMatchObject([{ code: 'E-AMBIGUOUS-VALUE' }]);
  } else {
    expect(diagnostics).toEqual([]);
    expect(documents[0]?.value).toEqual({
      v: [kubectl === 'refused' || 'json' in kubectl ? parse(source) : Number(kubectl.number)],
    });
  }
});

test.each(KUBECTL)('the plain key %s', (source, _value, kubectl) => {
  const { documents, diagnostics } = decode(`v:\n    ${source}: x\n`, 'a.yaml');
  if (kubectl !== source) {
    expect(diagnostics).toMatchObject([{ code: 'E-AMBIGUOUS-KEY', line: 2, column: 5, path: ['v'] }]);
  } else if (diagnostics.length === 0) {
    expect(documents[0]?.value).toEqual({ v: { [source]: 'x' } });
  } else {
    // Spelt alike by both, but only for want of digits.
    expect(source).toMatch(/^[-.\d+]|inf|nan/);
  }
});

test.each(KUBECTL.map(([source]) => source))('quoted, %s is text as a value and as a key', (source) => {
  const { documents, diagnostics } = decode(`"${source}": "${source}"\n`, 'a.yaml');
  expect(diagnostics).toEqual([]);
  expect(documents[0]?.value).toEqual({ [source]: source });
});

test('a walltime with colons is text for both', () => {
  expect(decodeValue('12:30:00').documents[0]?.value).toEqual({ v: ['12:30:00'] });
});

test('a word with a question mark in front is a key for kubectl in a flow list', () => {
  expect(decode('v: [?a, b]', 'a.yaml').diagnostics).toMatchObject([{ code: 'E-AMBIGUOUS-VALUE', line: 1, column: 5 }]);
});

test('the message of an ambiguous key says what to write', () => {
  const [diagnostic] = decode('params: {n: 1}', 'a.yaml').diagnostics;
  expect(diagnostic?.message).toBe('kubectl reads the plain key n as false. Write "n", or better rename it.');
});
