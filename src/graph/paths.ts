import { isAbsolute, normalize, relative, resolve } from 'node:path';

/** Absolute and normalised: `./a`, `a/` and `b/../a` are one file. The file system is not asked. */
export function absolutePath(base: string, path: string): string {
  const joined = isAbsolute(path) ? normalize(path) : resolve(base, path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

/** Relative to `base` where it lies inside, else absolute. */
export function pathFrom(base: string, path: string): string {
  const rel = relative(base, path);
  return rel === '' ? '.' : rel.startsWith('../') || rel === '..' || isAbsolute(rel) ? path : rel;
}
