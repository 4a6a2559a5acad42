import * as fc from 'fast-check';

/**
 * Properties are tried on the same examples every time, so that a run that fails can be repeated and a change is
 * never blamed for a stroke of luck. `FIXPOINT_PROPERTY_SEED=N` tries others, `FIXPOINT_PROPERTY_RUNS=N` more of them.
 */
const seed = Number(process.env.FIXPOINT_PROPERTY_SEED ?? 20_261_121);
const runs = process.env.FIXPOINT_PROPERTY_RUNS;
fc.configureGlobal({ seed, ...(runs === undefined ? {} : { numRuns: Number(runs) }) });
