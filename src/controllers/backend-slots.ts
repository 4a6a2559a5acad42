import type { Backend } from '../backends/backend.ts';
import { Slots } from './slots.ts';

/** What attempts hold of each backend. */
export class BackendSlots {
  readonly #byName = new Map<string, Slots>();
  readonly #none: Slots;

  constructor(backends: Iterable<Backend>, onFree: () => void) {
    this.#none = new Slots({ cpu: 0, memoryBytes: 0, gpu: 0, attempts: 0 }, onFree);
    for (const { name, capacity } of backends) this.#byName.set(name, new Slots(capacity, onFree));
  }

  /** Of a backend that is configured no more: what it has is kept count of, and nothing is free. */
  of(name: string): Slots {
    return this.#byName.get(name) ?? this.#none;
  }

  /** Live attempts that wait for their turn, on any backend. */
  get followers(): { readonly size: number; has(uid: string): boolean } {
    const all = [...this.#byName.values()].map((slots) => slots.followers);
    return {
      size: all.reduce((sum, { size }) => sum + size, 0),
      has: (uid) => all.some((followers) => followers.has(uid)),
    };
  }
}
