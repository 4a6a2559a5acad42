/** Which GPU ids are handed out to which attempt. */
export class GpuSlots {
  readonly #free: number[];
  readonly #taken = new Map<string, number[]>();

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, i) => i);
  }

  /** The value of CUDA_VISIBLE_DEVICES; undefined for a machine without GPUs, empty for an attempt that gets none. */
  take(token: string, count: number): string | undefined {
    if (this.#free.length === 0 && this.#taken.size === 0) return undefined;
    const ids = this.#free.splice(0, count);
    if (ids.length > 0) this.#taken.set(token, ids);
    return ids.join(',');
  }

  /** An attempt of an earlier daemon has these. */
  keep(token: string, ids: readonly number[]): void {
    if (this.#taken.has(token)) return;
    const kept = ids.filter((id) => this.#free.includes(id));
    for (const id of kept) this.#free.splice(this.#free.indexOf(id), 1);
    if (kept.length > 0) this.#taken.set(token, kept);
  }

  giveBack(token: string): void {
    const ids = this.#taken.get(token);
    if (!ids) return;
    this.#taken.delete(token);
    this.#free.push(...ids);
    this.#free.sort((a, b) => a - b);
  }
}
