import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** What tells one folder from another at the same path. The device is unknown for what an earlier process saw. */
export interface FolderIdentity {
  readonly inode: string;
  readonly device?: string | undefined;
}

export interface FolderScan {
  readonly identity: FolderIdentity;
  /** Absolute path → signature: a change of content changes it, but for writes in the same tick of the file's clock. */
  readonly files: ReadonlyMap<string, string>;
  /** The device of each folder that was gone through. */
  readonly devices: ReadonlyMap<string, string>;
  /** Folders and files of which nothing can be said: what they held may still be there. */
  readonly unreadable: ReadonlySet<string>;
  /** Paths that cannot be opened by the name that they show, because it is not UTF-8. */
  readonly unnameable: readonly string[];
}

const EXTENSIONS: readonly string[] = ['.yaml', '.yml', '.json'];
/** Side by side on a network file system, where each costs a round trip. */
const STATS_AT_ONCE = 32;

export function isWatchedName(name: string): boolean {
  return !name.startsWith('.') && EXTENSIONS.includes(extname(name));
}

/**
 * Everything watched in a folder and its subfolders, or why the folder cannot be judged. Links to files are followed,
 * links to folders are not: so there are no loops, and each file has one path.
 */
export async function scanFolder(dir: string): Promise<FolderScan | { readonly problem: string }> {
  try {
    const identity = await identify(dir);
    const found = new Findings();
    await found.goThrough(dir);
    const after = await identify(dir);
    if (!sameFolder(identity, after)) return { problem: `${dir} was exchanged while it was read` };
    const failed = found.unreadable.get(dir);
    return failed === undefined ? { identity, ...found.result() } : { problem: failed };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

export function sameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  return a.inode === b.inode && (a.device === undefined || b.device === undefined || a.device === b.device);
}

export function signatureOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/** False only where the path certainly leads to nothing. */
export async function mayExist(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => !isAbsence(error),
  );
}

export function isAbsence(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOENT' || error.code === 'ENOTDIR';
}

async function identify(dir: string): Promise<FolderIdentity> {
  const stats = await stat(dir, { bigint: true });
  if (!stats.isDirectory()) throw new Error(`${dir} is not a folder`);
  return { inode: String(stats.ino), device: String(stats.dev) };
}

class Findings {
  readonly unreadable = new Map<string, string>();
  readonly #files = new Map<string, string>();
  readonly #devices = new Map<string, string>();
  readonly #unnameable: string[] = [];

  result(): Omit<FolderScan, 'identity'> {
    return {
      files: this.#files,
      devices: this.#devices,
      unreadable: new Set(this.unreadable.keys()),
      unnameable: this.#unnameable,
    };
  }

  async goThrough(dir: string): Promise<void> {
    const pending = [dir];
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      const { folders, files } = await this.#entries(folder);
      pending.push(...folders);
      for (let at = 0; at < files.length; at += STATS_AT_ONCE) {
        await Promise.all(files.slice(at, at + STATS_AT_ONCE).map((file) => this.#file(file)));
      }
    }
  }

  async #entries(folder: string): Promise<{ readonly folders: string[]; readonly files: string[] }> {
    const folders: string[] = [];
    const files: string[] = [];
    try {
      this.#devices.set(folder, String((await stat(folder, { bigint: true })).dev));
      const entries = await readdir(folder, { withFileTypes: true });
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const watched = entry.isDirectory() ? !entry.name.startsWith('.') : isWatchedName(entry.name);
        if (!watched) continue;
        const path = join(folder, entry.name);
        if (entry.name.includes('\ufffd')) this.#unnameable.push(path);
        else if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
      }
    } catch (error) {
      this.#failed(folder, error as NodeJS.ErrnoException);
    }
    return { folders, files };
  }

  async #file(path: string): Promise<void> {
    try {
      const stats = await stat(path, { bigint: true });
      if (stats.isFile()) this.#files.set(path, signatureOf(stats));
    } catch (error) {
      this.#failed(path, error as NodeJS.ErrnoException);
    }
  }

  #failed(path: string, error: NodeJS.ErrnoException): void {
    if (!isAbsence(error)) this.unreadable.set(path, error.message);
  }
}
