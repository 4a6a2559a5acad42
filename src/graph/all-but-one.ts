/**
 * A map without one of its keys, as a view: every task sees all tasks but itself, and ten thousand copies of a map of
 * ten thousand entries take half a minute.
 */
export class AllButOne<V> implements ReadonlyMap<string, V> {
  readonly #all: ReadonlyMap<string, V>;
  readonly #one: string;

  constructor(all: ReadonlyMap<string, V>, one: string) {
    this.#all = all;
    this.#one = one;
  }

  get size(): number {
    return this.#all.size - (this.#all.has(this.#one) ? 1 : 0);
  }

  has(key: string): boolean {
    return key !== this.#one && this.#all.has(key);
  }

  get(key: string): V | undefined {
    return key === this.#one ? undefined : this.#all.get(key);
  }

  *entries(): MapIterator<[string, V]> {
    for (const entry of this.#all) if (entry[0] !== this.#one) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(run: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this);
  }
}
