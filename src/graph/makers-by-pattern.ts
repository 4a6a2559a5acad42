import { parseFileGlob } from '../base/file-glob.ts';
import { rangeOf, reversed } from './sorted-texts.ts';

/**
 * Paths by their beginnings and by their ends: a pattern is held against those only that share its text before the first
 * wildcard, or its text after the last one, whichever are fewer. So `out/*.KEY.txt` for each of many keys costs little.
 */
export class MakersByPattern {
  readonly #makers: ReadonlyMap<string, number>;
  readonly #paths: readonly string[];
  readonly #reversed: readonly string[];
  #steps = 0;

  constructor(makers: ReadonlyMap<string, number>) {
    this.#makers = makers;
    // `sort` without a function compares code units, as `<` does.
    this.#paths = [...makers.keys()].sort();
    this.#reversed = this.#paths.map(reversed).sort();
  }

  /** How many paths were held against patterns so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Who makes what matches, each once, ascending. A pattern that is none matches nothing. */
  makersOf(pattern: string): readonly number[] {
    const makers = new Set<number>();
    for (const [, maker] of this.#matches(pattern)) makers.add(maker);
    return [...makers].sort((a, b) => a - b);
  }

  /** A path that matches and is not this maker's, or is one of those that several share. */
  pathOfOther(
    pattern: string,
    own?: number,
    shared: ReadonlySet<string> = new Set(),
  ): readonly [path: string, maker: number] | undefined {
    for (const match of this.#matches(pattern)) if (match[1] !== own || shared.has(match[0])) return match;
    return undefined;
  }

  *#matches(pattern: string): Generator<readonly [path: string, maker: number]> {
    const glob = parseFileGlob(pattern);
    if (!glob.ok) return;
    const byStart = rangeOf(this.#paths, pattern.slice(0, pattern.search(/[*?[{]|$/)));
    const byEnd = rangeOf(this.#reversed, reversed(/[^*?\]}]*$/.exec(pattern)?.[0] ?? ''));
    const useEnd = byEnd.to - byEnd.from < byStart.to - byStart.from;
    const { from, to } = useEnd ? byEnd : byStart;
    for (let at = from; at < to; at++) {
      const path = useEnd ? reversed(this.#reversed[at] as string) : (this.#paths[at] as string);
      this.#steps++;
      if (glob.value.matches(path)) yield [path, this.#makers.get(path) as number];
    }
  }
}
