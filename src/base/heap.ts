/** A binary heap of distinct integers, least first by `before`. Pushing one that is in it does nothing. */
export class Heap {
  readonly #items: number[] = [];
  readonly #members = new Set<number>();
  readonly #before: (a: number, b: number) => boolean;

  constructor(before: (a: number, b: number) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The least, which stays. */
  get top(): number | undefined {
    return this.#items[0];
  }

  push(item: number): void {
    if (this.#members.has(item)) return;
    this.#members.add(item);
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, items[parent] as number)) break;
      items[at] = items[parent] as number;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    if (top === undefined) return undefined;
    this.#members.delete(top);
    const last = items.pop() as number;
    if (items.length > 0) this.#sink(last);
    return top;
  }

  /** Puts `item` at the root and lets it sink to its place. */
  #sink(item: number): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#before(items[child + 1] as number, items[child] as number)) child++;
      if (!this.#before(items[child] as number, item)) break;
      items[at] = items[child] as number;
      at = child;
    }
    items[at] = item;
  }
}
