import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fingerprint } from '../../apis/workflow.ts';
import { MAX_CONTENT_DIGEST_BYTES } from '../../base/limits.ts';
import { ABSENT_DIGEST } from '../../planning/facts.ts';

/**
 * Digests of files and directories, the same text that `attempt.sh` stamps:
 *
 * - `sha256:HEX`, or above `MAX_CONTENT_DIGEST_BYTES` and on request `stat:SIZE:MTIME` (nine decimals);
 * - a directory: `dir:HEX` over `sha256sum` lines of its regular files sorted by bytes, or `dirstat:HEX`.
 */
export async function fileDigest(path: string, fingerprint: Fingerprint, cache: DigestCache): Promise<string> {
  const seen = await statOrUndefined(path);
  if (!seen) return ABSENT_DIGEST;
  if (seen.isDirectory()) return directoryDigest(path, fingerprint, cache);
  if (fingerprint === 'Stat' || seen.size > MAX_CONTENT_DIGEST_BYTES)
    return `stat:${seen.size}:${decimalSeconds(seen.mtimeNs, 9)}`;
  const content = await contentDigest(path, seen, cache);
  return content === undefined ? ABSENT_DIGEST : `sha256:${content}`;
}

async function statOrUndefined(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

async function contentDigest(path: string, seen: BigIntStats, cache: DigestCache): Promise<string | undefined> {
  const known = cache.get(seen);
  if (known !== undefined) return known;
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const hash = createHash('sha256');
    if (seen.size > 0n)
      for await (const chunk of createReadStream('', { fd: file.fd, autoClose: false })) hash.update(chunk as Buffer);
    const digest = hash.digest('hex');
    const after = await file.stat({ bigint: true });
    // Only what did not change while it was read, and was old enough to be seen changing, may be trusted later.
    if (after.mtimeNs === seen.mtimeNs && after.size === seen.size) cache.put(seen, digest);
    return digest;
  } catch {
    return undefined;
  } finally {
    await file.close().catch(() => undefined);
  }
}

async function directoryDigest(root: string, fingerprint: Fingerprint, cache: DigestCache): Promise<string> {
  const files = await regularFiles(root);
  const total = files.reduce((sum, f) => sum + f.stat.size, 0n);
  const hash = createHash('sha256');
  if (fingerprint === 'Stat' || total > MAX_CONTENT_DIGEST_BYTES) {
    const lines = files.map((f) => Buffer.from(`./${f.name}\t${f.stat.size}\t${decimalSeconds(f.stat.mtimeNs, 10)}\n`));
    for (const line of lines.sort((a, b) => Buffer.compare(a, b))) hash.update(line);
    return `dirstat:${hash.digest('hex')}`;
  }
  const sorted = files
    .map((f) => ({ ...f, bytes: Buffer.from(`./${f.name}`) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  for (const file of sorted) {
    const digest = (await contentDigest(join(root, file.name), file.stat, cache)) ?? '';
    hash.update(sha256sumLine(digest, `./${file.name}`));
  }
  return `dir:${hash.digest('hex')}`;
}

/** As GNU `sha256sum` prints: names with a backslash or line break are escaped and the line says so. */
function sha256sumLine(digest: string, name: string): string {
  if (!/[\\\n\r]/.test(name)) return `${digest}  ${name}\n`;
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `\\${digest}  ${escaped}\n`;
}

async function regularFiles(root: string): Promise<{ name: string; stat: BigIntStats }[]> {
  const found: { name: string; stat: BigIntStats }[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile()) {
        const seen = await statOrUndefined(join(root, name));
        if (seen) found.push({ name, stat: seen });
      }
    }
  }
  return found;
}

/** `stat -c %.9Y` and `find -printf %T@` print seconds with nine and ten decimals. */
function decimalSeconds(nanoseconds: bigint, decimals: 9 | 10): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${seconds}.${decimals === 9 ? rest : `${rest}0`}`;
}

/** How old a file must be, by its own file system's clock, before its times can be trusted to show a change. */
const SETTLED_NS = 2_000_000_000n;
const MAX_CACHED_DIGESTS = 200_000;

/** Content digests by device, inode, size, mtime and ctime. Bounded; the oldest entries go first. */
export class DigestCache {
  readonly #digests = new Map<string, string>();
  readonly #nowNs: () => bigint;

  /** `nowNs`: the clock of the file system, in nanoseconds. */
  constructor(nowNs: () => bigint) {
    this.#nowNs = nowNs;
  }

  get(seen: BigIntStats): string | undefined {
    return this.#digests.get(cacheKey(seen));
  }

  put(seen: BigIntStats, digest: string): void {
    const youngest = seen.mtimeNs > seen.ctimeNs ? seen.mtimeNs : seen.ctimeNs;
    if (this.#nowNs() - youngest < SETTLED_NS) return;
    if (this.#digests.size >= MAX_CACHED_DIGESTS) {
      const oldest = this.#digests.keys().next();
      if (!oldest.done) this.#digests.delete(oldest.value);
    }
    this.#digests.set(cacheKey(seen), digest);
  }
}

function cacheKey(seen: BigIntStats): string {
  return `${seen.dev}:${seen.ino}:${seen.size}:${seen.mtimeNs}:${seen.ctimeNs}`;
}
