import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataPath, taskNames, workflowName } from '../../../src/sources/wfformat-names.ts';

const id = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '.', '_', '-', '/', '~', '+', ' ', 'é'), minLength: 1, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('a', '.', '_'), minLength: 60, maxLength: 66 }),
);

describe('task names', () => {
  test('an id that is a name stays; others keep what can stay', () => {
    expect([...taskNames(['a', 'b.c-1', '-x'], []).entries()]).toEqual([
      ['a', 'a'],
      ['b.c-1', 'b_c-1'],
      ['-x', '_x'],
    ]);
  });

  test('ids that look alike, and reserved names, get a hash; the plain id keeps its name', () => {
    const names = taskNames(['a.b', 'a/b', 'a_b', 'stage_in'], ['stage_in']);
    expect(names.get('a_b')).toBe('a_b');
    expect(names.get('a.b')).toMatch(/^a_b_[a-z2-7]{10}$/);
    expect(names.get('a/b')).toMatch(/^a_b_[a-z2-7]{10}$/);
    expect(names.get('stage_in')).toMatch(/^stage_in_[a-z2-7]{10}$/);
  });

  test('a long id keeps its end', () => {
    const long = `${'PIPELINE.'.repeat(10)}ALIGN_17`;
    expect(taskNames([long], []).get(long)).toMatch(/^[A-Z_]+_ALIGN_17_[a-z2-7]{10}$/);
  });

  test('are names, and different for different ids', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 12 }), (ids) => {
        const names = taskNames(ids, ['a']);
        expect([...names.keys()]).toEqual(ids);
        const given = [...names.values()];
        expect(new Set(given).size).toBe(ids.length);
        expect(given.filter((name) => name === 'a' || !/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(name))).toEqual([]);
      }),
    );
  });
});

describe('data paths', () => {
  test('are readable', () => {
    expect(dataPath('reads_1.fq.gz')).toBe('data/reads_1.fq.gz');
    expect(dataPath('/abs/x.txt')).toBe('data/+abs+x.txt');
    expect(dataPath('../x')).toBe('data/~2E.+x');
    expect(dataPath('a+b~c é')).toBe('data/a~2Bb~7Ec~20~C3~A9');
    expect(dataPath('x'.repeat(300))).toMatch(/^data\/x{182}~~[a-z2-7]{16}$/);
  });

  test('are one safe name below data/, different for different ids', () => {
    const pair = fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }));
    fc.assert(
      fc.property(fc.oneof(pair, fc.tuple(id, id)), ([a, b]) => {
        expect(dataPath(a)).toMatch(/^data\/[A-Za-z0-9_+~][A-Za-z0-9_+~.-]*$/);
        expect(dataPath(a) === dataPath(b)).toBe(a === b);
      }),
    );
  });
});

test('workflow names are DNS labels', () => {
  expect(workflowName('Cycles-20200413T031424Z-0')).toBe('cycles-20200413t031424z-0');
  expect(workflowName('chain-5-0.6-1.json')).toBe('chain-5-0-6-1');
  expect(workflowName('…')).toBe('workflow');
  expect(workflowName(`${'a'.repeat(62)}--b`)).toBe('a'.repeat(62));
});
