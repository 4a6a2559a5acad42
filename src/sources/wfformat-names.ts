import { shortDigest } from '../base/digest.ts';

// Foreign ids become names and paths that are safe here. Both mappings give different results for different ids.

const MAX_NAME_CHARS = 63;
const HASH_CHARS = 10;
/** File systems allow 255 bytes in one name; suffixes of tools must still fit. */
const MAX_FILE_NAME_CHARS = 200;

/**
 * A task name for each id, in the order given: the id itself where it is a name, else with `_` for what a name
 * cannot hold. A hash of the id is appended where two would be equal, or where a long one was cut; its end is
 * kept then, since recorded ids differ at their end. `reserved` names are given to nobody.
 */
export function taskNames(ids: readonly string[], reserved: readonly string[]): ReadonlyMap<string, string> {
  const wishes = new Map(ids.map((id) => [id, id.replace(/[^A-Za-z0-9_-]/g, '_').replace(/^-/, '_')]));
  const counts = new Map<string, number>();
  for (const wish of wishes.values()) counts.set(wish, (counts.get(wish) ?? 0) + 1);
  const taken = new Set(reserved);
  const names = new Map<string, string>();
  const give = (id: string, name: string): void => {
    taken.add(name);
    names.set(id, name);
  };
  const isFree = (name: string): boolean => name.length <= MAX_NAME_CHARS && !taken.has(name);
  // Ids that are names already come first: they keep their name whatever the others look like.
  for (const [id, wish] of wishes) if (wish === id && isFree(wish)) give(id, wish);
  for (const [id, wish] of wishes) {
    if (names.has(id)) continue;
    if (counts.get(wish) === 1 && isFree(wish)) {
      give(id, wish);
      continue;
    }
    let salt = 0;
    let name = hashed(id, wish, salt);
    while (taken.has(name)) name = hashed(id, wish, ++salt);
    give(id, name);
  }
  return new Map(ids.map((id) => [id, names.get(id) ?? id]));
}

function hashed(id: string, wish: string, salt: number): string {
  const kept = wish.slice(-(MAX_NAME_CHARS - HASH_CHARS - 1)).replace(/^-/, '_');
  return `${kept}_${shortDigest(salt === 0 ? id : `${id} ${salt}`, HASH_CHARS)}`;
}

/**
 * `data/NAME` for a file id, which may be an absolute path or a URL. One flat folder, because one id may be a
 * folder of another: `/` becomes `+`, other bytes outside `A-Za-z0-9._-` become `~HH`, a leading `.` or `-` too.
 * A name that gets too long ends in `~~` and a hash of the id; `~~` occurs nowhere else.
 */
export function dataPath(fileId: string): string {
  let name = '';
  for (const byte of Buffer.from(fileId, 'utf8')) {
    const char = String.fromCharCode(byte);
    const plain = name === '' ? /[A-Za-z0-9_]/ : /[A-Za-z0-9._-]/;
    if (char === '/') name += '+';
    else name += plain.test(char) ? char : `~${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  if (name.length > MAX_FILE_NAME_CHARS)
    name = `${name.slice(0, MAX_FILE_NAME_CHARS - 18)}~~${shortDigest(fileId, 16)}`;
  return `data/${name}`;
}

/** A resource name (DNS label) for a workflow: lower case, at most 63 characters, `workflow` if nothing is left. */
export function workflowName(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/\.json$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_NAME_CHARS)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'workflow' : label;
}
