import type { FileTimes, SeenFiles } from './seen-files.ts';

/** Bytes of one entry: size, mtime, ctime, SHA-256. */
const TIMES_BYTES = 24;
const ENTRY_BYTES = TIMES_BYTES + 32;
const ENTRIES_A_CHUNK = 4_096;
/** How full it is when the order of use begins to count. */
const CROWDED = 0.75;
/** Devices that are told apart by a number; more are rare, and are kept by their names. */
const MAX_DEVICES = 64;
const MAX_INODE = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / MAX_DEVICES));

/**
 * Digests by file, in bytes instead of texts: there may be as many as outputs of all workflows. The one that was used the
 * longest ago goes first, once there are many.
 */
export class KnownDigests {
  /** Where an entry is, by device and inode; the least recently used first. */
  readonly #places = new Map<number | string, number>();
  readonly #chunks: Buffer[] = [];
  readonly #devices: bigint[] = [];
  readonly #free: number[] = [];
  /** Three numbers and their bytes, as every entry has them. */
  readonly #times = new BigInt64Array(TIMES_BYTES / 8);
  readonly #seen = new Uint8Array(this.#times.buffer);
  readonly #capacity: number;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#places.size;
  }

  /** In hex; undefined: the file is not known as it looks now. */
  get(file: FileTimes): string | undefined {
    this.#write(file);
    return this.#found(this.#nameOf(file.dev, file.ino), this.#seen, 0);
  }

  getAt(seen: SeenFiles, i: number): string | undefined {
    return this.#found(this.#nameOf(seen.dev(i), seen.ino(i)), seen.bytes, seen.timesAt(i));
  }

  #found(name: number | string, seen: Uint8Array, from: number): string | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    const { chunk, at } = this.#entry(place);
    if (chunk.compare(seen, from, from + TIMES_BYTES, at, at + TIMES_BYTES) !== 0) return undefined;
    // Who goes first matters to nobody while there is room.
    if (this.#places.size > this.#capacity * CROWDED) {
      this.#places.delete(name);
      this.#places.set(name, place);
    }
    return chunk.toString('hex', at + TIMES_BYTES, at + ENTRY_BYTES);
  }

  set(file: FileTimes, digest: string): void {
    if (this.#places.size >= this.#capacity) this.#dropOldest();
    const name = this.#nameOf(file.dev, file.ino);
    const place = this.#places.get(name) ?? this.#free.pop() ?? this.#next++;
    if (place % ENTRIES_A_CHUNK === 0)
      this.#chunks[place / ENTRIES_A_CHUNK] ??= Buffer.alloc(ENTRIES_A_CHUNK * ENTRY_BYTES);
    const { chunk, at } = this.#entry(place);
    this.#write(file);
    chunk.set(this.#seen, at);
    chunk.write(digest, at + TIMES_BYTES, 'hex');
    this.#places.delete(name);
    this.#places.set(name, place);
  }

  #dropOldest(): void {
    for (const [name, place] of this.#places) {
      this.#places.delete(name);
      this.#free.push(place);
      return;
    }
  }

  *entries(): Generator<readonly [FileTimes, string]> {
    for (const [name, place] of this.#places) {
      const { chunk, at } = this.#entry(place);
      const [dev, ino] = this.#fileOf(name);
      this.#seen.set(chunk.subarray(at, at + TIMES_BYTES));
      const [size = 0n, mtimeNs = 0n, ctimeNs = 0n] = this.#times;
      yield [{ dev, ino, size, mtimeNs, ctimeNs }, chunk.toString('hex', at + TIMES_BYTES, at + ENTRY_BYTES)];
    }
  }

  #entry(place: number): { readonly chunk: Buffer; readonly at: number } {
    const chunk = this.#chunks[Math.floor(place / ENTRIES_A_CHUNK)] as Buffer;
    return { chunk, at: (place % ENTRIES_A_CHUNK) * ENTRY_BYTES };
  }

  /** Wrapped to 64 bits, which no file system exceeds. */
  #write({ size, mtimeNs, ctimeNs }: FileTimes): void {
    this.#times[0] = size;
    this.#times[1] = mtimeNs;
    this.#times[2] = ctimeNs;
  }

  #nameOf(dev: bigint, ino: bigint): number | string {
    let device = this.#devices.indexOf(dev);
    if (device < 0 && this.#devices.length < MAX_DEVICES) device = this.#devices.push(dev) - 1;
    return device < 0 || ino > MAX_INODE ? `${dev}:${ino}` : Number(ino) * MAX_DEVICES + device;
  }

  #fileOf(name: number | string): readonly [dev: bigint, ino: bigint] {
    if (typeof name === 'number')
      return [this.#devices[name % MAX_DEVICES] as bigint, BigInt(Math.floor(name / MAX_DEVICES))];
    const [dev = '0', ino = '0'] = name.split(':');
    return [BigInt(dev), BigInt(ino)];
  }
}
