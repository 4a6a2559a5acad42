import type { Clock } from '../../base/clock.ts';
import { MAX_CACHED_DIGESTS } from '../../base/limits.ts';
import { type DigestsFile, DigestsLog } from './digests-log.ts';
import { KnownDigests } from './known-digests.ts';
import type { FileTimes, SeenFiles } from './seen-files.ts';

/** An open file, as far as its digest is concerned. */
export interface OpenFile {
  stat(): Promise<FileTimes>;
  /** SHA-256 of what it holds, in hex. */
  hash(): Promise<string>;
  close(): Promise<void>;
}

/** What was known of the clocks before files were read that are offered afterwards. */
export interface Moment {
  readonly now: number;
  /** By device: what its clock had passed. */
  readonly passed: ReadonlyMap<bigint, bigint>;
}

/** Lines that wait in memory to be written: a first look may make one for each of 100,000 outputs. */
const MOST_UNSAVED = 2_000;
/** How much later than a file's times its file system's clock must be before the times can show the next change. */
const SETTLED_NS = 2_000_000_000n;
/** Two clocks are not equally fast: how long ours may be added to a time of the file system's. */
const MAX_ADDED_MS = 60_000;

/**
 * Content digests by device, inode, size, mtime and ctime; kept in a file, so that opening a home does not read again
 * what has not changed.
 *
 * A digest is trusted later only if any later write would show in the times. Times are coarse (2 s at worst), so the file
 * system's clock must be past them by that much *before* the file is read. Its clock may be that of a server and differ
 * from ours either way. So it is never read from ours: the newest ctime seen on a device is a moment that the clock of
 * that device has passed, for nobody can set a ctime; what our monotonic clock counted since may be added. A clock that
 * was set back is the one thing this cannot know, so our own clock must be past the file's times as well. When the
 * server's clock is ahead of ours, both rules only make us wait longer.
 *
 * Where nothing newer was seen, and the device is that of the digests' own file, a file is written there to be told the time.
 */
export class DigestCache {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #log: DigestsLog | undefined;
  readonly #known = new KnownDigests(MAX_CACHED_DIGESTS);
  readonly #newest = new Map<bigint, { readonly ctimeNs: bigint; readonly at: number }>();
  /** When a device was last asked for its time: until that is too long ago our own clock goes on from the answer. */
  readonly #asked = new Map<bigint, number>();
  #loading: Promise<void> | undefined;
  #added: string[] = [];

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, file?: DigestsFile) {
    this.#clock = clock;
    this.#log = file && new DigestsLog(file);
  }

  /** The content digest of a file that looked so: remembered, or by `open`, whose exceptions are passed on. */
  async digest(seen: FileTimes, open: () => Promise<OpenFile>): Promise<string> {
    await this.loaded();
    const known = this.remembered(seen);
    if (known !== undefined) return known;
    const file = await open();
    try {
      const before = await file.stat();
      this.passed(before);
      const settled = await this.#isSettled(before);
      const digest = await file.hash();
      if (settled && sameTimes(before, await file.stat())) this.#put(before, digest);
      return digest;
    } finally {
      await file.close();
    }
  }

  /** What the file knows is known: `remembered` may be asked. */
  loaded(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** The content digest of a file that looked so. */
  remembered(seen: FileTimes): string | undefined {
    this.passed(seen);
    return this.#known.get(seen);
  }

  /** The same for one of many, of which the newest has passed. */
  rememberedAt(seen: SeenFiles, i: number): string | undefined {
    return this.#known.getAt(seen, i);
  }

  /** To be asked for before files are read whose digests will be offered. */
  async moment(): Promise<Moment> {
    const dev = await this.#log?.device();
    if (dev !== undefined) await this.#ask(dev);
    const passed = [...this.#newest.keys()].map((known) => [known, this.#passedBy(known) as bigint] as const);
    return { now: this.#clock.now(), passed: new Map(passed) };
  }

  /** A digest that somebody else has made after `moment`: remembered by the same rule as if it were made here. */
  offer(moment: Moment, before: FileTimes, after: FileTimes, digest: string): void {
    if (!isSettledAt(moment, before)) return;
    if (sameTimes(before, after)) this.#put(before, digest);
  }

  /** Writes down what is new since the last call. It is a cache: what cannot be written is read again some day. */
  async save(): Promise<void> {
    const lines = this.#added;
    this.#added = [];
    // Also for what is still being written of before.
    await this.#log?.append(lines, this.#known.size, () => this.#lines());
  }

  #put(seen: FileTimes, digest: string): void {
    const isNew = this.#known.get(seen) !== digest;
    this.#known.set(seen, digest);
    if (!this.#log || !isNew) return;
    this.#added.push(lineOf(seen, digest));
    if (this.#added.length >= MOST_UNSAVED) void this.save();
  }

  /** It was seen on this device: its clock has passed this time. */
  passed({ dev, ctimeNs }: Pick<FileTimes, 'dev' | 'ctimeNs'>): void {
    const bound = this.#passedBy(dev);
    if (bound === undefined || ctimeNs > bound) this.#newest.set(dev, { ctimeNs, at: this.#clock.monotonic() });
  }

  /** A moment that the clock of this device has passed; undefined: nothing on it was seen yet. */
  #passedBy(dev: bigint): bigint | undefined {
    const newest = this.#newest.get(dev);
    if (!newest) return undefined;
    return newest.ctimeNs + nanoseconds(Math.min(this.#clock.monotonic() - newest.at, MAX_ADDED_MS));
  }

  async #isSettled(seen: FileTimes): Promise<boolean> {
    const from = settledFrom(seen);
    if (nanoseconds(this.#clock.now()) < from) return false;
    if ((this.#passedBy(seen.dev) as bigint) >= from) return true;
    await this.#ask(seen.dev);
    return (this.#passedBy(seen.dev) as bigint) >= from;
  }

  async #ask(dev: bigint): Promise<void> {
    const asked = this.#asked.get(dev);
    if (asked !== undefined && this.#clock.monotonic() - asked < MAX_ADDED_MS) return;
    const ctimeNs = await this.#log?.timeOf(dev);
    this.#asked.set(dev, this.#clock.monotonic());
    if (ctimeNs !== undefined) this.passed({ dev, ctimeNs });
  }

  async #load(): Promise<void> {
    await this.#log?.read((file, digest) => this.#known.set(file, digest));
  }

  *#lines(): Generator<string> {
    for (const [file, digest] of this.#known.entries()) yield lineOf(file, digest);
  }
}

/** Whether a digest made after this moment may be remembered. */
export function isSettledAt(moment: Moment, seen: FileTimes): boolean {
  const bound = moment.passed.get(seen.dev);
  const from = settledFrom(seen);
  return bound !== undefined && bound >= from && nanoseconds(moment.now) >= from;
}

/** From when on, by both clocks, a digest of this file may be remembered. */
function settledFrom({ mtimeNs, ctimeNs }: FileTimes): bigint {
  return (mtimeNs > ctimeNs ? mtimeNs : ctimeNs) + SETTLED_NS;
}

function lineOf({ dev, ino, size, mtimeNs, ctimeNs }: FileTimes, digest: string): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs} ${digest}`;
}

function sameTimes(a: FileTimes, b: FileTimes): boolean {
  if (a.dev !== b.dev || a.ino !== b.ino || a.size !== b.size) return false;
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1_000_000n;
}
