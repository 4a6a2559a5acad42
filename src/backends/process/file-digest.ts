import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import type { Fingerprint } from '../../apis/workflow.ts';
import { MAX_CONTENT_DIGEST_BYTES } from '../../base/limits.ts';
import { ABSENT_DIGEST, unreadableFact } from '../../planning/facts.ts';
import type { DigestCache, OpenFile } from './digest-cache.ts';
import type { SeenFile } from './seen-files.ts';

/** Opens a regular file for its digest; counted and replaced by tests. */
export type OpenForDigest = (path: string | Buffer) => Promise<OpenFile>;

/**
 * Digests of files and directories, the same text that `attempt.sh` stamps:
 *
 * - `sha256:HEX`, or above `MAX_CONTENT_DIGEST_BYTES` and on request `stat:SIZE:MTIME` (nine decimals);
 * - a directory: `dir:HEX` over `sha256sum` lines of its regular files sorted by bytes, or `dirstat:HEX`.
 *
 * `known`: how it has just been seen, together with others; throws as `stat` does.
 *
 * `absent` only where nothing is. What cannot be read, be it one file of a directory, makes the whole `unreadable:CODE`;
 * what is neither file nor directory is never opened, since that may block for ever: `unreadable:NOTAFILE`.
 */
export async function fileDigest(
  path: string | Buffer,
  fingerprint: Fingerprint,
  cache: DigestCache,
  openFile: OpenForDigest = openForDigest,
  known?: () => SeenFile,
): Promise<string> {
  try {
    const seen = known?.() ?? (await stat(path, { bigint: true }));
    if (seen.isDirectory()) return await directoryDigest(path, fingerprint, cache, openFile);
    if (!seen.isFile()) return unreadableFact(NOT_A_FILE);
    if (fingerprint === 'Stat' || seen.size > MAX_CONTENT_DIGEST_BYTES)
      return `stat:${seen.size}:${decimalSeconds(seen.mtimeNs, 9)}`;
    return `sha256:${await cache.digest(seen, () => openFile(path))}`;
  } catch (error) {
    return isAbsence(error) ? ABSENT_DIGEST : unreadableFact(errorCode(error));
  }
}

const NOT_A_FILE = 'NOTAFILE';
const CHUNK_BYTES = 256 * 1024;

/** Nothing lies there. Any other error leaves it open what does. */
export function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** As a fact holds it: short, without spaces. */
export function errorCode(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

/** Between a look at the name and this a pipe may have taken it: without O_NONBLOCK that would wait for a writer. */
export async function openForDigest(path: string | Buffer): Promise<OpenFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if ((await file.stat()).isFile()) return new ContentFile(file);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  throw Object.assign(new Error(`${path.toString()} is not a file`), { code: NOT_A_FILE });
}

class ContentFile implements OpenFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  stat(): Promise<BigIntStats> {
    return this.#file.stat({ bigint: true });
  }

  async hash(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.#file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }))
      hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function directoryDigest(
  root: string | Buffer,
  fingerprint: Fingerprint,
  cache: DigestCache,
  openFile: OpenForDigest,
): Promise<string> {
  const files = await regularFiles(root);
  const total = files.reduce((sum, f) => sum + f.stat.size, 0n);
  const hash = createHash('sha256');
  if (fingerprint === 'Stat' || total > MAX_CONTENT_DIGEST_BYTES) {
    // Lines are what `sort` sees, so a name with a line break in it is two.
    const lines = files.flatMap((f) =>
      `./${f.name}\t${f.stat.size}\t${decimalSeconds(f.stat.mtimeNs, 10)}`.split('\n'),
    );
    for (const line of lines.sort(byBytes)) hash.update(`${line}\n`, 'latin1');
    return `dirstat:${hash.digest('hex')}`;
  }
  for (const file of files.sort((a, b) => byBytes(a.name, b.name))) {
    const digest = await orAbsent(cache.digest(file.stat, () => openFile(below(root, file.name))));
    if (digest !== undefined) hash.update(sha256sumLine(digest, `./${file.name}`), 'latin1');
  }
  return `dir:${hash.digest('hex')}`;
}

/** As GNU `sha256sum` prints: names with a backslash or line break are escaped and the line says so. */
function sha256sumLine(digest: string, name: string): string {
  if (!/[\\\n\r]/.test(name)) return `${digest}  ${name}\n`;
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `\\${digest}  ${escaped}\n`;
}

/**
 * Names are bytes, not text: each byte is one character here (latin1), so that names in any encoding are found again and
 * sort as the runtime sorts them.
 */
async function regularFiles(root: string | Buffer): Promise<{ name: string; stat: BigIntStats }[]> {
  const found: { name: string; stat: BigIntStats }[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readdir(below(root, folder), { withFileTypes: true, encoding: 'buffer' });
    for (const entry of (await (folder === '' ? entries : orAbsent(entries))) ?? []) {
      const own = entry.name.toString('latin1');
      const name = folder === '' ? own : `${folder}/${own}`;
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile()) {
        const seen = await orAbsent(stat(below(root, name), { bigint: true }));
        if (seen) found.push({ name, stat: seen });
      }
    }
  }
  return found;
}

/** Undefined: it went away while its folder was gone through, so it is not part of it. */
async function orAbsent<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function below(root: string | Buffer, name: string): Buffer {
  const bytes = Buffer.from(root as string);
  return name === '' ? bytes : Buffer.concat([bytes, Buffer.from(`/${name}`, 'latin1')]);
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `stat -c %.9Y` and `find -printf %T@` print seconds with nine and ten decimals. */
function decimalSeconds(nanoseconds: bigint, decimals: 9 | 10): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${seconds}.${decimals === 9 ? rest : `${rest}0`}`;
}
