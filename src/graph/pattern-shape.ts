import { type FileGlob, globFolder, parseFileGlob } from '../base/file-glob.ts';

/** One name of a pattern, as far as can be said quickly what it matches: it begins and ends with these texts. */
export interface NameShape {
  readonly text: string;
  /** All of it is literal. */
  readonly literal: boolean;
  readonly start: string;
  readonly end: string;
}

/**
 * The names of a pattern up to a `**` or an alternative with a slash in it: below those anything can match. Two patterns
 * whose names, as far as both have some, can all be the same may meet in one path, or one may match a folder that holds
 * what the other matches. If names in the same place can never be the same, they meet nowhere.
 */
export function namesOf(pattern: string): readonly NameShape[] {
  const names: NameShape[] = [];
  for (const text of pattern.split('/').slice(1)) {
    if (mayBeFolders(text)) break;
    const first = text.search(/[*?[{]/);
    const literal = first < 0;
    names.push({
      text,
      literal,
      start: literal ? text : text.slice(0, first),
      end: literal ? text : (/[^*?\]}]*$/.exec(text)?.[0] ?? ''),
    });
  }
  return names;
}

/** `**`, or alternatives that are one, or that reach over a slash. */
function mayBeFolders(text: string): boolean {
  const count = (c: string): number => text.split(c).length - 1;
  return text === '**' || count('{') !== count('}') || (text.includes('{') && count('*') > 1);
}

/** What a name with wildcards matches among literal ones. */
export function nameMatcher(name: NameShape): Pick<FileGlob, 'matches'> {
  const glob = parseFileGlob(`/${name.text}`);
  // One that cannot be read was refused when the document was.
  const matches = (text: string): boolean => glob.ok && glob.value.matches(`/${text}`);
  return { matches };
}

/** The longest folder that all of these paths or patterns lie in; undefined: there are none. */
export function folderOfAll(patterns: Iterable<string>): string | undefined {
  let shared: string | undefined;
  for (const pattern of patterns) {
    const folder = globFolder(pattern);
    shared ??= folder;
    while (!lies(folder, shared)) shared = shared.slice(0, shared.lastIndexOf('/')) || '/';
  }
  return shared;
}

/** One of the folders is the other or lies in it. */
export function foldersMeet(one: string, other: string): boolean {
  return lies(one, other) || lies(other, one);
}

function lies(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}
