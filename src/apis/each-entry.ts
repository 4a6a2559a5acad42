import { isObject } from './own-property.ts';

export type Path = readonly (string | number)[];
export type Entry = Readonly<Record<string, unknown>>;

/** The entries of a list that are maps, each with its place. What is of another type is reported elsewhere. */
export function eachOf(list: unknown, path: Path, check: (entry: Entry, path: Path) => void): void {
  if (!Array.isArray(list)) return;
  list.forEach((entry: unknown, index) => {
    if (isObject(entry)) check(entry, [...path, index]);
  });
}
