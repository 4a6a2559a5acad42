import { EDIT, NOOP, PLAN } from './convergence.ts';
import { CRASH } from './crash.ts';
import { CHAIN, FAN, LAYERS } from './graphs.ts';
import { IDLE } from './idle.ts';
import { RESTART } from './restart.ts';
import { SCALE } from './scale.ts';
import type { Workload } from './workload.ts';

/** In the order of the page. */
export const WORKLOADS: readonly Workload[] = [FAN, CHAIN, LAYERS, NOOP, PLAN, EDIT, RESTART, SCALE, IDLE, CRASH];
