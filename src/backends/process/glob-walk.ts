import { readdir } from 'node:fs/promises';
import { parseFileGlob } from '../../base/file-glob.ts';

/** Files a pattern may match: bounds a walk that `**` could send through a whole disk. */
const MAX_GLOB_WALK = 1_000_000;

/**
 * Paths that match, sorted; the walk starts at the last folder before the first wildcard, follows no links, and does
 * not look into what matched. `attempt.sh` does the same with `find` (`fx_glob`). `failed` hears of folders that could not be
 * read; what is in them is left out.
 */
export async function matching(pattern: string, failed: (error: unknown) => void = () => undefined): Promise<string[]> {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) return [];
  const { folder: root, depth = Number.POSITIVE_INFINITY } = glob.value;
  const found: string[] = [];
  const folders = [{ path: root, level: 1 }];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined && seen < MAX_GLOB_WALK; folder = folders.pop()) {
    const entries = await readdir(folder.path, { withFileTypes: true }).catch((error: unknown) => {
      failed(error);
      return [];
    });
    for (const entry of entries) {
      seen++;
      const path = folder.path === '/' ? `/${entry.name}` : `${folder.path}/${entry.name}`;
      if (glob.value.matches(path)) found.push(path);
      else if (entry.isDirectory() && folder.level < depth) folders.push({ path, level: folder.level + 1 });
    }
  }
  return found.sort();
}
