import type { BigIntStats } from 'node:fs';

/** What tells that a file has not changed. Times are nanoseconds. */
export type FileTimes = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

/** A file as one look at it says. */
export interface SeenFile extends FileTimes {
  isDirectory(): boolean;
  isFile(): boolean;
}

/** What is kept of each file, in this order. */
export const FIELDS = [
  'mode',
  'dev',
  'ino',
  'size',
  'mtimeNs',
  'ctimeNs',
] as const satisfies readonly (keyof BigIntStats)[];
const WIDTH = FIELDS.length;
const FIELD_BYTES = 8;
const TIMES_AT = FIELDS.indexOf('size');
const TYPE_MASK = 0o170000n;
const DIRECTORY = 0o040000n;
const REGULAR = 0o100000n;

/** How many files looked, in one block of memory: there may be as many as outputs of a workflow, mostly as they were before. */
export class SeenFiles {
  readonly #fields: BigInt64Array;
  /** Why those could not be seen that could not. */
  readonly #errors: ReadonlyMap<number, string>;
  /** All of it, for whoever compares without making numbers. */
  readonly bytes: Uint8Array;

  constructor(fields: BigInt64Array, errors: Iterable<readonly [at: number, code: string]> = []) {
    this.#fields = fields;
    this.#errors = new Map(errors);
    this.bytes = new Uint8Array(fields.buffer, fields.byteOffset, fields.byteLength);
  }

  isFile(i: number): boolean {
    return !this.#errors.has(i) && (this.#field(i, 0) & TYPE_MASK) === REGULAR;
  }

  dev(i: number): bigint {
    return this.#field(i, 1);
  }

  ino(i: number): bigint {
    return this.#field(i, 2);
  }

  size(i: number): bigint {
    return this.#field(i, TIMES_AT);
  }

  /** Where size, mtime and ctime begin in `bytes`, one after another. */
  timesAt(i: number): number {
    return (i * WIDTH + TIMES_AT) * FIELD_BYTES;
  }

  /** Throws as `stat` would, with its `code`. */
  file(i: number): SeenFile {
    const code = this.#errors.get(i);
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    const type = this.#field(i, 0) & TYPE_MASK;
    return { ...this.times(i), isDirectory: () => type === DIRECTORY, isFile: () => type === REGULAR };
  }

  times(i: number): FileTimes {
    const [, dev, ino, size, mtimeNs, ctimeNs] = this.#fields.subarray(
      i * WIDTH,
      (i + 1) * WIDTH,
    ) as unknown as bigint[];
    return { dev, ino, size, mtimeNs, ctimeNs } as FileTimes;
  }

  #field(i: number, field: number): bigint {
    return this.#fields[i * WIDTH + field] as bigint;
  }
}
