import { describe, expect, it } from 'vitest';
import { OutputOwners } from '../../../src/controllers/output-owners.ts';
import { buildGraph } from '../../../src/graph/build.ts';
import type { Graph } from '../../../src/graph/graph.ts';

function graphOf(...outputs: { path?: string; glob?: string }[]): Graph {
  const tasks = outputs.map((output, i) => ({ name: `t${i}`, run: 'x', outputs: [{ name: 'o', ...output }] }));
  const built = buildGraph({ name: 'w', namespace: 'default', spec: { tasks }, folder: '/w', sheets: new Map() });
  if (!built.ok) throw new Error(built.error.map((d) => d.message).join('; '));
  return built.value.graph;
}

describe('outputs of two workflows of one home', () => {
  const clash = (owners: OutputOwners, graph: Graph, uid?: string): string | undefined =>
    owners.clash(uid, graph, (one) => one)?.message;

  it.each([
    ['the same', { path: 'results' }, 't0: output o: /w/results is an output of workflow one'],
    ['inside', { path: 'results/a/b' }, 't0: output o: /w/results/a/b lies in /w/results, an output of workflow one'],
    ['around', { path: '/w' }, 't0: output o: /w contains an output of workflow one'],
    ['a pattern inside', { glob: 'results/*' }, 't0: output o: /w/results/* lies in an output of workflow one'],
  ])('%s', (_, output, message) => {
    const owners = new OutputOwners();
    owners.set('one', graphOf({ path: 'results' }, { path: 'other' }));
    expect(clash(owners, graphOf(output))).toBe(message);
    expect(clash(owners, graphOf({ path: '/v/free' }, output))).toContain('of workflow one');
    expect(clash(owners, graphOf(output), 'one')).toBeUndefined();
    owners.remove('one');
    expect(clash(owners, graphOf(output))).toBeUndefined();
  });

  it.each([
    [
      { glob: 'out/*.txt' },
      { glob: 'out/a*' },
      't0: output o: /w/out/a* may match what /w/out/*.txt matches, an output of workflow one',
    ],
    [{ glob: 'out/*/x.txt' }, { glob: 'out/a*' }, 't0: output o: /w/out/a* may match what'],
    [
      { path: 'out/a.txt' },
      { glob: 'out/*' },
      't0: output o: /w/out/* matches /w/out/a.txt, which is or holds an output of workflow one',
    ],
    [
      { path: 'out/d/a.txt' },
      { glob: 'out/*' },
      't0: output o: /w/out/* matches /w/out/d, which is or holds an output of workflow one',
    ],
    [{ glob: 'out/*' }, { path: 'out/a.txt' }, 't0: output o: /w/out/a.txt is matched by an output of workflow one'],
    [
      { glob: 'out/*' },
      { path: 'out/d/a.txt' },
      't0: output o: /w/out/d/a.txt lies in /w/out/d, which is matched by an output of workflow one',
    ],
    [{ glob: 'out/*' }, { path: 'out' }, 't0: output o: /w/out contains an output of workflow one'],
    [{ glob: 'out/*.txt' }, { glob: 'out/*.html' }, undefined],
    [{ glob: 'a/*.bam' }, { glob: 'b/*.bam' }, undefined],
    [{ glob: 'out/*.txt' }, { path: 'out/a.html' }, undefined],
    [{ glob: 'out/*.txt' }, { path: 'out/d/a.txt' }, undefined],
  ])('patterns: %j, then %j', (first, second, message) => {
    const owners = new OutputOwners();
    owners.set('one', graphOf(first));
    const found = clash(owners, graphOf(second));
    if (message === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(message);
    expect(clash(owners, graphOf(second), 'one')).toBeUndefined();
    owners.remove('one');
    expect(clash(owners, graphOf(second))).toBeUndefined();
  });

  it('beside each other are fine, and what one gives up another may take', () => {
    const owners = new OutputOwners();
    owners.set('one', graphOf({ path: 'out/a' }, { path: 'out/b' }));
    owners.set('two', graphOf({ path: 'out/c' }));
    expect(
      clash(owners, graphOf({ path: 'out/d' }, { path: 'out2' }, { glob: 'out/e*' }, { glob: 'out/.*' })),
    ).toBeUndefined();
    expect(clash(owners, graphOf({ path: 'out' }), 'one')).toContain('workflow two');
    owners.set('two', graphOf({ path: 'elsewhere' }));
    expect(clash(owners, graphOf({ path: 'out' }), 'one')).toBeUndefined();
    expect(clash(owners, graphOf({ path: 'out' }), 'two')).toContain('workflow one');
  });
});
