import { existsSync } from 'node:fs';
import { readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { failPoint } from '../../base/fail-point.ts';
import type { Backend, Handled } from '../backend.ts';
import { KEPT_FOLDER } from './folder-content.ts';

/** The claim of a folder that stays must stay: without it a launch that comes late would run the attempt again. */
const COMPACTED: ReadonlySet<string> = new Set([
  'launch',
  'sums',
  'script',
  'argv',
  'inputs',
  'files',
  'work',
  'runtime.log',
  '.glob',
  'session',
  'gpus',
]);

/** What `Backend.release` promises, for attempts whose folders lie below this one; of others nothing is touched. */
export async function releaseRunFolders(
  runsDir: string,
  attempts: readonly Handled[],
  what: Parameters<Backend['release']>[1],
): Promise<void> {
  for (const { directory } of attempts) {
    if (directory === undefined || !directory.startsWith(`${runsDir}/`)) continue;
    failPoint('ack.before');
    await tidyRunFolder(directory, what);
    failPoint('ack.after');
  }
}

/** Takes away what nobody will ask for again; what cannot be removed stays. Most folders hold a few files only. */
async function tidyRunFolder(directory: string, what: Parameters<Backend['release']>[1]): Promise<void> {
  if (what === 'Everything' && !existsSync(join(directory, KEPT_FOLDER))) return removeAll(directory);
  if (what === 'Displaced') return removeAll(join(directory, 'outputs'));
  // The native runtime leaves nothing that would be taken away; asking for one name is cheaper than for all.
  if (what === 'Compacted' && !existsSync(join(directory, 'launch'))) return;
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (what === 'Everything' ? entry.name === KEPT_FOLDER : !COMPACTED.has(entry.name)) continue;
    const path = join(directory, entry.name);
    // A folder that nothing was put into is the rule.
    failPoint('remove.before');
    const gone = await (entry.isDirectory() ? rmdir(path) : unlink(path)).then(
      () => true,
      () => false,
    );
    if (!gone) await removeAll(path);
    failPoint('remove.after');
  }
}

async function removeAll(path: string): Promise<void> {
  failPoint('remove.before');
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
  failPoint('remove.after');
}
