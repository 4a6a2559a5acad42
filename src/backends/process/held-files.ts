import { Semaphore } from '../../base/semaphore.ts';
import { ABSENT_DIGEST, type Look, lookId } from '../../planning/facts.ts';
import type { HeldLooks } from '../backend.ts';
import type { DigestCache } from './digest-cache.ts';
import { HeldThread, type Otherwise } from './held-thread.ts';

/** From how many files on a thread that stays is worth its memory: a look at so many costs the loop some milliseconds. */
export const WORTH_HOLDING = 250;
/** A second thread is for so many: looking is calls to the kernel, and there are other things to do meanwhile. */
const FOR_TWO_THREADS = 20_000;

/** The threads of one file space, and what they hold. */
export class HeldThreads {
  readonly #threads: HeldThread[] = [];
  #next = 0;

  /** Starts what is not there yet. */
  forLooks(count: number): readonly HeldThread[] {
    const wanted = count < FOR_TWO_THREADS ? 1 : 2;
    while (this.#threads.length < wanted) this.#threads.push(new HeldThread());
    return this.#threads.slice(0, wanted);
  }

  nextId(): number {
    return this.#next++;
  }
}

interface Part {
  readonly thread: HeldThread;
  /** Of its first look among all of them. */
  readonly first: number;
}

/**
 * Looks that are made again and again. What looks as it did and was told then is not told again, unless a later change
 * might not show in its times (`DigestCache`), or more than its own times decide on it, as for a folder.
 */
export class HeldFiles implements HeldLooks {
  readonly #looks: readonly Look[];
  readonly #cache: DigestCache;
  readonly #look: (looks: readonly Look[]) => Promise<ReadonlyMap<string, string>>;
  readonly #id: number;
  readonly #parts: Part[] = [];
  readonly #ready: Promise<unknown>;
  readonly #looking = new Semaphore(1);
  /** To be told when it is wanted; those may have changed that are not listed here, too. */
  readonly #due = new Map<number, Otherwise>();

  constructor(
    looks: readonly Look[],
    threads: HeldThreads,
    cache: DigestCache,
    look: (looks: readonly Look[]) => Promise<ReadonlyMap<string, string>>,
  ) {
    this.#looks = looks;
    this.#cache = cache;
    this.#look = look;
    this.#id = threads.nextId();
    const its = threads.forLooks(looks.length);
    const size = Math.ceil(looks.length / its.length);
    this.#ready = Promise.all(
      its.map((thread, i) => {
        const first = i * size;
        this.#parts.push({ thread, first });
        return thread.hold(
          this.#id,
          looks.slice(first, first + size).map(({ path }) => path),
        );
      }),
    );
    this.#ready.catch(() => undefined);
  }

  /** One after another: what one of two at once has been told of would be news to neither. */
  again(isWanted: (look: Look) => boolean, tell: (id: string, fact: string) => void): Promise<void> {
    return this.#looking.run(async () => {
      await this.#ready;
      await this.#again(isWanted, tell);
    });
  }

  async #again(isWanted: (look: Look) => boolean, tell: (id: string, fact: string) => void): Promise<void> {
    const wanted = (due: Iterable<readonly [number, Otherwise]>): (readonly [number, Otherwise])[] =>
      [...due].filter(([index]) => isWanted(this.#looks[index] as Look));
    const left = wanted(this.#due);
    const parts = await Promise.allSettled(this.#parts.map((part) => this.#lookAt(part, wanted, tell)));
    for (const part of parts) if (part.status === 'rejected') throw part.reason;
    await this.#tell(
      left.filter(([index, seen]) => this.#due.get(index) === seen),
      tell,
    );
  }

  async #lookAt(
    { thread, first }: Part,
    wanted: (due: Iterable<readonly [number, Otherwise]>) => readonly (readonly [number, Otherwise])[],
    tell: (id: string, fact: string) => void,
  ): Promise<void> {
    for (let from = 0; from >= 0; ) {
      const { found, next } = await thread.again(this.#id, from);
      const due = found.map((one) => [first + one.index, one] as const);
      for (const [index, one] of due) this.#due.set(index, one);
      await this.#tell(wanted(due), tell);
      from = next;
    }
  }

  async #tell(
    told: readonly (readonly [number, Otherwise])[],
    tell: (id: string, fact: string) => void,
  ): Promise<void> {
    if (told.length === 0) return;
    const looks = told.map(([index]) => this.#looks[index] as Look);
    const facts = await this.#look(looks);
    told.forEach(([index, seen], i) => {
      const id = lookId(looks[i] as Look);
      const fact = facts.get(id) as string;
      tell(id, fact);
      // Somebody else who asked meanwhile may have seen it later.
      if (this.#due.get(index) === seen && this.#isSure(seen, fact)) this.#due.delete(index);
    });
  }

  /** Whether another fact than this one would show in how the file looks. */
  #isSure({ file, code }: Otherwise, fact: string): boolean {
    if (!file) return fact === ABSENT_DIGEST && (code === 'ENOENT' || code === 'ENOTDIR');
    if (fact.startsWith('stat:')) return true;
    return fact === `sha256:${this.#cache.remembered(file)}`;
  }

  release(): void {
    for (const { thread } of this.#parts) thread.release(this.#id);
  }
}
