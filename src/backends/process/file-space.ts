import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { cp, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { globFolder } from '../../base/file-glob.ts';
import { ABSENT_DIGEST, type Look, lookId, unreadableCode, unreadableFact } from '../../planning/facts.ts';
import type { OutputRecord } from '../../planning/record.ts';
import type { FileSpace, Handled, OwnerFolder } from '../backend.ts';
import { DigestCache } from './digest-cache.ts';
import type { DigestsFile } from './digests-log.ts';
import { errorCode, fileDigest, isAbsence, type OpenForDigest, openForDigest } from './file-digest.ts';
import { matching } from './glob-walk.ts';
import { displacedPath } from './run-folder.ts';

/** Looks at a time: hashing is bound by the disk and two cores, and the event loop must stay free. */
const LOOKS_AT_ONCE = 8;

/** The files of this host. No call fails for what a file system says: what cannot be told is a fact of its own. */
export class HostFiles implements FileSpace {
  readonly #cache: DigestCache;
  readonly #open: OpenForDigest;
  readonly reserved: readonly string[];

  /** `digests`: where content digests outlive the process. `open`: by what contents are read. */
  constructor(
    clock: Pick<Clock, 'now' | 'monotonic'>,
    digests?: DigestsFile,
    reserved: readonly string[] = [],
    open: OpenForDigest = openForDigest,
  ) {
    this.#cache = new DigestCache(clock, digests);
    this.reserved = digests ? [...reserved, dirname(digests.path)] : reserved;
    this.#open = open;
  }

  async look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>> {
    const facts = new Map<string, string>();
    const queue = [...looks].reverse();
    const worker = async (): Promise<void> => {
      for (let look = queue.pop(); look; look = queue.pop())
        facts.set(lookId(look), look.glob ? await this.#glob(look) : await this.#digest(look.path, look.fingerprint));
    };
    await Promise.all(Array.from({ length: Math.min(LOOKS_AT_ONCE, looks.length) }, worker));
    await this.#cache.save();
    return facts;
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
      const glob = output.digest.startsWith('glob:');
      const aside = displacedPath(directory, output.name);
      const inPlace = await this.#seen(output.path, output.digest, glob);
      if (inPlace === output.digest) continue;
      const from = glob ? below(aside, output.path) : aside;
      if (output.digest !== ABSENT_DIGEST && (await this.#seen(from, output.digest, glob)) !== output.digest)
        return false;
      const into = displacedPath(ownerFolder(output.name, inPlace) ?? join(directory, 'displaced'), output.name);
      swaps.push(glob ? await this.#swapOfMatches(output.path, aside, into) : swapOfFile(output.path, aside, into));
    }
    try {
      for (const { away, back } of swaps) {
        for (const { from, to } of away) if (await liesThere(from)) await moveAside(from, to, token);
        for (const { from, to } of back) if (await liesThere(from)) await moveTo(from, to);
      }
      return true;
    } catch {
      return false;
    }
  }

  #seen(path: string, like: string, glob: boolean): Promise<string> {
    const fingerprint = fingerprintOf(like);
    return glob ? this.#glob({ path, fingerprint, glob }) : this.#digest(path, fingerprint);
  }

  /** What a pattern matches, at the same places below the folder aside, as the runtime moved it (`fx_move_matches`). */
  async #swapOfMatches(pattern: string, aside: string, into: string): Promise<Swap> {
    const folder = globFolder(pattern);
    const places = async (at: string, root: string, to: string): Promise<Move[]> =>
      (await matching(at)).map((from) => ({ from, to: join(to, from.slice(root.length)) }));
    return {
      away: await places(pattern, folder, into),
      back: await places(below(aside, pattern), aside, folder),
    };
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

  #digest(path: string, fingerprint: Look['fingerprint']): Promise<string> {
    return fileDigest(path, fingerprint, this.#cache, this.#open);
  }

  /** Names and digests of what matches, as `attempt.sh` stamps them; one that cannot be read makes all of it unreadable. */
  async #glob(look: Look): Promise<string> {
    let unreadable: string | undefined;
    const paths = await matching(look.path, (error) => {
      if (!isAbsence(error)) unreadable ??= unreadableFact(errorCode(error));
    });
    if (unreadable !== undefined) return unreadable;
    if (paths.length === 0) return ABSENT_DIGEST;
    const lines: Buffer[] = [];
    const folder = globFolder(look.path);
    for (const path of paths) {
      const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
      const digest = await this.#digest(path, look.fingerprint);
      if (unreadableCode(digest) !== undefined) return digest;
      lines.push(Buffer.from(`${name}\t${digest}\n`));
    }
    const hash = createHash('sha256');
    for (const line of lines.sort((a, b) => Buffer.compare(a, b))) hash.update(line);
    return `glob:${hash.digest('hex')}`;
  }
}

interface Move {
  readonly from: string;
  readonly to: string;
}

/** What lies at an output's place goes away first, then the output comes back. */
interface Swap {
  readonly away: readonly Move[];
  readonly back: readonly Move[];
}

function swapOfFile(path: string, aside: string, into: string): Swap {
  return { away: [{ from: path, to: into }], back: [{ from: aside, to: path }] };
}

/** The same pattern, below another folder. */
function below(folder: string, pattern: string): string {
  return join(folder, pattern.slice(globFolder(pattern).length));
}

function fingerprintOf(digest: string): 'Content' | 'Stat' {
  return digest.startsWith('stat:') || digest.startsWith('dirstat:') ? 'Stat' : 'Content';
}

/** Also a link that leads nowhere lies there. What cannot be asked is an exception. */
async function liesThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** An earlier file of that name gets the attempt's token behind it, as `attempt.sh` does it. */
async function moveAside(from: string, to: string, token: string): Promise<void> {
  if (await liesThere(to)) {
    let free = `${to}.${token}`;
    for (let n = 2; await liesThere(free); n++) free = `${to}.${token}.${n}`;
    await rename(to, free);
  }
  await moveTo(from, to);
}

/** Nothing lies at `to`. On another file system it is copied under another name first, so that half a copy is never taken for it. */
async function moveTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const copy = `${to}.copy`;
    await rm(copy, { recursive: true, force: true });
    // Times are kept, they may be the fingerprint; links are kept as they are.
    await cp(from, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    await rename(copy, to);
    // Likewise half a folder that is being removed must not be taken for the whole.
    await rename(from, `${from}.moved`);
    await rm(`${from}.moved`, { recursive: true, force: true });
  }
}
