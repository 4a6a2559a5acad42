import { describe, expect, test } from 'vitest';
import { PathFilter } from '../../../src/sources/folder/input-watch.ts';

describe('which paths of a watched folder matter', () => {
  const filter = new PathFilter({ paths: ['/d/in.txt', '/d/refs'], globs: ['/g/*/r_*.fq', '/deep/**/x.csv'] });

  test('folders are watched, not the paths in them', () => {
    expect([...filter.roots].sort()).toEqual(['/d', '/deep', '/g']);
  });

  const cases: readonly [path: string, folder: boolean, expected: boolean][] = [
    ['/d', true, true],
    ['/', true, true],
    ['/d/in.txt', false, true],
    ['/d/in.txt~', false, false],
    ['/d/other', true, false],
    ['/d/.fixpoint', true, false],
    ['/d/refs', true, true],
    ['/d/refs/deep/a.fa', false, true],
    ['/d/refs2/a.fa', false, false],
    ['/g/lane1', true, true],
    ['/g/lane1/r_1.fq', false, true],
    ['/g/lane1/r_1.txt', false, false],
    ['/g/lane1/sub', true, false],
    ['/deep/a/b/c', true, true],
    ['/deep/a/b/x.csv', false, true],
    ['/deeper/x.csv', false, false],
  ];
  for (const [path, folder, expected] of cases) {
    test(`${path} ${folder ? 'as a folder ' : ''}${expected ? 'does' : 'does not'}`, () => {
      expect(filter.concerns(path, folder)).toBe(expected);
    });
  }
});
