import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { playWhileRunning } from './running-history.ts';
import { SeededRandom } from './seeded-random.ts';

const EDITS = Number(process.env['FIXPOINT_EDITS'] ?? 60);
const REPLAY = process.env['FIXPOINT_EDIT_SEED'];
const EDITS_OF_A_HISTORY = 6;

const root = mkdtempSync(join(tmpdir(), 'converge-running-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('edits while tasks run end where a run from scratch ends, and never two alive at once', () => {
  const count = Math.ceil((EDITS * 0.3) / EDITS_OF_A_HISTORY);
  const seeds = REPLAY === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(REPLAY)];
  for (const seed of seeds) {
    it(`FIXPOINT_EDIT_SEED=${seed}`, () =>
      playWhileRunning(join(root, String(seed)), new SeededRandom(seed), EDITS_OF_A_HISTORY));
  }
});
