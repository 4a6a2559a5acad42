import { compare } from '../compare.ts';
import { oursCold, peerContenders } from '../contenders.ts';
import type { Session } from '../session.ts';
import { type Body, NOTHING, SCRIPT, type Work } from '../work.ts';
import { SLOTS, sizes, type Workload } from './workload.ts';

/** Graphs of tasks that do nothing, from nothing to the end: what a tool adds to each task. */
function graph(
  name: string,
  shape: Work['shape'],
  bodies: readonly Body[],
  full: readonly number[],
  quick: number,
  about: string,
): Workload {
  const run = async (session: Session): Promise<void> => {
    for (const tasks of sizes(session, full, quick)) {
      for (const body of bodies) {
        const work = { shape, tasks, body, slots: SLOTS };
        const comparison = { workload: name, variant: body.name, question: 'all', work } as const;
        await compare(session, comparison, oursCold(session.accounts), peerContenders(session));
      }
    }
  };
  return { name, about, run };
}

export const FAN = graph(
  'fan',
  'fan',
  [NOTHING, SCRIPT],
  [1_000, 10_000],
  50,
  'N independent tasks from nothing to the end. `true`: the program itself, without a shell where the tool allows that; `bash`: a script for `bash -euo pipefail`.',
);

export const CHAIN = graph(
  'chain',
  'chain',
  [NOTHING],
  [100, 1_000],
  20,
  'Each task comes after the one before. xargs has no dependencies: it runs as many tasks one by one, as a floor.',
);

export const LAYERS = graph(
  'layer',
  'layers',
  [NOTHING],
  [1_024],
  16,
  'The square root of N layers of as many tasks, each after three of the layer before (seed 42).',
);
