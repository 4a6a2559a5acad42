import { DASK } from './dask.ts';
import { HYPERQUEUE } from './hyperqueue.ts';
import { MAKE } from './make.ts';
import { NINJA } from './ninja.ts';
import { PARALLEL } from './parallel.ts';
import { PARSL_HTEX, PARSL_THREADS } from './parsl.ts';
import type { Peer } from './peer.ts';
import { SNAKEMAKE } from './snakemake.ts';
import { XARGS } from './xargs.ts';

export const PEERS: readonly Peer[] = [
  XARGS,
  MAKE,
  NINJA,
  PARALLEL,
  SNAKEMAKE,
  PARSL_THREADS,
  PARSL_HTEX,
  DASK,
  HYPERQUEUE,
];
