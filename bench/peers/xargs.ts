import { NOTHING, SCRIPT, type Work } from '../work.ts';
import type { Expression, Peer, Refusal } from './peer.ts';
import { lines } from './words.ts';

/** The floor: it starts processes and keeps no record of them. */
export const XARGS: Peer = {
  name: 'xargs',
  source: { kind: 'Debian', package: 'findutils', program: 'xargs' },
  version: (program) => [program, '--version'],
  express,
};

function express(work: Work, program: string): Expression | Refusal {
  if (work.body !== NOTHING && work.body !== SCRIPT) return { cannot: 'no record between runs' };
  if (work.shape === 'layers') return { cannot: 'no dependencies' };
  // A chain is one slot: the same order, without a graph.
  const slots = work.shape === 'chain' ? 1 : work.slots;
  // The number reaches the command as a further argument, which `true` ignores.
  return {
    files: { in: lines(Array.from({ length: work.tasks }, (_, i) => String(i))) },
    stdin: 'in',
    command: [program, `-P${slots}`, '-n1', ...work.body.argv('', '')],
  };
}
