import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../scripts/mutants.mjs');
/** Each mutant is a run of tests of its own, beside whatever else runs. */
const TIMEOUT_MS = 15 * 60_000;

test('a quick test notices every barrier that is taken away', { timeout: TIMEOUT_MS }, async ({ signal }) => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--quick'], { signal }).catch(
    // What it said tells which mutant lives.
    (error: { readonly stdout: string }) => error,
  );
  expect(stdout).toMatch(/^(\d+) of \1 killed$/m);
});
