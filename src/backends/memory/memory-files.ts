import { sha256Hex } from '../../base/digest.ts';
import { parseFileGlob } from '../../base/file-glob.ts';
import { ABSENT_DIGEST, fingerprintOfDigest, type Look, lookId } from '../../planning/facts.ts';
import type { OutputRecord } from '../../planning/record.ts';
import type { FileSpace, Handled, HeldLooks, OwnerFolder, PlacedOutput } from '../backend.ts';

/**
 * A file space in memory: absolute path → content. A folder exists while a file lies below it. Digests have the
 * forms that the attempt runtime stamps, so the two kinds of file space cannot be told apart by their digests.
 */
export class MemoryFiles implements FileSpace {
  readonly #files = new Map<string, MemoryFile>();
  /** How many files lie below a folder. */
  readonly #folders = new Map<string, number>();
  #writes = 0;
  /** Called after each move of a restore or a setting aside: where a test lets the daemon die between two of them. */
  moved: () => Promise<void> = async () => undefined;

  read(path: string): string | undefined {
    return this.#files.get(path)?.content;
  }

  write(path: string, content: string): void {
    if (!this.#files.has(path)) this.#countAbove(path, 1);
    this.#files.set(path, { content, written: ++this.#writes });
  }

  /** Takes away a file, or a folder with all below it. */
  remove(path: string): void {
    for (const name of this.#below(path)) {
      this.#files.delete(name);
      this.#countAbove(name, -1);
    }
  }

  exists(path: string): boolean {
    return this.#files.has(path) || (this.#folders.get(path) ?? 0) > 0;
  }

  /** By rename: what lay at the target is gone, times are kept. */
  move(from: string, to: string): void {
    const moved = this.#below(from).map((name) => [name, this.#files.get(name) as MemoryFile] as const);
    this.remove(from);
    this.remove(to);
    for (const [name, file] of moved) {
      const target = to + name.slice(from.length);
      if (!this.#files.has(target)) this.#countAbove(target, 1);
      this.#files.set(target, file);
    }
  }

  async look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>> {
    return new Map(
      looks.map((look) => [
        lookId(look),
        look.glob ? this.glob(look.path, look.fingerprint) : this.digest(look.path, look.fingerprint),
      ]),
    );
  }

  hold(looks: readonly Look[]): HeldLooks {
    const told = new Map<string, string>();
    const again: HeldLooks['again'] = async (isWanted, tell) => {
      const seen = await this.look(looks.filter(isWanted));
      const news = [...seen].filter(([id, digest]) => told.get(id) !== digest);
      for (const [id, digest] of news) {
        told.set(id, digest);
        tell(id, digest);
      }
    };
    return { again, release: () => undefined };
  }

  /** `absent` for what does not exist. */
  digest(path: string, fingerprint: Look['fingerprint'] = 'Content'): string {
    const file = this.#files.get(path);
    if (file)
      return fingerprint === 'Stat'
        ? `stat:${size(file)}:${file.written}.000000000`
        : `sha256:${sha256Hex(file.content)}`;
    if (!this.exists(path)) return ABSENT_DIGEST;
    const lines = this.#below(path).map((name) => {
      const below = this.#files.get(name) as MemoryFile;
      const relative = `.${name.slice(path.length)}`;
      return fingerprint === 'Stat'
        ? `${relative}\t${size(below)}\t${below.written}\n`
        : `${sha256Hex(below.content)}  ${relative}\n`;
    });
    return `${fingerprint === 'Stat' ? 'dirstat' : 'dir'}:${sha256Hex(lines.sort().join(''))}`;
  }

  async restore(attempt: Handled, outputs: readonly OutputRecord[], ownerFolder: OwnerFolder): Promise<boolean> {
    const { directory } = attempt;
    if (directory === undefined) return false;
    const moves: {
      readonly from: string;
      readonly to: string;
      readonly name: string;
      readonly owner: string | undefined;
    }[] = [];
    for (const output of outputs) {
      const fingerprint = fingerprintOfDigest(output.digest);
      if (this.digest(output.path, fingerprint) === output.digest) continue;
      const aside = displacedPath(directory, output.name);
      if (output.digest !== ABSENT_DIGEST && this.digest(aside, fingerprint) !== output.digest) return false;
      const owner = ownerFolder(output.name, this.digest(output.path, fingerprint));
      moves.push({ from: aside, to: output.path, name: output.name, owner });
    }
    for (const { from, to, name, owner } of moves) {
      if (this.exists(to)) {
        this.move(to, displacedPath(owner ?? `${directory}/displaced`, name));
        await this.moved();
      }
      if (!this.exists(from)) continue;
      this.move(from, to);
      await this.moved();
    }
    return true;
  }

  async setAside({ directory, token }: Handled, outputs: readonly PlacedOutput[]): Promise<boolean> {
    if (directory === undefined) return false;
    for (const { name, path, form } of outputs) {
      const aside = displacedPath(directory, name);
      for (const from of form === 'glob' ? await this.matching(path) : [path]) {
        const into = form === 'glob' ? `${aside}/${from.slice(from.lastIndexOf('/') + 1)}` : aside;
        if (!this.exists(from)) continue;
        if (this.exists(into)) {
          this.move(into, `${into}.${token}`);
          await this.moved();
        }
        this.move(from, into);
        await this.moved();
      }
    }
    return true;
  }

  async matching(pattern: string): Promise<readonly string[]> {
    const glob = parseFileGlob(pattern);
    return glob.ok ? [...this.#files.keys()].filter((path) => glob.value.matches(path)).sort() : [];
  }

  size(path: string): number {
    const file = this.#files.get(path);
    return file ? size(file) : 0;
  }

  /** Names and digests of what matches a pattern. */
  glob(pattern: string, fingerprint: Look['fingerprint'] = 'Content'): string {
    const glob = parseFileGlob(pattern);
    if (!glob.ok) return ABSENT_DIGEST;
    const fixed = pattern.slice(0, pattern.search(/[*?[{]|$/));
    const folder = fixed.slice(0, fixed.lastIndexOf('/'));
    const found = [...this.#files.keys()].filter((path) => glob.value.matches(path));
    if (found.length === 0) return ABSENT_DIGEST;
    const lines = found.map((path) => `${path.slice(folder.length + 1)}\t${this.digest(path, fingerprint)}\n`);
    return `glob:${sha256Hex(lines.sort().join(''))}`;
  }

  #below(path: string): string[] {
    if (this.#files.has(path)) return [path];
    if ((this.#folders.get(path) ?? 0) === 0) return [];
    return [...this.#files.keys()].filter((name) => name.startsWith(`${path}/`));
  }

  #countAbove(path: string, change: 1 | -1): void {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + change);
    }
  }
}

interface MemoryFile {
  readonly content: string;
  /** Instead of a time: grows with every write. */
  readonly written: number;
}

function size(file: MemoryFile): number {
  return Buffer.byteLength(file.content);
}

/** Where an output lies that was moved aside. */
export function displacedPath(directory: string, name: string): string {
  return `${directory}/outputs/${name}`;
}
