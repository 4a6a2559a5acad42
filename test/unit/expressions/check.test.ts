import { describe, expect, test } from 'vitest';
import { checkExpression } from '../../../src/expressions/check.ts';
import { parseExpression } from '../../../src/expressions/expression.ts';
import type { Place } from '../../../src/expressions/place.ts';
import type { Problem } from '../../../src/expressions/problem.ts';

const outputs = (...names: string[]) => new Map(names.map((name) => [name, 'path'] as const));
const place: Place = {
  field: 'tasks.multiqc.inputs.logs',
  params: new Map([
    ['threshold', 'double'],
    ['genome', 'path'],
    ['limit', 'duration'],
    ['samples', 'list<string>'],
    ['free', 'any'],
    ['options', 'map<int>'],
  ]),
  item: new Map([
    ['sample', 'string'],
    ['reads', 'string'],
    ['lanes', 'int'],
  ]),
  key: true,
  tasks: new Map([
    ['trim', { outputs: outputs('fq', 'log'), fanOut: false }],
    ['align', { outputs: outputs('bam'), fanOut: true }],
    ['index', { outputs: new Map([['parts', 'list' as const]]), fanOut: false }],
  ]),
  hidden: new Map([['cat', 'sample']]),
  inputs: new Map([
    ['fq', 'path'],
    ['many', 'list'],
  ]),
  late: false,
};

function check(source: string, at: Partial<Place> = {}): Problem[] {
  const parsed = parseExpression(source, 0);
  if (!parsed.ok) throw new Error(parsed.error.map((problem) => problem.message).join('; '));
  return checkExpression(parsed.value, { ...place, ...at });
}

describe('names at their place', () => {
  test.each([
    [
      'tasks.trimm.outputs.fq',
      'E-UNKNOWN-NAME',
      'tasks.trimm: no such task in scope. In scope here: trim, align, index. Did you mean trim?',
    ],
    [
      'tasks.cat.outputs.r1',
      'E-SCOPE',
      'tasks.cat: cat is inside group sample and cannot be seen from tasks.multiqc.inputs.logs. ' +
        'Export it: sample.outputs: [{name: r1, from: "${{ tasks.cat.outputs.r1 }}"}].',
    ],
    ['tasks.trim.outputs.fa', 'E-UNKNOWN-NAME', 'no such output. Known here: fq, log. Did you mean fq?'],
    ['tasks.trim.results.n', 'E-UNKNOWN-NAME', 'a task has outputs, phase, reason'],
    ['tasks.trim.at(key).outputs.fq', 'E-UNKNOWN-NAME', 'trim is no fan-out'],
    ['tasks.trim.keys', 'E-UNKNOWN-NAME', 'only a fan-out'],
    ['tasks.align.at(tasks.trim.phase).outputs.bam', 'E-SCOPE', 'may use only params, item and key'],
    ['tasks.align.at(item.smaple).outputs.bam', 'E-UNKNOWN-NAME', 'Did you mean sample?'],
    ['params.treshold', 'E-UNKNOWN-NAME', 'Did you mean threshold?'],
    ['params.constructor', 'E-UNKNOWN-NAME', 'no such parameter'],
    ['item.read', 'E-UNKNOWN-NAME', 'no such column. Known here: sample, reads, lanes. Did you mean reads?'],
    ['inputs.fastq', 'E-UNKNOWN-NAME', 'no such input'],
    ['outputs.x', 'E-SCOPE', 'outputs cannot be used in tasks.multiqc.inputs.logs'],
    [
      'attempt.number',
      'E-LATE',
      'tasks.multiqc.inputs.logs uses attempt.number, which is known only at launch and is not part of the identity. ' +
        'Allowed here: params, item, key, tasks, inputs, workflow.name, workflow.namespace.',
    ],
    ['workflow.uid', 'E-LATE', 'uses workflow.uid'],
    ['filesize(inputs.fq)', 'E-LATE', 'uses filesize(…)'],
    ['workflow.nam', 'E-UNKNOWN-NAME', 'Did you mean name?'],
  ])('%s', (source, code, message) => {
    const [problem] = check(source);
    expect(problem?.code).toBe(code);
    expect(problem?.message).toContain(message);
  });

  test('a name is marked where it stands', () => {
    const source = '1 + size(tasks.trimm.outputs.fq)';
    const [problem] = check(source);
    expect(source.slice(problem?.offset, (problem?.offset ?? 0) + (problem?.length ?? 0))).toBe(
      'tasks.trimm.outputs.fq',
    );
  });

  test.each([
    ['item.x', { item: undefined }, 'item: tasks.multiqc.inputs.logs belongs to no fan-out'],
    ['key', { key: false }, 'key: tasks.multiqc.inputs.logs belongs to no fan-out'],
    ['tasks.trim.phase', { tasks: undefined }, 'tasks cannot be used'],
    ['attempt.nummer', { late: true }, 'Did you mean number?'],
    ['resources.cpus', { late: true }, 'Did you mean cpu?'],
    ['attempt.number', { lateHint: 'Write it into env.' }, 'Write it into env.'],
  ])('%s with %j', (source, change, message) => {
    const at = Object.fromEntries(Object.entries({ ...place, ...change }).filter(([, value]) => value !== undefined));
    const parsed = parseExpression(source, 0);
    const [problem] = parsed.ok ? checkExpression(parsed.value, at as unknown as Place) : [];
    expect(problem?.message).toContain(message);
  });
});

describe('types', () => {
  test('a cell compared with a number: the message of the language reference', () => {
    const [problem] = check('item.reads > 1000', { field: 'when' });
    expect(problem?.code).toBe('E-TYPE');
    expect(problem?.message).toBe('when: item.reads > 1000 compares string with int.');
    expect(problem?.hint).toContain('add rows.columns: [{name: reads, type: int}]');
  });

  test.each([
    ['params.genome + 1', 'combines string with int'],
    ['key && params.samples.size() == "a"', 'compares int with string'],
    ['1000 < item.reads', 'compares int with string'],
    ['!key', '!string'],
    ['params.samples > 1', 'compares list<string> with int'],
    ['params.limit * key', 'combines duration with string'],
    ['basename(params.samples)', 'basename(…) does not take (list<string>)'],
    ['key.foo', 'string'],
    ['tasks.align.outputs.bam + "x"', 'list<string> with string'],
    ['tasks.align.at(key).outputs.bam + ["x"]', 'string with list<string>'],
    ['tasks.align.at([key]).outputs.bam + "x"', 'list<string> with string'],
    ['tasks.align.at(params.options).outputs.bam', 'is a key or a list of keys, not map<string, int>'],
    ['default(inputs.fq, 1)', 'default(…) does not take (string, int)'],
    ['params.samples.map(s, s + 1)', 'combines string with int'],
    ['params.options.a + "x"', 'combines int with string'],
    ['key ? 1 : 2', 'must be bool'],
    ["replace(params.samples, '_1', '')", 'replace(…) does not take'],
  ])('%s', (source, message) => {
    const [problem] = check(source);
    expect(problem?.code).toBe('E-TYPE');
    expect(problem?.message).toContain(message);
  });

  test.each([
    'params.threshold * 2 + item.lanes > 1',
    'item.lanes == 1.0',
    'params.limit * 2 > duration("1h")',
    'duration("16h") * attempt.number',
    'grow("72Gi", 2, attempt.failures.OutOfMemory, "256Gi")',
    'attempt.failures.OutOfMemory + 1',
    'resources.memory.mib() - 512',
    'filesize(inputs.fq).gib() + resources.cpu',
    'default(tasks.trim.outputs.fq, inputs.fq)',
    'default(params.free, 3) == 3',
    'sort(tasks.align.outputs.bam) + ["x"]',
    'first(params.samples) + "x"',
    'flatten([inputs.many, tasks.index.outputs.parts]).map(p, basename(p))',
    'tasks.align.keys.filter(k, !(k in tasks.align.failed))',
    'has(item.sample) && has(tasks.trim.outputs.fq)',
    'params.?threshold.orValue(1.5) > 1',
    'join(params.samples, "+") + string(params.threshold)',
    'params.samples.size() > 0 ? key : "x"',
    'zip(params.samples, inputs.many).map(pair, pair[0])',
    'params.free.a.b[0] + 1',
    'matches(key, "^a") || key.matches(params.genome)',
    'sum([1, 2]) + max(1, 2.5)',
    'toJson({"a": 1, "b": "x"})',
    'params.threshold == null',
    'cel.bind(x, item.lanes, x + x)',
    'item.sample',
    'key',
  ])('%s is well typed', (source) => {
    expect(check(source, { late: true })).toEqual([]);
  });

  test.each([
    ['bool', 'key', 'a bool is needed here, not string'],
    ['list', 'key', 'a list is needed here, not string'],
    ['int', 'params.threshold', 'an int is needed here, not double'],
    ['string', 'item.lanes', 'a string is needed here, not int'],
    ['scalar', 'inputs.many', 'one value is needed here, not a list (join'],
    ['scalar', 'params.options', 'one value is needed here, not a map'],
  ] as const)('where %s is expected, %s is an error', (expect_, source, message) => {
    expect(check(source, { expect: expect_ })[0]?.message).toContain(message);
  });

  test.each([
    ['bool', 'item.lanes > 1'],
    ['bool', 'params.free'],
    ['list', 'params.samples'],
    ['int', 'item.lanes + 1'],
    ['string', 'params.?genome'],
    ['scalar', 'params.limit'],
  ] as const)('where %s is expected, %s is right', (expect_, source) => {
    expect(check(source, { expect: expect_ })).toEqual([]);
  });

  test('a problem of types is marked where it stands', () => {
    const source = 'true && (item.reads > 1000)';
    const [problem] = check(source);
    expect(source.slice(problem?.offset, (problem?.offset ?? 0) + (problem?.length ?? 0))).toContain(
      'item.reads > 1000',
    );
  });

  test('thousands of different types do not pile up in the checker', () => {
    for (let i = 0; i < 3_000; i++) {
      const type = `${'list<'.repeat(i % 12)}${'map<'.repeat(i % 7)}int${'>'.repeat((i % 12) + (i % 7))}`;
      expect(check('params.x', { params: new Map([['x', type]]) })).toEqual([]);
    }
    expect(check('key + 1')[0]?.code).toBe('E-TYPE');
  });
});
