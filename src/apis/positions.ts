import type { Diagnostic, LocatedDiagnostic } from './diagnostic.ts';
import { offsetInScalar } from './scalar-offset.ts';
import type { SourceText } from './source-text.ts';

/**
 * Where every value of a document stands, compactly: four numbers for each value, in the order of the file, so
 * that a table of a large document crosses a thread without being copied.
 */
export interface PositionTable {
  /** For each value: index of its key's name (-1 in a list), offset of the key, offset of the value, index after its last descendant. */
  readonly cells: Int32Array<ArrayBuffer>;
  readonly names: readonly string[];
}

const CELLS = 4;

/** Builds a table while a document is walked: `open` before a value's children, `close` after them. */
export class PositionTableBuilder {
  #cells = new Int32Array(1024);
  #count = 0;
  readonly #names: string[] = [];
  readonly #indexes = new Map<string, number>();

  open(key: string | undefined, keyOffset: number, valueOffset: number): number {
    const at = this.#count * CELLS;
    if (at + CELLS > this.#cells.length) {
      const larger = new Int32Array(this.#cells.length * 2);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[at] = key === undefined ? -1 : this.#nameIndex(key);
    this.#cells[at + 1] = keyOffset;
    this.#cells[at + 2] = valueOffset;
    this.#cells[at + 3] = this.#count + 1;
    return this.#count++;
  }

  close(index: number): void {
    this.#cells[index * CELLS + 3] = this.#count;
  }

  finish(): PositionTable {
    return { cells: this.#cells.slice(0, this.#count * CELLS), names: this.#names };
  }

  #nameIndex(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    this.#indexes.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}

interface Found {
  readonly index: number;
  /** False: only an ancestor exists. */
  readonly exact: boolean;
}

/** The value at a path, or its nearest ancestor that exists. Linear in the number of siblings on the way. */
function find(table: PositionTable, path: readonly (string | number)[]): Found {
  const { cells, names } = table;
  let index = 0;
  for (const step of path) {
    const end = cells[index * CELLS + 3] ?? 0;
    let child = index + 1;
    let position = 0;
    let hit = -1;
    while (child < end) {
      const name = cells[child * CELLS] ?? -1;
      // After a doubled key the last one wins, as in every reader that allows it.
      if (name === -1 ? position === step : names[name] === String(step)) hit = child;
      if (name === -1 && hit !== -1) break;
      position++;
      child = cells[child * CELLS + 3] ?? end;
    }
    if (hit === -1) return { index, exact: false };
    index = hit;
  }
  return { index, exact: true };
}

/** Gives a diagnostic its place. It always has one: what is not in the file stands where its parent does. */
export function locateIn(table: PositionTable, source: SourceText, file: string, d: Diagnostic): LocatedDiagnostic {
  const { index, exact } = find(table, d.path);
  const key = table.cells[index * CELLS + 1] ?? 0;
  const value = table.cells[index * CELLS + 2] ?? 0;
  let offset = value;
  if (exact && d.atKey === true && table.cells[index * CELLS] !== -1) offset = key;
  else if (exact && d.offset !== undefined) offset = offsetInScalar(source.text, value, d.offset);
  return { ...d, file, ...source.position(offset) };
}
