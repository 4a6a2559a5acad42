import type { Json } from '../base/json.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';

/** One row: cells by the name of their column. Without a prototype. */
export type Row = Readonly<Record<string, Json>>;

/** A row as it stands in the text, before columns give its cells their types. */
export interface RawRow {
  /** From 1. */
  readonly line: number;
  readonly cells: Row;
}

export interface SheetProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** An object without a prototype: `__proto__` and `constructor` are columns like any other. */
export function emptyRow(): Record<string, Json> {
  return Object.create(null) as Record<string, Json>;
}

/** Collects what is wrong with a sheet; beyond `MAX_DIAGNOSTICS` it counts only. */
export class SheetProblems {
  readonly #found: SheetProblem[] = [];
  #more = 0;

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  get isFull(): boolean {
    return this.#found.length >= MAX_DIAGNOSTICS;
  }

  add(line: number, message: string): void {
    if (this.isFull) this.#more += 1;
    else this.#found.push({ line, message });
  }

  list(): SheetProblem[] {
    const sorted = this.#found.toSorted((a, b) => a.line - b.line);
    const last = sorted.at(-1);
    if (this.#more > 0 && last !== undefined)
      sorted.push({ line: last.line, message: `and ${this.#more} more problems` });
    return sorted;
  }
}

/** Text of a user inside a message: quoted, and cut where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
