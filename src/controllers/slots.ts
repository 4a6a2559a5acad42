import type { Capacity } from '../backends/backend.ts';

/** What live attempts of all workflows hold of one backend's capacity. */
export class Slots {
  readonly #capacity: Capacity;
  readonly #held = new Map<string, Capacity>();
  readonly #onFree: () => void;
  #used: { cpu: number; memoryBytes: number; gpu: number } = { cpu: 0, memoryBytes: 0, gpu: 0 };

  constructor(capacity: Capacity, onFree: () => void) {
    this.#capacity = capacity;
    this.#onFree = onFree;
  }

  get capacity(): Capacity {
    return this.#capacity;
  }

  free(): Capacity {
    return {
      cpu: this.#capacity.cpu - this.#used.cpu,
      memoryBytes: this.#capacity.memoryBytes - this.#used.memoryBytes,
      gpu: this.#capacity.gpu - this.#used.gpu,
    };
  }

  take(uid: string, needs: Capacity): void {
    if (this.#held.has(uid)) return;
    this.#held.set(uid, needs);
    this.#add(needs, 1);
  }

  giveBack(uid: string): void {
    const needs = this.#held.get(uid);
    if (!needs) return;
    this.#held.delete(uid);
    this.#add(needs, -1);
    this.#onFree();
  }

  #add(needs: Capacity, sign: 1 | -1): void {
    const u = this.#used;
    this.#used = {
      cpu: u.cpu + sign * needs.cpu,
      memoryBytes: u.memoryBytes + sign * needs.memoryBytes,
      gpu: u.gpu + sign * needs.gpu,
    };
  }
}
