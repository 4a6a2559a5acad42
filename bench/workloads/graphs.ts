import { compare } from '../compare.ts';
import { oursCold, peerContenders } from '../contenders.ts';
import type { Session } from '../session.ts';
import { type Body, NOTHING, SCRIPT, type Work } from '../work.ts';
import { COST, SLOTS, sizes, type Workload } from './workload.ts';

const MOST_LINKS = 1_000;
/** What starting the processes costs, with nothing kept. */
const FLOORS = ['xargs', 'make'];

/** Graphs of tasks that do nothing, from nothing to the end: what a tool adds to each task. */
function graph(
  name: string,
  shape: Work['shape'],
  /** A body, and the peers that are asked about it: all, unless some are named. */
  bodies: readonly { readonly body: Body; readonly beside?: readonly string[] }[],
  full: readonly number[],
  quick: number,
  about: string,
): Workload {
  const run = async (session: Session): Promise<void> => {
    for (const tasks of sizes(session, full, quick)) {
      for (const { body, beside } of bodies) {
        const work = { shape, tasks, body, slots: SLOTS };
        // Ten thousand links take some of them ten minutes: there ours is measured against its own smaller sizes.
        const asked = shape === 'chain' && tasks > MOST_LINKS ? FLOORS : beside;
        const peers = peerContenders(session).filter(({ name: peer }) => asked?.includes(peer) ?? true);
        const comparison = { workload: name, variant: body.name, question: 'all', work } as const;
        await compare(session, comparison, oursCold(session.accounts), peers);
      }
    }
  };
  return { name, about, columns: COST, run };
}

export const FAN = graph(
  'fan',
  'fan',
  [{ body: NOTHING }, { body: SCRIPT, beside: FLOORS }],
  [1_000, 10_000],
  50,
  'N independent tasks from nothing to the end. `true`: the program itself, without a shell where the tool allows that; `bash`: a script for `bash -euo pipefail`.',
);

export const CHAIN = graph(
  'chain',
  'chain',
  [{ body: NOTHING }],
  [100, 1_000, 10_000],
  20,
  'Each task comes after the one before. xargs has no dependencies: it runs as many tasks one by one, as a floor.',
);

export const LAYERS = graph(
  'layer',
  'layers',
  [{ body: NOTHING }],
  [1_024],
  16,
  'The square root of N layers of as many tasks, each after three of the layer before (seed 42).',
);
