import type { Backend } from '../backends/backend.ts';
import { Slots } from './slots.ts';

/** What attempts hold of each backend. */
export class BackendSlots {
  readonly #byName = new Map<string, Slots>();
  readonly #none: Slots;
  /** Live attempts that wait for their turn, on any backend. */
  readonly followers: { readonly size: number; has(uid: string): boolean };

  constructor(backends: Iterable<Backend>, onFree: () => void) {
    this.#none = new Slots({ cpu: 0, memoryBytes: 0, gpu: 0, attempts: 0 }, onFree);
    for (const { name, capacity } of backends) this.#byName.set(name, new Slots(capacity, onFree));
    this.followers = new Followers([...this.#byName.values()]);
  }

  /** Of a backend that is configured no more: what it has is kept count of, and nothing is free. */
  of(name: string): Slots {
    return this.#byName.get(name) ?? this.#none;
  }
}

class Followers {
  readonly #all: readonly Slots[];

  constructor(all: readonly Slots[]) {
    this.#all = all;
  }

  get size(): number {
    let size = 0;
    for (const { followers } of this.#all) size += followers.size;
    return size;
  }

  has(uid: string): boolean {
    return this.#all.some(({ followers }) => followers.has(uid));
  }
}
