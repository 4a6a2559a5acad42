/** Which GPU ids are handed out to which attempt. */
export class GpuSlots {
  /** By id: how many attempts may use it. */
  readonly #users: number[];
  readonly #taken = new Map<string, readonly number[]>();

  constructor(count: number) {
    this.#users = Array.from({ length: count }, () => 0);
  }

  /** The value of CUDA_VISIBLE_DEVICES; undefined for a machine without GPUs, empty for an attempt that gets none. */
  take(token: string, count: number): string | undefined {
    if (this.#users.length === 0) return undefined;
    const ids = [...this.#users.keys()].filter((id) => this.#users[id] === 0).slice(0, count);
    this.keep(token, ids);
    return ids.join(',');
  }

  /** It has these, or may have them. */
  keep(token: string, ids: readonly number[]): void {
    if (this.#taken.has(token)) return;
    const kept = ids.filter((id) => id in this.#users);
    this.#count(kept, 1);
    if (kept.length > 0) this.#taken.set(token, kept);
  }

  giveBack(token: string): void {
    const ids = this.#taken.get(token);
    if (!ids) return;
    this.#taken.delete(token);
    this.#count(ids, -1);
  }

  #count(ids: readonly number[], change: 1 | -1): void {
    for (const id of ids) this.#users[id] = (this.#users[id] as number) + change;
  }
}
