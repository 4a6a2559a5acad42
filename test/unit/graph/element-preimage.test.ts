import { describe, expect, it } from 'vitest';
import type { WorkflowSpec } from '../../../src/apis/workflow.ts';
import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { buildGraph } from '../../../src/graph/build.ts';

function valuesOf(tasks: readonly object[]): { readonly text: string | undefined; readonly made: string }[] {
  const spec = { params: { odd: 7, none: null }, tasks } as unknown as WorkflowSpec;
  const built = buildGraph({ name: 'w', namespace: 'default', spec, folder: '/w', sheets: new Map() });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value.graph.tasks.map(({ preimage }) => ({
    text: preimage.valuesText,
    made: canonicalJson(preimage.values),
  }));
}

describe('the text of the values that define an element', () => {
  it.each([
    { what: 'none at all', task: { run: 'true' } },
    { what: 'constant words', task: { command: ['a', 'b'] } },
    { what: 'its own words between constant ones', task: { command: ['a', '${{ item }}', 'z', '-${{ key }}-'] } },
    { what: 'values of a script', task: { run: 'echo ${{ item }} ${{ params.odd }} ${{ outputs.o }}', outputs: 1 } },
    { what: 'an absent one', task: { run: 'echo ${{ has(params.none) ? "" : item }}' } },
    { what: 'a late one', task: { run: 'echo ${{ attempt.number > 1 ? item : "0" }}' } },
    { what: 'several outputs', task: { command: ['a', '${{ item }}'], outputs: 3 } },
    {
      what: 'environment',
      task: {
        run: 'x',
        env: [
          { name: 'Z', value: '${{ item }}' },
          { name: 'A', value: '"q"' },
        ],
      },
    },
  ])('is that of the values: $what', ({ task }) => {
    const { outputs: count = 0, ...rest } = task as { readonly outputs?: number };
    const outputs = Array.from({ length: count }, (_, i) => ({ name: 'olm'[i], path: `d${i}/\${{ item }}/ä` }));
    const found = valuesOf([{ name: 't', foreach: { items: ['x', 'y"', 'ü'] }, ...rest, outputs }]);
    expect(found).toHaveLength(3);
    for (const { text, made } of found) expect(text).toBe(made);
  });
});
