import type { Facts } from './facts.ts';

/** Facts that can be noted and taken back. */
export interface FactBook extends Facts {
  set(id: string, digest: string): unknown;
  delete(id: string): unknown;
}

/** Facts that differ from others, which stay as they are and need not be copied. */
export class FactsOver implements FactBook {
  readonly #others: Facts;
  /** Undefined: taken back. */
  readonly #own = new Map<string, string | undefined>();

  constructor(others: Facts) {
    this.#others = others;
  }

  get(id: string): string | undefined {
    return this.#own.has(id) ? this.#own.get(id) : this.#others.get(id);
  }

  has(id: string): boolean {
    return this.#own.has(id) ? this.#own.get(id) !== undefined : this.#others.has(id);
  }

  set(id: string, digest: string): void {
    this.#own.set(id, digest);
  }

  delete(id: string): void {
    this.#own.set(id, undefined);
  }
}
