/** A byte that is meant, a set of bytes, or any number of bytes. Bytes are characters up to 0xff. */
export type NamePart = string | { readonly has: (byte: string) => boolean } | typeof STAR;

export const STAR = Symbol('any number of bytes');

/** What one name of a path must look like. */
export interface NameProgram {
  readonly parts: readonly NamePart[];
  /** The star at the beginning takes nothing from a name that begins with a dot. */
  readonly hidden: boolean;
}

/** A program for each name; `Folders` is `**`: any number of names without a leading dot, at the end at least one. */
export type PathProgram = readonly (NameProgram | 'Folders')[];

export const ANY: NamePart = { has: () => true };
export const NOT_A_DOT: NamePart = { has: (byte) => byte !== '.' };

/**
 * Whether the names of a path are as the program says. Every name meets every part of the program at most once for each
 * of its bytes, so the work is at most their product, whatever either says.
 */
export function matchPath(program: PathProgram, names: readonly string[]): boolean {
  /** Places in the program that the names so far can lead to, ascending. */
  let places = withoutFolders(program, [0]);
  for (const name of names) {
    const next: number[] = [];
    for (const place of places) {
      const part = program[place];
      if (part === undefined) continue;
      if (part !== 'Folders') {
        if (matchName(part, name)) next.push(place + 1);
      } else if (name !== '' && !name.startsWith('.')) {
        next.push(place);
        if (place === program.length - 1) next.push(program.length);
      }
    }
    if (next.length === 0) return false;
    places = withoutFolders(program, next);
  }
  return places.includes(program.length);
}

/** With the places that are reached because `**` may stand for no folder. */
function withoutFolders(program: PathProgram, places: readonly number[]): number[] {
  const reached: number[] = [];
  for (const place of places) {
    let at = place;
    // Ascending, so a place that is there already is there with all that follow from it.
    if ((reached.at(-1) ?? -1) >= at) continue;
    reached.push(at);
    while (program[at] === 'Folders' && at < program.length - 1) reached.push(++at);
  }
  return reached;
}

/** The last star is the only one that is ever come back to: what an earlier one took could only be less. */
function matchName({ parts, hidden }: NameProgram, name: string): boolean {
  let part = hidden && name.startsWith('.') ? 1 : 0;
  let at = 0;
  let star: { part: number; at: number } | undefined;
  while (at < name.length || part < parts.length) {
    const wanted = parts[part];
    if (wanted === STAR) {
      star = { part: ++part, at };
    } else if (wanted !== undefined && at < name.length && takes(wanted, name[at] as string)) {
      part++;
      at++;
    } else if (star !== undefined && star.at < name.length) {
      star.at++;
      ({ part, at } = star);
    } else return false;
  }
  return true;
}

function takes(part: Exclude<NamePart, typeof STAR>, byte: string): boolean {
  return typeof part === 'string' ? part === byte : part.has(byte);
}
