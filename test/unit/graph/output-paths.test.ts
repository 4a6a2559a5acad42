import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskSpec } from '../../../src/apis/workflow.ts';
import { parseFileGlob } from '../../../src/base/file-glob.ts';
import { buildGraph } from '../../../src/graph/build.ts';
import { checkOutputPlaces } from '../../../src/graph/check-output-places.ts';
import { MakersByPattern } from '../../../src/graph/makers-by-pattern.ts';
import { OutputPaths } from '../../../src/graph/output-paths.ts';

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
