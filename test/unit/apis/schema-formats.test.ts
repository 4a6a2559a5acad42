import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dropNulls } from '../../../src/apis/drop-nulls.ts';
import { editorSchema } from '../../../src/apis/json-schema.ts';
import { formatBounds } from '../../../src/apis/schema-formats.ts';
import type { SchemaNode, TextFormat, TextKind } from '../../../src/apis/schema-node.ts';
import { validateWorkflow } from '../../../src/apis/validate.ts';
import { walkSchema } from '../../../src/apis/walk-schema.ts';

// Clusters and editors read the rules of the validator as patterns: they may refuse less, never more.

const node = (format: TextFormat, kind: TextKind): SchemaNode => ({
  description: 'A value.',
  type: 'string',
  'x-fixpoint-text': kind,
  'x-fixpoint-format': format,
});

function validatorTakes(format: TextFormat, kind: TextKind, value: string): boolean {
  let fine = true;
  walkSchema(node(format, kind), value, [], () => {
    fine = false;
  });
  return fine;
}

function patternTakes(format: TextFormat, kind: TextKind, value: string): boolean {
  const { pattern = '', minLength = 0, maxLength = Infinity } = formatBounds(node(format, kind));
  return new RegExp(pattern, 'u').test(value) && value.length >= minLength && value.length <= maxLength;
}

const RIGHT: Readonly<Partial<Record<TextFormat, readonly string[]>>> = {
  'param-type': ['string', 'list<int>', 'map<list<quantity>>', 'any'],
  mode: ['644', '0644', '7777', '07777'],
  key: ['align', 'align/NA12878', 'a=1,b:2/~20', '-a'],
  integer: ['0', '-5', '007', '123456789012345'],
  quantity: ['2', '500m', '16Gi', '1.5G', '+2', '.5', '5.', '1e3', '1E-3', '1E', '0'],
  count: ['0', '12'],
  duration: ['90s', '1h30m', '7d', '500ms', '1.5h', '1d2h3m4s5ms'],
  walltime: ['12h', '12:30:00', '1-12:30:00', '100:00:00'],
};
const WRONG: Readonly<Partial<Record<TextFormat, readonly string[]>>> = {
  'param-type': ['strin', 'list<', 'list', 'list<int> '],
  mode: ['999', '64', '0o644', 'rwx'],
  key: ['', '/a', 'a//b', 'a b', 'a/'],
  integer: ['', '1.0', '1e3', ' 1', '1234567890123456'],
  quantity: ['', '-1', '16GB', '1 Gi', 'x', '1e', '1e1234', '1Ki2'],
  count: ['-1', '500m', '1234567890'],
  duration: ['', '90', '30m1h', '1.5ms', 'soon', '1h 30m', '12:30:00'],
  walltime: ['', '90', '12:30', '12:60:00', '1-2-12:30:00'],
};

describe('patterns of formats', () => {
  test.each(Object.entries(RIGHT))('%s: what is right', (format, values) => {
    for (const value of values) {
      expect(validatorTakes(format as TextFormat, 'literal', value), value).toBe(true);
      expect(patternTakes(format as TextFormat, 'literal', value), value).toBe(true);
    }
  });

  test.each(Object.entries(WRONG))('%s: what is wrong, and no expression', (format, values) => {
    for (const value of values) {
      expect(validatorTakes(format as TextFormat, 'literal', value), value).toBe(false);
      expect(patternTakes(format as TextFormat, 'literal', value), value).toBe(false);
      expect(patternTakes(format as TextFormat, 'text', value), value).toBe(false);
      expect(patternTakes(format as TextFormat, 'text', `${value}\n\${{ x }}`), value).toBe(true);
    }
  });

  test('never refuse what the validator takes', () => {
    const formats = Object.keys(RIGHT) as TextFormat[];
    const piece = fc.constantFrom(
      ...Array.from('0159.-+:/ <>hmsdkKMGiEen\n'),
      'ms',
      'Gi',
      'list<',
      'int',
      '12',
      '${{',
      '}}',
      'ü',
    );
    const near = fc.tuple(
      fc.constantFrom(...Object.values(RIGHT).flat()),
      fc.array(piece, { maxLength: 3 }),
      fc.nat(8),
    );
    const made = near.map(([text, extra, at]) => text.slice(0, at) + extra.join('') + text.slice(at));
    let taken = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...formats),
        fc.constantFrom<TextKind>('literal', 'text'),
        made,
        (format, kind, value) => {
          if (!validatorTakes(format, kind, value)) return;
          taken++;
          expect(patternTakes(format, kind, value), `${format} ${value}`).toBe(true);
        },
      ),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(1_000);
  });
});

describe('fields that exclude one another', () => {
  const editor = new Ajv({ strict: false, logger: false }).compile(editorSchema());
  const document = (task: object) => ({
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'w' },
    spec: { tasks: [{ name: 'a', ...task }] },
  });
  const CASES: readonly {
    what: string;
    fields: Readonly<Record<string, unknown>>;
    within: (entry: object) => object;
  }[] = [
    {
      what: 'inputs',
      fields: { path: 'x', paths: ['x'], glob: 'x' },
      within: (e) => ({ inputs: [{ name: 'i', ...e }] }),
    },
    { what: 'outputs', fields: { path: 'x', glob: 'x' }, within: (e) => ({ outputs: [{ name: 'o', ...e }] }) },
    { what: 'env', fields: { value: 'x' }, within: (e) => ({ env: [{ name: 'A', ...e }] }) },
    {
      what: 'an axis',
      fields: { values: [1], valuesFrom: '${{ [1] }}', each: 'b' },
      within: (e) => ({ foreach: { matrix: [{ name: 'm', ...e }] } }),
    },
    {
      what: 'foreach',
      fields: {
        items: [1],
        itemsFrom: '${{ [1] }}',
        range: { count: 1 },
        matrix: [{ name: 'm', values: [1] }],
        each: 'b',
      },
      within: (e) => ({ foreach: e }),
    },
  ];

  test.each(CASES)('$what: editor and validator agree, whichever are set or null', ({ fields, within }) => {
    const names = Object.keys(fields);
    for (let set = 0; set < 2 ** names.length; set++) {
      const entry = Object.fromEntries(names.map((name, bit) => [name, (set >> bit) & 1 ? fields[name] : null]));
      const absent = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
      const fine = !validateWorkflow(dropNulls(document(within(entry)))).some(({ severity }) => severity === 'error');
      expect(fine, JSON.stringify(absent)).toBe(Object.keys(absent).length === 1);
      expect(editor(document(within(absent))), JSON.stringify(absent)).toBe(fine);
      // A schema cannot tell a field that is null from one that is set where it must be there; it lets it pass.
      if (fine) expect(editor(document(within(entry))), JSON.stringify(entry)).toBe(true);
    }
  });
});
