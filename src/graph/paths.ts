import { isAbsolute, normalize, relative, resolve } from 'node:path';

/** Absolute and normalised: `./a`, `a/` and `b/../a` are one file. The file system is not asked. */
export function absolutePath(base: string, path: string): string {
  // Most are plain, and there is one for every output of every element. It is looked at as a whole: what is put together
  // stays in memory in parts until somebody reads it, and those that outlived a collection before that stay twice.
  const plain = `${base}/${path}`;
  if (base.length > 1 && !ODD_SEGMENT.test(plain.slice(1))) return plain;
  const joined = isAbsolute(path) ? normalize(path) : resolve(base, path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

/** A segment that is empty, `.` or `..`, which an absolute path and one that ends in a slash have, too. */
const ODD_SEGMENT = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** Relative to `base` where it lies inside, else absolute. */
export function pathFrom(base: string, path: string): string {
  if (path.startsWith(base) && path[base.length] === '/' && base.length > 1) {
    const inside = path.slice(base.length + 1);
    if (!ODD_SEGMENT.test(inside)) return inside;
  }
  const rel = relative(base, path);
  return rel === '' ? '.' : rel.startsWith('../') || rel === '..' || isAbsolute(rel) ? path : rel;
}
