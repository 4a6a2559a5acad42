import { expect, it } from 'vitest';
import type { TaskSpec } from '../../../src/apis/workflow.ts';
import { causesOf, upstreamsOf } from '../../../src/planning/because.ts';
import { Situation } from './situation.ts';

const MAKER = (name: string): TaskSpec => ({ name, run: `make ${name}`, outputs: [{ name: 'o', path: name }] });
const USER: TaskSpec = {
  name: 'use',
  inputs: [{ name: 'all', paths: ['a', 'b', 'c'] }],
  run: 'cat ${{ inputs.all }} ${{ tasks.d.outputs.o }}',
};

it.each([
  { changed: 'b', field: 'inputs.all' },
  { changed: 'd', field: 'run#1' },
])('names the maker of the one digest that differs: $changed', ({ changed, field }) => {
  const s = new Situation({ tasks: [...['a', 'b', 'c', 'd'].map(MAKER), USER] });
  for (const key of ['a', 'b', 'c', 'd', 'use']) s.run(key);
  s.edit({
    tasks: [...['a', 'b', 'c', 'd'].map((n) => (n === changed ? { ...MAKER(n), run: 'other' } : MAKER(n))), USER],
  });
  s.run(changed, { outputs: [{ name: 'o', path: changed, digest: 'sha256:other' }] });
  const use = s.task('use');
  const identity = s.view('use').identity;
  const causes = causesOf(
    use,
    s.book.get('use'),
    identity ?? {},
    s.facts,
    () => use.preimage.template,
    upstreamsOf(s.graph, s.book, use),
  );
  expect(causes).toEqual([expect.objectContaining({ field }), { task: changed }]);
});
