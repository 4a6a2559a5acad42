import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { nextEventLoopTurn } from '../../base/event-loop.ts';
import { asBytes, globFolder } from '../../base/file-glob.ts';
import {
  ABSENT_DIGEST,
  fingerprintOfDigest,
  type Look,
  lookId,
  unreadableCode,
  unreadableFact,
} from '../../planning/facts.ts';
import type { OutputRecord } from '../../planning/record.ts';
import type { FileSpace, Handled, HeldLooks, OwnerFolder, PlacedOutput } from '../backend.ts';
import { bytesBelow, onDisk } from './byte-path.ts';
import { DigestCache } from './digest-cache.ts';
import type { DigestsFile } from './digests-log.ts';
import { errorCode, fileDigest, isAbsence, type OpenForDigest, openForDigest } from './file-digest.ts';
import { displacedPath } from './folder-content.ts';
import { matching, matchingNames } from './glob-walk.ts';
import { HeldFiles, HeldThreads, WORTH_HOLDING } from './held-files.ts';
import { BULK, BULK_OF_CONTENTS, type Left, ManyFiles } from './many-files.ts';
import { liesThere, type Move, moveAside, moveTo } from './move-files.ts';
import type { SeenFile } from './seen-files.ts';
import { statFiles } from './stat-files.ts';

/** Looks at a time: hashing is bound by the disk and two cores, and the event loop must stay free. */
const LOOKS_AT_ONCE = 8;
const LOOKS_A_TURN = 500;

export interface HostFilesOptions {
  /** Where content digests outlive the process. */
  readonly digests?: DigestsFile | undefined;
  readonly reserved?: readonly string[];
  /** By what contents are read. */
  readonly open?: OpenForDigest;
  /** Asked before each move: whoever leads no more leaves the files to whoever does. */
  readonly mayMove?: () => boolean;
}

/** The files of this host. No call fails for what a file system says: what cannot be told is a fact of its own. */
export class HostFiles implements FileSpace {
  readonly #cache: DigestCache;
  readonly #open: OpenForDigest;
  readonly #held = new HeldThreads();
  readonly #many: ManyFiles;
  readonly #mayMove: () => boolean;
  readonly reserved: readonly string[];

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, options: HostFilesOptions = {}) {
    const { digests, reserved = [], open = openForDigest, mayMove = () => true } = options;
    this.#cache = new DigestCache(clock, digests);
    this.#many = new ManyFiles(this.#cache);
    this.reserved = digests ? [...reserved, dirname(digests.path)] : reserved;
    this.#open = open;
    this.#mayMove = mayMove;
  }

  expect(looks: readonly Look[]): Promise<void> {
    return this.#many.expect(looks);
  }

  async age(looks: readonly Look[], signal: AbortSignal): Promise<void> {
    await this.#many.age(looks, signal);
    if (!signal.aborted) await this.#cache.save();
  }

  async look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>> {
    const facts = new Map<string, string>();
    const plain = looks.filter(({ glob }) => !glob);
    const alone: Left[] = looks.flatMap((look) => (look.glob ? [{ look }] : []));
    const few = plain.length < BULK ? await this.#seeFew(plain) : undefined;
    const left = few ?? (await this.#many.look(plain, facts));
    await this.#lookAtEach([...alone, ...left], facts);
    await this.#cache.save();
    return facts;
  }

  /** Undefined: too many of them have to be read. */
  async #seeFew(looks: readonly Look[]): Promise<readonly Left[] | undefined> {
    const [seen] = await Promise.all([statFiles(looks.map(({ path }) => path)), this.#cache.loaded()]);
    const unread = looks.filter(({ path, fingerprint }) => fingerprint === 'Content' && this.#isUnread(path, seen));
    if (unread.length >= BULK_OF_CONTENTS) return undefined;
    return looks.map((look) => ({ look, seen: () => seen(look.path) }));
  }

  #isUnread(path: string, seen: (path: string) => SeenFile): boolean {
    try {
      const file = seen(path);
      return file.isFile() && this.#cache.remembered(file) === undefined;
    } catch {
      // Whoever looks at it alone says why.
      return false;
    }
  }

  hold(looks: readonly Look[]): HeldLooks | undefined {
    if (looks.length < WORTH_HOLDING) return undefined;
    return new HeldFiles(looks, this.#held, this.#cache, (some) => this.look(some));
  }

  async #lookAtEach(left: readonly Left[], facts: Map<string, string>): Promise<void> {
    const queue = [...left].reverse();
    const worker = async (): Promise<void> => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const { look, seen } = next;
        facts.set(lookId(look), await (look.glob ? this.#glob(look) : this.#digest(look.path, look.fingerprint, seen)));
        // What is known already waits for nothing: others have their turn all the same.
        if (facts.size % LOOKS_A_TURN === 0) await nextEventLoopTurn();
      }
    };
    await Promise.all(Array.from({ length: Math.min(LOOKS_AT_ONCE, left.length) }, worker));
  }

  /**
   * Puts outputs back that a later attempt moved aside; false: they are not all there, or could not all be moved. First
   * everything is checked where it lies, then moved.
   *
   * At any moment, also after a crash or a failure half-way, each output is whole at its path or whole where it lay aside,
   * and what lay at its path is whole there or whole in the folder it belongs to: a name is taken only by a rename, and
   * whatever has the name gets another one first. So what was moved stays, and the same call later goes on from there.
   */
  async restore(attempt: Handled, outputs: readonly OutputRecord[], ownerFolder: OwnerFolder): Promise<boolean> {
    const { directory, token } = attempt;
    if (directory === undefined) return false;
    const swaps: Swap[] = [];
    for (const output of outputs) {
      const aside = displacedPath(directory, output.name);
      const away = (digest: string): string =>
        displacedPath(ownerFolder(output.name, digest) ?? join(directory, 'displaced'), output.name);
      const pattern = output.digest.startsWith('glob:');
      const swap = await (pattern ? this.#swapOfMatches(output, aside, away) : this.#swapOfFile(output, aside, away));
      if (swap === undefined) return false;
      swaps.push(swap);
    }
    try {
      for (const { away, back } of swaps) {
        for (const move of away) if (await liesThere(move.from)) await moveAside(move, token, this.#mayMove);
        for (const move of back) {
          // Somebody took it since it was looked at: what is recorded is not all there.
          if (!(await liesThere(move.from))) return false;
          await moveTo(move, this.#mayMove);
        }
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Each file is whole here or there at any moment; what was moved stays moved, and the same call later goes on from there. */
  async setAside({ directory, token }: Handled, outputs: readonly PlacedOutput[]): Promise<boolean> {
    if (directory === undefined) return false;
    try {
      for (const output of outputs)
        for (const move of await this.#movesAside(output, displacedPath(directory, output.name)))
          if (await liesThere(move.from)) await moveAside(move, token, this.#mayMove);
      return true;
    } catch {
      return false;
    }
  }

  async #movesAside({ path, form }: PlacedOutput, aside: string): Promise<readonly Move[]> {
    if (form === 'path') return [{ from: asBytes(path), to: asBytes(aside) }];
    const [folder, root] = [asBytes(globFolder(path)), asBytes(aside)];
    const names = await matchingNames(path, folder, (error) => {
      if (!isAbsence(error)) throw error;
    });
    return names.map((name) => ({ from: bytesBelow(folder, name), to: bytesBelow(root, name) }));
  }

  /** Undefined: it is whole in neither place. */
  async #swapOfFile(output: OutputRecord, aside: string, into: Into): Promise<Swap | undefined> {
    const fingerprint = fingerprintOfDigest(output.digest);
    const inPlace = await this.#digest(output.path, fingerprint);
    if (inPlace === output.digest) return NOTHING;
    const absent = output.digest === ABSENT_DIGEST;
    if (!absent && (await this.#digest(aside, fingerprint)) !== output.digest) return undefined;
    const [from, to] = [asBytes(aside), asBytes(output.path)];
    return { away: [{ from: to, to: asBytes(into(inPlace)) }], back: absent ? [] : [{ from, to }] };
  }

  /**
   * What a pattern matches, at the same places below the folder aside, as the runtime moved it (`fx_move_matches`). A move
   * that was cut short left some matches in place and some aside: together they are what was recorded, and whichever is
   * aside is the one that was meant. Undefined: they are not.
   */
  async #swapOfMatches({ path, digest }: OutputRecord, aside: string, into: Into): Promise<Swap | undefined> {
    const root = asBytes(aside);
    const folder = asBytes(globFolder(path));
    let failed = false;
    const names = (at: string): Promise<string[]> =>
      matchingNames(path, at, (error) => {
        if (!isAbsence(error)) failed = true;
      });
    const [inPlace, kept] = [await names(folder), await names(root)];
    if (failed) return undefined;
    const placed = new Map(inPlace.map((name) => [name, bytesBelow(folder, name)]));
    const meant = new Map(kept.map((name) => [name, bytesBelow(root, name)]));
    const fingerprint = fingerprintOfDigest(digest);
    const own = await this.#digestOfMatches(path, placed, fingerprint);
    if (own === digest) return NOTHING;
    const swap = (goes: readonly string[]): Swap => ({
      away: goes.map((name) => ({ from: bytesBelow(folder, name), to: bytesBelow(asBytes(into(own)), name) })),
      back: kept.map((name) => ({ from: bytesBelow(root, name), to: bytesBelow(folder, name) })),
    });
    if ((await this.#digestOfMatches(path, meant, fingerprint)) === digest) return swap(inPlace);
    const both = new Map([...placed, ...meant]);
    if ((await this.#digestOfMatches(path, both, fingerprint)) !== digest) return undefined;
    return swap(inPlace.filter((name) => meant.has(name)));
  }

  matching(pattern: string): Promise<readonly string[]> {
    return matching(pattern);
  }

  size(path: string): number {
    try {
      return statSync(path).size;
    } catch {
      return 0;
    }
  }

  #digest(path: string | Buffer, fingerprint: Look['fingerprint'], seen?: Left['seen']): Promise<string> {
    return fileDigest(path, fingerprint, this.#cache, this.#open, seen);
  }

  /** One folder that cannot be read makes all of it unreadable. */
  async #glob(look: Look): Promise<string> {
    let unreadable: string | undefined;
    const names = await matchingNames(look.path, undefined, (error) => {
      if (!isAbsence(error)) unreadable ??= unreadableFact(errorCode(error));
    });
    if (unreadable !== undefined) return unreadable;
    const folder = asBytes(globFolder(look.path));
    const paths = new Map(names.map((name) => [name, bytesBelow(folder, name)]));
    return this.#digestOfMatches(look.path, paths, look.fingerprint);
  }

  /**
   * Over names and digests of what matches, as `attempt.sh` stamps them; one that cannot be read makes all of it unreadable.
   * `paths`: where what has this name lies. Both are bytes, one character each.
   */
  async #digestOfMatches(
    pattern: string,
    paths: ReadonlyMap<string, string>,
    fingerprint: Look['fingerprint'],
  ): Promise<string> {
    if (paths.size === 0) return ABSENT_DIGEST;
    const atRoot = globFolder(pattern) === '/';
    const lines: Buffer[] = [];
    for (const [name, path] of paths) {
      const digest = await this.#digest(onDisk(path), fingerprint);
      if (unreadableCode(digest) !== undefined) return digest;
      // The runtime takes `FOLDER/` away, which nothing at the root begins with.
      lines.push(Buffer.from(`${atRoot ? '/' : ''}${name}\t${digest}\n`, 'latin1'));
    }
    const hash = createHash('sha256');
    for (const line of lines.sort((a, b) => Buffer.compare(a, b))) hash.update(line);
    return `glob:${hash.digest('hex')}`;
  }
}

/** What lies at an output's place goes away first, then the output comes back. */
interface Swap {
  readonly away: readonly Move[];
  readonly back: readonly Move[];
}

const NOTHING: Swap = { away: [], back: [] };

/** Where what has this digest and lies at the output's place goes. */
type Into = (digest: string) => string;
