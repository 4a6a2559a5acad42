import { parseFileGlob } from '../base/file-glob.ts';

/**
 * Paths by their beginnings and by their ends: a pattern is held against those only that share its text before the first
 * wildcard, or its text after the last one, whichever are fewer. So `out/*.KEY.txt` for each of many keys costs little.
 */
export class MakersByPattern {
  readonly #makers: ReadonlyMap<string, number>;
  readonly #paths: readonly string[];
  readonly #reversed: readonly string[];

  constructor(makers: ReadonlyMap<string, number>) {
    this.#makers = makers;
    // `sort` without a function compares code units, as `<` does.
    this.#paths = [...makers.keys()].sort();
    this.#reversed = this.#paths.map(reversed).sort();
  }

  /** Who makes what matches, each once, ascending. A pattern that is none matches nothing. */
  makersOf(pattern: string): readonly number[] {
    const glob = parseFileGlob(pattern);
    if (!glob.ok) return [];
    const byStart = rangeOf(this.#paths, pattern.slice(0, pattern.search(/[*?[{]|$/)));
    const byEnd = rangeOf(this.#reversed, reversed(/[^*?\]}]*$/.exec(pattern)?.[0] ?? ''));
    const useEnd = byEnd.to - byEnd.from < byStart.to - byStart.from;
    const { from, to } = useEnd ? byEnd : byStart;
    const makers = new Set<number>();
    for (let at = from; at < to; at++) {
      const path = useEnd ? reversed(this.#reversed[at] as string) : (this.#paths[at] as string);
      if (glob.value.matches(path)) makers.add(this.#makers.get(path) as number);
    }
    return [...makers].sort((a, b) => a - b);
  }
}

function reversed(text: string): string {
  return text.split('').reverse().join('');
}

/** Where those stand that begin with `start`. */
function rangeOf(sorted: readonly string[], start: string): { readonly from: number; readonly to: number } {
  const from = firstWhere(sorted, 0, (text) => text >= start);
  return { from, to: firstWhere(sorted, from, (text) => !text.startsWith(start)) };
}

/** `holds` is false for some first ones and true for all others. */
function firstWhere(sorted: readonly string[], from: number, holds: (text: string) => boolean): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle] as string)) high = middle;
    else low = middle + 1;
  }
  return low;
}
