import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PEERS } from './peers/all-peers.ts';
import type { Peer } from './peers/peer.ts';
import { WORKLOADS } from './workloads/all-workloads.ts';
import type { Workload } from './workloads/workload.ts';

export const USAGE = `npm run bench -- [options]
  --only fan,chain,…   these workloads: ${WORKLOADS.map(({ name }) => name).join(', ')}
  --peers xargs,…      beside these peers: ${PEERS.map(({ name }) => name).join(', ')}, or none
  --install            install the peers first
  --tasks 1000,…       only these sizes
  --pairs N            pairs of ours and a peer (5)
  --quick              small and few, to see that it works; never published
  --sampled            cpu time from /proc, as where no control group can be made
  --results FILE       where results are added (results.jsonl in the cache folder)
  --write              write docs/benchmarks.md from the newest results
  --no-run             measure nothing: for --install or --write alone`;

export interface Options {
  readonly workloads: readonly Workload[];
  readonly peers: readonly Peer[];
  readonly install: boolean;
  readonly pairs: number;
  readonly tasks: readonly number[] | undefined;
  readonly sampled: boolean;
  readonly quick: boolean;
  readonly write: boolean;
  readonly run: boolean;
  readonly cache: string;
  readonly results: string;
}

/** A text: what is wrong with the arguments. */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): Options | string {
  let values: ReturnType<typeof parsed>['values'];
  try {
    ({ values } = parsed(argv));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return 'Measures Fixpoint beside its peers.';
  const workloads = named(WORKLOADS, values.only);
  const peers = values.peers === 'none' ? [] : named(PEERS, values.peers);
  const pairs = Number(values.pairs ?? (values.quick ? 1 : 5));
  if (typeof workloads === 'string') return workloads;
  if (typeof peers === 'string') return peers;
  if (!Number.isInteger(pairs) || pairs < 1) return '--pairs: a whole number from 1';
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fixpoint-bench');
  return {
    workloads,
    peers,
    pairs,
    tasks: values.tasks?.split(',').map(Number),
    sampled: values.sampled ?? false,
    install: values.install ?? false,
    quick: values.quick ?? false,
    write: values.write ?? false,
    run: !(values['no-run'] ?? false),
    cache,
    results: values.results ?? join(cache, 'results.jsonl'),
  };
}

function parsed(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      install: { type: 'boolean' },
      pairs: { type: 'string' },
      tasks: { type: 'string' },
      sampled: { type: 'boolean' },
      quick: { type: 'boolean' },
      results: { type: 'string' },
      write: { type: 'boolean' },
      'no-run': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
}

/** Those that the comma-separated list names, in their own order; all without a list. */
function named<T extends { readonly name: string }>(
  all: readonly T[],
  list: string | undefined,
): readonly T[] | string {
  if (list === undefined) return all;
  const names = list.split(',');
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) return `${unknown}: not one of ${all.map(({ name }) => name).join(', ')}`;
  return all.filter(({ name }) => names.includes(name));
}
