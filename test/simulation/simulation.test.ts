import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it } from 'vitest';
import { KNOWN_DEFECTS } from './known-defects.ts';
import { Random } from './random.ts';
import { type HistoryOptions, Simulation } from './simulation.ts';

// One seed, one history. FIXPOINT_SIM_SEED=n replays one and prints it, FIXPOINT_SIM_SEEDS=n tries so many.

const only = process.env.FIXPOINT_SIM_SEED;
const first = Number(only ?? process.env.FIXPOINT_SIM_FROM ?? 1);
const count = only === undefined ? Number(process.env.FIXPOINT_SIM_SEEDS ?? 2000) : 1;
const SEEDS_PER_TEST = 50;

let made = 0;
// Uids of workflows come from the system's chance; here they must come out the same again.
crypto.randomUUID = () =>
  `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}` as ReturnType<typeof crypto.randomUUID>;
syncBuiltinESMExports();

async function history(seed: number): Promise<string | undefined> {
  made = 0;
  const random = new Random(seed);
  const options: HistoryOptions = {
    steps: random.between(4, 25),
    crashes: random.chance(0.7),
    failures: random.chance(0.7),
    byHand: random.chance(0.1),
  };
  const simulation = new Simulation(random, options);
  try {
    await simulation.run();
    if (only !== undefined) process.stdout.write(`${simulation.history.join('\n')}\n`);
    return undefined;
  } catch (error) {
    if (only !== undefined)
      process.stdout.write(`${`${simulation.history.join('\n')}\n${String((error as Error).stack)}`}\n`);
    const { message } = error as Error;
    if (only === undefined && KNOWN_DEFECTS.some((d) => d.seeds.includes(seed) && d.violation.test(message)))
      return undefined;
    return `seed ${seed} (${JSON.stringify(options)}): ${message}`;
  }
}

describe('simulated histories', () => {
  for (let from = first; from < first + count; from += SEEDS_PER_TEST) {
    const to = Math.min(from + SEEDS_PER_TEST, first + count);
    it(`seeds ${from} to ${to - 1}`, async () => {
      const failed: string[] = [];
      for (let seed = from; seed < to; seed++) {
        const problem = await history(seed);
        if (problem !== undefined) failed.push(problem);
      }
      expect(failed, 'run again with FIXPOINT_SIM_SEED to see the history').toEqual([]);
    });
  }
});
