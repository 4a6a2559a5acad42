import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskSpec } from '../../../src/apis/workflow.ts';
import { parseFileGlob } from '../../../src/base/file-glob.ts';
import { buildGraph } from '../../../src/graph/build.ts';
import { checkOutputPlaces } from '../../../src/graph/check-output-places.ts';
import { MakersByPattern } from '../../../src/graph/makers-by-pattern.ts';
import { OutputPaths } from '../../../src/graph/output-paths.ts';
import { OutputPatterns } from '../../../src/graph/output-patterns.ts';
import { nameMatcher, namesOf } from '../../../src/graph/pattern-shape.ts';

const build = (...tasks: TaskSpec[]) =>
  buildGraph({ name: 'w', namespace: 'default', spec: { tasks }, folder: '/w', sheets: new Map() });

function refused(...tasks: TaskSpec[]): string[] {
  const built = build(...tasks);
  return built.ok ? [] : built.error.map((d) => `${d.code} ${d.path.join('.')} ${d.message}`);
}

const task = (name: string, ...outputs: Omit<NonNullable<TaskSpec['outputs']>[number], 'name'>[]): TaskSpec => ({
  name,
  run: 'x',
  outputs: outputs.map((o, i) => ({ name: `o${i}`, ...o })),
});

describe('an output inside another output', () => {
  const directory = task('a', { path: 'results', type: 'Directory' });

  it.each([
    ['below', 'results/summary.txt'],
    ['far below', 'results/by/sample/summary.txt'],
    ['written differently', './x/../results//summary.txt'],
  ])('of another task is refused, whichever comes first: %s', (_, path) => {
    const inner = task('b', { path });
    const outcome = [...refused(directory, inner), ...refused(inner, directory)];
    expect(outcome).toHaveLength(2);
    expect(outcome[0]).toMatch(/^E-COLLISION spec\.tasks\.1\.outputs\.0 .* lies inside results, an output of a$/);
    expect(outcome[1]).toMatch(
      /^E-COLLISION spec\.tasks\.1\.outputs\.0 tasks\.a\.outputs\.o0: results contains .*of b$/,
    );
  });

  it('of the same task is refused', () => {
    const outcome = refused(task('a', { path: 'results', type: 'Directory' }, { path: 'results/summary.txt' }));
    expect(outcome).toEqual([
      'E-COLLISION spec.tasks.0.outputs.1 tasks.a.outputs.o1: results/summary.txt lies inside results, an output of a',
    ]);
  });

  it('between elements is refused', () => {
    const outcome = refused({
      name: 'a',
      foreach: { items: ['x', 'x/y'] },
      run: 'x',
      outputs: [{ name: 'o', path: 'out/${{ item }}' }],
    });
    expect(outcome).toHaveLength(1);
    expect(outcome[0]).toContain('out/x/y lies inside out/x, an output of a/x');
  });

  it('a pattern may match in its own task’s directory, in another task’s it may not', () => {
    expect(refused(task('a', { path: 'results', type: 'Directory' }, { glob: 'results/*.txt' }))).toEqual([]);
    const outcome = refused(task('b', { glob: 'results/**/*.txt' }), directory);
    expect(outcome).toEqual([
      'E-COLLISION spec.tasks.0.outputs.0 tasks.b.outputs.o0: results/**/*.txt lies inside results, an output of a',
    ]);
  });

  it('names that only begin alike are no nesting', () => {
    expect(refused(directory, task('b', { path: 'results.txt' }), task('c', { path: 'results-2/x' }))).toEqual([]);
  });

  it('agrees with a comparison of all pairs', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'ab', 'a.b'), { minLength: 0, maxLength: 4 })
      .map((names) => `/${names.join('/')}`);
    const meets = (one: string, other: string): boolean =>
      one === other || one === '/' || other === '/' || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
    fc.assert(
      fc.property(fc.array(path, { maxLength: 25 }), fc.array(path, { maxLength: 5 }), (paths, asked) => {
        const taken: string[] = [];
        const outputs = new OutputPaths<string>();
        for (const one of paths) {
          const overlap = outputs.take(one, `owner of ${one}`);
          expect(overlap === undefined).toBe(!taken.some((other) => meets(one, other)));
          if (overlap) {
            expect(taken).toContain(overlap.path);
            expect(overlap.owner).toBe(`owner of ${overlap.path}`);
            expect(meets(one, overlap.path)).toBe(true);
          } else taken.push(one);
        }
        for (const one of asked) {
          const around = taken.find((other) => one === other || other === '/' || one.startsWith(`${other}/`));
          expect(outputs.around(one)?.path).toBe(around);
        }
      }),
    );
  });
});

const keyed = (glob: string, ...items: string[]): TaskSpec => ({
  name: 'a',
  foreach: { items },
  run: 'x',
  outputs: [{ name: 'o', glob }],
});

describe('outputs that patterns match', () => {
  it.each([
    ['reports/*.html', 'reports/*.txt'],
    ['a/*.bam', 'b/*.bam'],
    ['a/**', 'b/**'],
    ['x/a/*.txt', 'x/b/**/*.txt'],
    ['x/one-*.txt', 'x/two-*.txt'],
    ['x/*/a.txt', 'x/*/b.txt'],
    ['x/*.txt', 'x/d/*.txt'],
    ['x/[ab]', 'x/c/*'],
  ])('%s beside %s is fine', (one, other) => {
    expect(refused(task('a', { glob: one }), task('b', { glob: other }))).toEqual([]);
    expect(refused(task('b', { glob: other }), task('a', { glob: one }))).toEqual([]);
  });

  it.each([
    ['x/*.txt', 'x/a*'],
    ['x/*.txt', 'x/*.txt'],
    ['x/*', 'x/d/*.txt'],
    ['x/*/a.txt', 'x/d/*'],
    ['x/**', 'x/d/*.txt'],
    ['x/**/*.txt', 'x/*.html'],
    ['x/{a,b/c}/*', 'x/b/*'],
    ['x/{**,d}/a', 'x/e/f/*'],
    ['x/s1*.txt', 'x/s10*.txt'],
    ['x/[ab]', 'x/a/*'],
    ['**', 'x/*'],
  ])('%s beside %s is refused', (one, other) => {
    const outcome = [task('a', { glob: one }), task('b', { glob: other })];
    expect(refused(...outcome)).toEqual([
      `E-COLLISION spec.tasks.1.outputs.0 tasks.b.outputs.o0: ${other} may match what ${one} matches, an output of a`,
    ]);
    expect(refused(...outcome.reverse())[0]).toContain(`${one} may match what ${other} matches, an output of b`);
  });

  it('of one task may meet', () => {
    expect(refused(task('a', { glob: 'x/*' }, { glob: 'x/**/*.txt' }, { path: 'x/a' }))).toEqual([]);
  });

  it('of elements are apart by their keys, unless one goes on where the other ends', () => {
    expect(refused(keyed('x/${{ key }}-*.txt', 's1', 's2', 's10'))).toEqual([]);
    expect(refused(keyed('x/${{ key }}*.txt', 's1', 's2'))).toEqual([]);
    expect(refused(keyed('x/*-${{ key }}.txt', 's1', 's2', 's10'))).toEqual([]);
    expect(refused(keyed('${{ key }}/*.txt', 's1', 's2', 's10'))).toEqual([]);
    expect(refused(keyed('x/${{ key }}*.txt', 's1', 's10'))).toEqual([
      'E-COLLISION spec.tasks.0.outputs.0 tasks.a.outputs.o of a/s10: x/s10*.txt may match what x/s1*.txt matches, an output of a/s1',
    ]);
    expect(refused(keyed('x/*.txt', 's1', 's2'))).toHaveLength(1);
  });

  it('also no path of another task, nor a folder that it lies in', () => {
    const matches = (glob: string, path: string): string[] => refused(task('a', { glob }), task('b', { path }));
    expect(matches('x/*.txt', 'x/a.txt')).toEqual([
      'E-COLLISION spec.tasks.0.outputs.0 tasks.a.outputs.o0: x/*.txt matches x/a.txt, an output of b',
    ]);
    expect(matches('x/*', 'x/d/e/a.txt')[0]).toContain('x/* matches x/d, a folder that b writes into');
    expect(matches('x/**/*.bam', 'x/d/a.txt')).toEqual([]);
    expect(matches('x/*.txt', 'x/d/a.txt')).toEqual([]);
    expect(matches('x/*', 'x/.hidden')).toEqual([]);
    expect(refused(task('a', { glob: 'x/*' }, { path: 'x/d/a' }), task('b', { path: 'x/d/b' }))[0]).toContain(
      'x/* matches x/d, a folder that several tasks write into',
    );
    expect(refused(task('a', { glob: 'x/*' }, { path: 'x/d/a' }), task('b', { path: 'd/b' }))).toEqual([]);
  });

  it('are found by what a comparison of all pairs finds', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', 'a*b', 'b*', '*a', '?', '[ab]', '**', '{a,b}', '*ab');
    const pattern = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
    const meets = (one: string, other: string): boolean => {
      const [a, b] = [namesOf(one), namesOf(other)];
      return a.slice(0, b.length).every((name, i) => {
        const theirs = b[i] as (typeof b)[number];
        if (name.literal && theirs.literal) return name.text === theirs.text;
        if (name.literal) return nameMatcher(theirs).matches(name.text);
        if (theirs.literal) return nameMatcher(name).matches(theirs.text);
        const alike = (x: string, y: string): boolean => x.startsWith(y) || y.startsWith(x);
        const backwards = (x: string): string => x.split('').reverse().join('');
        return alike(name.start, theirs.start) && alike(backwards(name.end), backwards(theirs.end));
      });
    };
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), pattern, (patterns, asked) => {
        const tree = new OutputPatterns<number>();
        patterns.forEach((one, number) => {
          tree.add({ pattern: one, owner: number, number });
        });
        for (let limit = 0; limit <= patterns.length; limit++) {
          const found = tree.meeting(asked, limit);
          if (found === 'TooMany') throw new Error('so few are never too many');
          expect(found !== undefined).toBe(patterns.slice(0, limit).some((one) => meets(one, asked)));
          if (!found) continue;
          expect(found.number).toBeLessThan(limit);
          expect(meets(found.pattern, asked)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never miss two that match one path', () => {
    const part = fc.constantFrom('a', 'b', '*', 'a*', '*b', '?', '[!a]', '**', '{a,b}', '{b,a/b}', '{**,a}', '{,*}*');
    const pattern = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
    const path = fc
      .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
      .map((p) => `/${p.join('/')}`);
    fc.assert(
      fc.property(pattern, pattern, path, path, (one, other, matched, below) => {
        const [a, b] = [parseFileGlob(one), parseFileGlob(other)];
        if (!a.ok || !b.ok || !a.value.matches(matched)) return;
        if (!b.value.matches(matched) && !b.value.matches(matched + below)) return;
        const tree = new OutputPatterns<string>();
        tree.add({ pattern: one, owner: 'a', number: 0 });
        expect(tree.meeting(other)).toMatchObject({ owner: 'a' });
      }),
      { numRuns: 5000 },
    );
  });

  it.each<[string, (i: number) => string]>([
    ['in folders of their own', (i) => `/w/${i}/*.txt`],
    ['by their beginnings', (i) => `/w/${i}-*.txt`],
    ['by their ends', (i) => `/w/*-${i}.txt`],
    ['some by beginnings, some by ends', (i) => (i % 2 ? `/w/*-${i}.txt` : `/w/${i}-*.log`)],
    ['below folders with wildcards', (i) => `/w/*/${i}-*.txt`],
  ])('are told apart in so many steps for each of 1,000 or 10,000: %s', (_, pattern) => {
    for (const count of [1_000, 10_000]) {
      const tree = new OutputPatterns<undefined>();
      for (let i = 0; i < count; i++) tree.add({ pattern: pattern(i), owner: undefined, number: i });
      const steps = { left: 40 * count };
      for (let i = 0; i < count; i++) expect(tree.meeting(pattern(i), i, steps)).toBeUndefined();
    }
  });

  it('that cannot be told apart in time are refused', () => {
    const tree = new OutputPatterns<undefined>();
    for (let i = 0; i < 1_000; i++) tree.add({ pattern: `/w/*/${i}`, owner: undefined, number: i });
    for (let i = 0; i < 1_000; i++) tree.add({ pattern: `/w/d${i}/a*`, owner: undefined, number: 1_000 + i });
    const steps = { left: 20_000 };
    const found = Array.from({ length: 1_000 }, (_, i) => tree.meeting(`/w/*/b${i}`, undefined, steps));
    expect(found[0]).toBeUndefined();
    expect(found.at(-1)).toBe('TooMany');
  });
});

describe('an output that holds what must stay', () => {
  const places = [
    { path: '/w', what: "the workflow's folder" },
    { path: '/w/.fixpoint', what: 'the state folder' },
  ];
  it.each([
    ['.', '/w is'],
    ['..', '/ contains'],
    ['.fixpoint', '/w/.fixpoint is'],
  ])('%s is refused', (path, how) => {
    const built = build(task('a', { path }));
    if (!built.ok) throw new Error('it can be built');
    const [found, ...more] = checkOutputPlaces(built.value.graph, places);
    expect(more).toEqual([]);
    expect(found?.code).toBe('E-OUTPUT-PATH');
    expect(found?.message).toContain(how);
  });

  it('is not matched by a pattern either, nor is a folder above it', () => {
    for (const [glob, found] of [
      ['/*', '/* matches'],
      ['/{v,w}/.fix*', '/{v,w}/.fix* matches'],
      ['.*', '/w/.* matches'],
      ['/*/x', undefined],
      ['*', undefined],
    ] as const) {
      const built = build(task('a', { glob }));
      if (!built.ok) throw new Error('it can be built');
      const problems = checkOutputPlaces(built.value.graph, places).map((d) => d.message);
      if (found === undefined) expect(problems).toEqual([]);
      else expect(problems).toEqual([expect.stringContaining(found)]);
    }
  });

  it('all else is not', () => {
    const built = build(task('a', { path: 'out' }, { path: '.fixpoint-2' }, { path: '/v' }, { glob: '*' }));
    if (!built.ok) throw new Error('it can be built');
    expect(checkOutputPlaces(built.value.graph, places)).toEqual([]);
  });
});

describe('makers of what a pattern matches', () => {
  it('are those that a comparison with every path finds', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'x.txt', 'a.txt');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`);
    const part = fc.constantFrom('*', '**', 'a*', '*.txt', '{a,b}', '{x,a}.txt', '[ab]', '?', 'a', '*b*', 'x.txt');
    const pattern = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 20 }), pattern, (paths, asked) => {
        const makers = new Map(paths.map((one, i) => [one, i % 7]));
        const glob = parseFileGlob(asked);
        const expected = new Set<number>();
        for (const [one, maker] of makers) if (glob.ok && glob.value.matches(one)) expected.add(maker);
        expect(new MakersByPattern(makers).makersOf(asked)).toEqual([...expected].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it('come first, by edges', () => {
    const built = build(
      task('late', { path: 'out/2.txt' }),
      task('early', { path: 'out/1.txt' }),
      task('other', { path: 'elsewhere/1.txt' }),
      { name: 'reads', run: 'x', inputs: [{ name: 'i', glob: 'out/*.txt' }] },
    );
    if (!built.ok) throw new Error('it can be built');
    const { graph } = built.value;
    expect(graph.tasks[3]?.upstream.map((e) => `${e.kind} ${graph.tasks[e.from]?.key}`)).toEqual([
      'Input late',
      'Input early',
    ]);
  });
});
