import type { WorkflowDocument } from '../../src/apis/workflow.ts';
import type { Behaviour } from '../../src/backends/memory/behaviour.ts';

/** A workflow of any size whose cost for one task is counted. */
export interface Shape {
  readonly tasks: (count: number) => readonly object[];
  readonly behaviour: (key: string) => Partial<Behaviour>;
}

export type ShapeName = 'fan-out' | 'fan-out that lasts' | 'chain';

export const SHAPES: Readonly<Record<ShapeName, Shape>> = {
  /** Ends at different times, as tasks do: each end is news of its own. */
  'fan-out': { tasks: fanOut, behaviour: (key) => ({ runMs: 7 + (ordinal(key) % 5) }) },
  'fan-out that lasts': { tasks: fanOut, behaviour: (key) => ({ runMs: 1_000 + (ordinal(key) % 5) * 10 }) },
  chain: { tasks: chain, behaviour: () => ({ runMs: 10 }) },
};

/** What all elements of the fan-out read. */
export const SHARED_INPUT = '/data/in.txt';

export function documentOf(tasks: readonly object[]): WorkflowDocument {
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'w', namespace: 'default', annotations: { 'fixpoint.dev/folder': '/data' } },
    spec: { tasks },
  } as unknown as WorkflowDocument;
}

function fanOut(count: number): readonly object[] {
  const inputs = [{ name: 'i', path: 'in.txt' }];
  const outputs = [{ name: 'o', path: 'out/${{ key }}' }];
  return [{ name: 't', foreach: { range: { count } }, inputs, outputs, run: 'true' }];
}

function chain(count: number): readonly object[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `t${i}`,
    outputs: [{ name: 'o', path: `out/${i}` }],
    inputs: i === 0 ? [] : [{ name: 'i', path: `out/${i - 1}` }],
    run: 'true',
  }));
}

function ordinal(key: string): number {
  return Number(/\d+$/.exec(key)?.[0] ?? 0);
}
