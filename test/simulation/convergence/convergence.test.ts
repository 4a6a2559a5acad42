import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { History } from './history.ts';
import { randomModel } from './random-graph.ts';
import { SeededRandom } from './seeded-random.ts';

/** How many edits in all: continuous integration plays fewer than the acceptance does (300). */
const EDITS = Number(process.env['FIXPOINT_EDITS'] ?? 60);
/** One seed to play again instead of all. */
const REPLAY = process.env['FIXPOINT_EDIT_SEED'];
const EDITS_OF_A_HISTORY = 12;

const root = mkdtempSync(join(tmpdir(), 'converge-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('edits of random graphs run exactly what must run', () => {
  const histories = Math.ceil((EDITS * 0.7) / EDITS_OF_A_HISTORY);
  const seeds = REPLAY === undefined ? Array.from({ length: histories }, (_, i) => i + 1) : [Number(REPLAY)];
  for (const seed of seeds) {
    it(`seed ${seed}`, async () => {
      const random = new SeededRandom(seed);
      const folder = join(root, `graph-${seed}`);
      await History.play({ folder, random, model: randomModel(random), edits: EDITS_OF_A_HISTORY, imported: false });
    });
  }
});
