import { readdir } from 'node:fs/promises';
import { parseGlob } from '../../base/glob.ts';

/** The folder before the first wildcard: where a walk starts, and what names of matches are relative to. */
export function globFolder(pattern: string): string {
  const fixed = pattern.slice(0, pattern.search(/[*?[{]|$/));
  return fixed.slice(0, fixed.lastIndexOf('/')) || '/';
}

/** Files a pattern may match: bounds a walk that `**` could send through a whole disk. */
const MAX_GLOB_WALK = 1_000_000;

/** Paths that match, sorted; the walk starts at the last folder before the first wildcard. */
export async function matching(pattern: string): Promise<string[]> {
  const glob = parseGlob(pattern);
  if (!glob.ok) return [];
  const root = globFolder(pattern);
  const deepest = pattern.includes('**') ? Number.POSITIVE_INFINITY : pattern.split('/').length;
  const found: string[] = [];
  const folders = [root];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined && seen < MAX_GLOB_WALK; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      seen++;
      const path = folder === '/' ? `/${entry.name}` : `${folder}/${entry.name}`;
      if (glob.value.matches(path)) found.push(path);
      else if (entry.isDirectory() && path.split('/').length < deepest) folders.push(path);
    }
  }
  return found.sort();
}
