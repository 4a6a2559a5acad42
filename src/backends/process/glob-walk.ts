import { readdir, stat } from 'node:fs/promises';
import { asBytes, parseFileGlob } from '../../base/file-glob.ts';
import { bytesBelow, onDisk } from './byte-path.ts';
import { isAbsence } from './file-digest.ts';

/** Files a pattern may match: bounds a walk that `**` could send through a whole disk. */
const MAX_GLOB_WALK = 1_000_000;

/** Paths that match, sorted. A name that is not UTF-8 has replacement characters: whoever opens the path finds nothing. */
export async function matching(pattern: string): Promise<string[]> {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) return [];
  const folder = asBytes(glob.value.folder);
  const names = await matchingNames(pattern);
  return names.map((name) => Buffer.from(bytesBelow(folder, name), 'latin1').toString('utf8')).sort();
}

/**
 * Names of what matches, as they stand to the pattern's folder, one character a byte, sorted by bytes. The walk starts at
 * that folder, be it a link, follows no links below it, and does not look into what matched. What is, also through a link,
 * neither file nor directory does not count. `attempt.sh` does the same with `find` (`fx_glob`).
 *
 * `root`: another folder that the pattern's is taken for, in bytes. `failed` hears of what could not be read; it is left out.
 */
export async function matchingNames(
  pattern: string,
  root?: string,
  failed: (error: unknown) => void = () => undefined,
): Promise<string[]> {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) return [];
  const { folder, depth = Number.POSITIVE_INFINITY } = glob.value;
  const shown = asBytes(folder);
  const walked = root ?? shown;
  const found: string[] = [];
  const folders = [{ name: '', level: 1 }];
  let seen = 0;
  for (let at = folders.pop(); at !== undefined && seen < MAX_GLOB_WALK; at = folders.pop()) {
    const path = at.name === '' ? walked : bytesBelow(walked, at.name);
    const entries = await readdir(onDisk(path), { withFileTypes: true, encoding: 'buffer' }).catch((error: unknown) => {
      failed(error);
      return [];
    });
    for (const entry of entries) {
      seen++;
      const own = entry.name.toString('latin1');
      const name = at.name === '' ? own : `${at.name}/${own}`;
      if (glob.value.matchesBytes(bytesBelow(shown, name))) {
        const counts = entry.isFile() || entry.isDirectory();
        if (counts || (entry.isSymbolicLink() && (await leadsSomewhere(bytesBelow(walked, name), failed))))
          found.push(name);
      } else if (entry.isDirectory() && at.level < depth) folders.push({ name, level: at.level + 1 });
    }
  }
  return found.sort();
}

/** To a file or a directory. */
async function leadsSomewhere(path: string, failed: (error: unknown) => void): Promise<boolean> {
  try {
    const seen = await stat(onDisk(path));
    return seen.isFile() || seen.isDirectory();
  } catch (error) {
    if (!isAbsence(error)) failed(error);
    return false;
  }
}
