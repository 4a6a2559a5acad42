import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { documentOf } from './document.ts';
import { History } from './history.ts';
import { importInstance, modelOf } from './instances.ts';
import { randomModel } from './random-graph.ts';
import { SeededRandom } from './seeded-random.ts';

/** How many edits in all: continuous integration plays fewer than the acceptance does (300). */
const EDITS = Number(process.env['FIXPOINT_EDITS'] ?? 60);
/** One seed to play again instead of all. */
const REPLAY = process.env['FIXPOINT_EDIT_SEED'];
const EDITS_OF_A_HISTORY = 12;
const INSTANCES = [
  'helloworld-forkjoin-10-chameleon',
  'srasearch-chameleon-10a-001',
  'epigenomics-chameleon-hep-1seq-100k-001',
];

const root = mkdtempSync(join(tmpdir(), 'converge-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const seeds = (count: number): number[] =>
  REPLAY === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(REPLAY)];

describe('edits of random graphs run exactly what must run', () => {
  for (const seed of seeds(Math.ceil((EDITS * 0.7) / EDITS_OF_A_HISTORY))) {
    it(`FIXPOINT_EDIT_SEED=${seed}`, async () => {
      const random = new SeededRandom(seed);
      const folder = join(root, `graph-${seed}`);
      const played = await History.play({ folder, random, model: randomModel(random), edits: EDITS_OF_A_HISTORY });
      expect(played.edits).toBe(EDITS_OF_A_HISTORY);
    });
  }
});

describe('edits of recorded workflows run exactly what must run', () => {
  for (const name of INSTANCES) {
    it(`${name}: the model is the imported workflow`, () => {
      const document = importInstance(name);
      const { defaults, tasks } = documentOf(modelOf(document), '/').spec;
      expect(defaults?.setup).toBe(document.spec.defaults?.setup);
      const bare = document.spec.tasks.map((task) => ({ ...task, annotations: undefined }));
      const made = tasks.map((task) => ({ ...task, resources: undefined }));
      const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
      expect(made.sort(byName)).toEqual(bare.sort(byName));
    });
    for (const seed of seeds(Math.max(1, Math.ceil((EDITS * 0.3) / INSTANCES.length / EDITS_OF_A_HISTORY)))) {
      it(`${name}, FIXPOINT_EDIT_SEED=${seed}`, async () => {
        const edits = Math.min(EDITS_OF_A_HISTORY, Math.ceil((EDITS * 0.3) / INSTANCES.length));
        const folder = join(root, `${name}-${seed}`);
        const model = modelOf(importInstance(name));
        const played = await History.play({ folder, random: new SeededRandom(seed), model, edits });
        expect(played.edits).toBe(edits);
      });
    }
  }
});
