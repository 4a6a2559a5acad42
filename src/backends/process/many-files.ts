import { nextEventLoopTurn } from '../../base/event-loop.ts';
import { MAX_CONTENT_DIGEST_BYTES } from '../../base/limits.ts';
import { type Look, lookId } from '../../planning/facts.ts';
import { type DigestCache, isSettledAt } from './digest-cache.ts';
import { FileThread, type Seen, SMALL_FILE_BYTES } from './file-thread.ts';
import type { SeenFile } from './seen-files.ts';

/** From how many files on the thread is worth its start. */
export const BULK = 2_000;
/** The same where they are to be read: each costs a dozen calls back and forth. */
export const BULK_OF_CONTENTS = 100;
/** So many are asked for and taken in at once: the memory for them is small, and others have their turn in between. */
const PART = 2_000;

const LARGEST = BigInt(MAX_CONTENT_DIGEST_BYTES);
const SMALL = BigInt(SMALL_FILE_BYTES);

/** Left to whoever looks at files one by one. `seen` gives how it looked just now, or throws as `stat` does. */
export interface Left {
  readonly look: Look;
  readonly seen?: (() => SeenFile) | undefined;
}

/** Looks at many files together: one thread sees them and reads the small ones, the cache of digests knows the others. */
export class ManyFiles {
  readonly #cache: DigestCache;
  #thread: FileThread | undefined;
  #ahead: Promise<void>[] = [];
  /** All of a part that was to be read ahead was known: so, most likely, is the rest. */
  #isKnown = false;
  #looking = 0;

  constructor(cache: DigestCache) {
    this.#cache = cache;
  }

  /** Reads ahead what the cache does not know, while whoever asked is busy with other things. */
  async expect(looks: readonly Look[]): Promise<void> {
    const contents = contentsOf(looks);
    if (contents.length < BULK || this.#isKnown) return;
    const reading = this.#readAhead(contents).catch(() => undefined);
    this.#ahead.push(reading);
    await reading;
  }

  /** Reads what the cache does not know, a part at a time; of few it is not worth a thread. */
  async age(looks: readonly Look[], signal: AbortSignal): Promise<void> {
    const contents = contentsOf(looks);
    if (contents.length < BULK_OF_CONTENTS) return;
    this.#looking++;
    try {
      await this.#cache.loaded();
      for (const part of partsOf(contents)) {
        if (signal.aborted) break;
        const thread = this.#running();
        await this.#contents(thread, part, await thread.stat(part.map(({ path }) => path)), 'Lasting');
        await nextEventLoopTurn();
      }
    } catch {
      // Whoever looks at it says why.
    } finally {
      this.#looking--;
      void this.#rest();
    }
  }

  async #readAhead(looks: readonly Look[]): Promise<void> {
    // Its start takes a while, in which others have their turn.
    const thread = this.#running();
    const seen = thread.stat(looks.map(({ path }) => path));
    await Promise.all([seen, this.#cache.loaded()]);
    if (this.#isKnown) return;
    const { unknown } = await this.#contents(thread, looks, await seen);
    this.#isKnown = unknown === 0;
  }

  /** Adds facts, and gives back the looks that are still to be made. None of them may be a pattern. */
  async look(looks: readonly Look[], facts: Map<string, string>): Promise<readonly Left[]> {
    this.#looking++;
    try {
      const thread = this.#running();
      const left: Left[] = [];
      // All is asked for at once, and taken in while the thread goes on.
      const parts = partsOf(looks).map((part) => {
        const seen = thread.stat(part.map(({ path }) => path)).catch(() => undefined);
        return { part, seen };
      });
      await Promise.all([...this.#ahead.splice(0), this.#cache.loaded()]);
      for (const { part, seen } of parts) {
        left.push(...(await this.#take(thread, part, await seen, facts)));
        await nextEventLoopTurn();
      }
      return left;
    } finally {
      this.#looking--;
      void this.#rest();
    }
  }

  async #take(
    thread: FileThread,
    looks: readonly Look[],
    seen: Seen | undefined,
    facts: Map<string, string>,
  ): Promise<readonly Left[]> {
    if (!seen) return looks.map((look) => ({ look }));
    const { digests } = await this.#contents(thread, looks, seen).catch(() => NO_CONTENTS);
    const left: Left[] = [];
    for (const [i, look] of looks.entries()) {
      const digest = digests[i];
      if (digest === undefined) left.push({ look, seen: () => seen.files.file(i) });
      else facts.set(lookId(look), `sha256:${digest}`);
    }
    return left;
  }

  /**
   * By position the digest of what a file holds, as far as it counts, is known or can be read by the thread. `Lasting`: only of
   * those is it read for which it will be remembered.
   */
  async #contents(
    thread: FileThread,
    looks: readonly Look[],
    { files, newest }: Seen,
    which: 'All' | 'Lasting' = 'All',
  ): Promise<Contents> {
    const digests: (string | undefined)[] = [];
    const unknown: number[] = [];
    for (const one of newest) this.#cache.passed(one);
    for (const [i, { fingerprint }] of looks.entries()) {
      if (fingerprint !== 'Content' || !files.isFile(i) || files.size(i) > LARGEST) continue;
      digests[i] = this.#cache.rememberedAt(files, i);
      if (digests[i] === undefined && files.size(i) <= SMALL) unknown.push(i);
    }
    if (unknown.length === 0) return { digests, unknown: 0 };
    const moment = await this.#cache.moment();
    const read = which === 'All' ? unknown : unknown.filter((i) => isSettledAt(moment, files.times(i)));
    for (const { at, before, after, digest } of await thread.read(read.map((i) => (looks[i] as Look).path))) {
      this.#cache.offer(moment, before, after, digest);
      digests[read[at] as number] = digest;
    }
    return { digests, unknown: unknown.length };
  }

  #running(): FileThread {
    this.#thread ??= new FileThread();
    return this.#thread;
  }

  /** The thread ends with the last of looks that follow one another at once. */
  async #rest(): Promise<void> {
    await nextEventLoopTurn();
    if (this.#looking > 0) return;
    this.#thread?.end();
    this.#thread = undefined;
  }
}

interface Contents {
  readonly digests: readonly (string | undefined)[];
  /** So many had to be read. */
  readonly unknown: number;
}

const NO_CONTENTS: Contents = { digests: [], unknown: 0 };

function contentsOf(looks: readonly Look[]): readonly Look[] {
  return looks.filter(({ glob, fingerprint }) => !glob && fingerprint === 'Content');
}

function partsOf(looks: readonly Look[]): (readonly Look[])[] {
  const parts: (readonly Look[])[] = [];
  for (let from = 0; from < looks.length; from += PART) parts.push(looks.slice(from, from + PART));
  return parts;
}
