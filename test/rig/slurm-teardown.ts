import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Beside the project, on machines that have it. */
const TOOLS = resolve(import.meta.dirname, '../../../shared/dev');

/**
 * One Slurm for all tests of a run: the first that needs it brings it up (`slurm.ts`), and the end of the run takes it down.
 * With `FIXPOINT_TEST_SLURM=FOLDER` it is that one, and stays.
 */
export function setup(): (() => void) | undefined {
  if (process.env['FIXPOINT_TEST_SLURM'] !== undefined) return undefined;
  const folder = join(tmpdir(), `fixpoint-slurm-${process.pid}`);
  process.env['FIXPOINT_TEST_SLURM'] = folder;
  return () => {
    for (const state of [folder, `${folder}-disturbed`])
      if (existsSync(state)) execFileSync(join(TOOLS, 'slurm-down'), ['--purge', state], { stdio: 'ignore' });
  };
}
