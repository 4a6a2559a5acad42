import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ABSENT_DIGEST, type Look, lookId } from '../../planning/facts.ts';
import type { OutputRecord } from '../../planning/record.ts';
import type { FileSpace, Handled, OwnerFolder } from '../backend.ts';
import { DigestCache, fileDigest } from './file-digest.ts';
import { globFolder, matching } from './glob-walk.ts';
import { displacedPath } from './run-folder.ts';

/** Looks at a time: hashing is bound by the disk and two cores, and the event loop must stay free. */
const LOOKS_AT_ONCE = 8;

/** The files of this host. */
export class HostFiles implements FileSpace {
  readonly #cache: DigestCache;

  constructor(nowNs: () => bigint) {
    this.#cache = new DigestCache(nowNs);
  }

  async look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>> {
    const facts = new Map<string, string>();
    const queue = [...looks].reverse();
    const worker = async (): Promise<void> => {
      for (let look = queue.pop(); look; look = queue.pop())
        facts.set(
          lookId(look),
          look.glob ? await this.#glob(look) : await fileDigest(look.path, look.fingerprint, this.#cache),
        );
    };
    await Promise.all(Array.from({ length: Math.min(LOOKS_AT_ONCE, looks.length) }, worker));
    return facts;
  }

  /**
   * Puts outputs back that a later attempt moved aside. First everything is checked where it lies, then moved by
   * rename, so a crash half-way leaves a state from which the same call goes on.
   */
  async restore(attempt: Handled, outputs: readonly OutputRecord[], ownerFolder: OwnerFolder): Promise<boolean> {
    const { directory } = attempt;
    if (directory === undefined) return false;
    const moves: { from: string; to: string; into: string }[] = [];
    for (const output of outputs) {
      const inPlace = await fileDigest(output.path, fingerprintOf(output.digest), this.#cache);
      if (inPlace === output.digest) continue;
      const aside = displacedPath(directory, output.name);
      if (
        output.digest !== ABSENT_DIGEST &&
        (await fileDigest(aside, fingerprintOf(output.digest), this.#cache)) !== output.digest
      )
        return false;
      const into = displacedPath(ownerFolder(output.name, inPlace) ?? join(directory, 'displaced'), output.name);
      moves.push({ from: aside, to: output.path, into });
    }
    for (const move of moves) {
      await moveIfThere(move.to, move.into);
      await moveIfThere(move.from, move.to);
    }
    return true;
  }

  matching(pattern: string): Promise<readonly string[]> {
    return matching(pattern);
  }

  size(path: string): number {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Names and digests of what matches, as `attempt.sh` stamps them. */
  async #glob(look: Look): Promise<string> {
    const paths = await matching(look.path);
    if (paths.length === 0) return ABSENT_DIGEST;
    const lines: Buffer[] = [];
    const folder = globFolder(look.path);
    for (const path of paths) {
      const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
      lines.push(Buffer.from(`${name}\t${await fileDigest(path, look.fingerprint, this.#cache)}\n`));
    }
    const hash = createHash('sha256');
    for (const line of lines.sort((a, b) => Buffer.compare(a, b))) hash.update(line);
    return `glob:${hash.digest('hex')}`;
  }
}

function fingerprintOf(digest: string): 'Content' | 'Stat' {
  return digest.startsWith('stat:') || digest.startsWith('dirstat:') ? 'Stat' : 'Content';
}

async function moveIfThere(from: string, to: string): Promise<void> {
  if (statSync(from, { throwIfNoEntry: false }) === undefined) return;
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { recursive: true, force: true });
  try {
    await rename(from, to);
  } catch {
    // Another file system: copy whole, then take the old one away; times are kept, they may be the fingerprint.
    await cp(from, to, { recursive: true, preserveTimestamps: true });
    await rm(from, { recursive: true, force: true });
  }
}
