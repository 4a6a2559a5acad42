import { constants } from 'node:fs';
import { appendFile, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { failPoint } from '../../base/fail-point.ts';
import type { FileTimes } from './seen-files.ts';

/** Where digests are kept. One that is not writable is read and left as it is. */
export interface DigestsFile {
  readonly path: string;
  readonly writable: boolean;
}

/** Fewer lines than this are never worth writing anew. */
const MIN_REWRITTEN_LINES = 1_000;
/** Read at once: there may be a line for every output of every workflow. */
const CHUNK_BYTES = 64 * 1024;
/** Lines that are written at once when the file is made anew. */
const LINES_AT_ONCE = 2_000;

/**
 * The file behind the digest cache: one line for each entry, `KEY SHA256 CHECK`, later lines before earlier ones. CHECK is
 * the CRC-32 of the line, so a line that was torn or damaged is passed over. It is only ever appended to, and made anew
 * when most of it is out of date. No call fails and none makes a folder: without the file everything is only slower.
 */
export class DigestsLog {
  readonly #file: DigestsFile;
  #lines = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: DigestsFile) {
    this.#file = file;
  }

  /** Calls back for every whole line, oldest first. */
  async read(entry: (file: FileTimes, digest: string) => void): Promise<void> {
    try {
      const file = await open(this.#file.path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (!(await file.stat()).isFile()) return;
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        let torn = '';
        for (;;) {
          const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES);
          if (bytesRead === 0) break;
          const lines = (torn + chunk.toString('latin1', 0, bytesRead)).split('\n');
          // No line of ours is as long: what has no end is nothing to remember.
          torn = (lines.pop() as string).slice(-MAX_LINE);
          for (const line of lines) this.#readLine(line, entry);
        }
        this.#readLine(torn, entry);
      } finally {
        await file.close();
      }
    } catch {
      // Not there yet, or not for us: what it would have said is found out again.
    }
  }

  #readLine(line: string, entry: (file: FileTimes, digest: string) => void): void {
    if (line === '') return;
    this.#lines++;
    const read = LINE.exec(line);
    if (!read || Number.parseInt(read[7] as string, 16) !== crc32(line.slice(0, -CHECK_LENGTH))) return;
    const [, dev = '', ino = '', size = '', mtimeNs = '', ctimeNs = '', digest = ''] = read;
    const times = { mtimeNs: BigInt(mtimeNs), ctimeNs: BigInt(ctimeNs) };
    entry({ dev: BigInt(dev), ino: BigInt(ino), size: BigInt(size), ...times }, digest);
  }

  /** `live`: how many entries there are; `all` gives them, for when the file is made anew. */
  append(lines: readonly string[], live: number, all: () => Iterable<string>): Promise<void> {
    if (!this.#file.writable) return Promise.resolve();
    if (lines.length === 0) return this.#writing;
    this.#writing = this.#writing.then(async () => {
      try {
        failPoint('digests.before');
        this.#lines += lines.length;
        if (this.#lines > Math.max(2 * live, MIN_REWRITTEN_LINES)) await this.#rewrite(all());
        // It begins with a line break: the last line may be torn.
        else await appendFile(this.#file.path, `\n${lines.map(checked).join('')}`, { mode: 0o600 });
        failPoint('digests.after');
      } catch {
        // See above.
      }
    });
    return this.#writing;
  }

  async #rewrite(all: Iterable<string>): Promise<void> {
    const made = `${this.#file.path}.new`;
    let lines = 0;
    try {
      failPoint('rewrite.before');
      const file = await open(made, 'w', 0o600);
      try {
        let part: string[] = [];
        const write = async (): Promise<void> => {
          await file.write(part.join(''));
          part = [];
        };
        for (const line of all) {
          part.push(checked(line));
          lines++;
          if (part.length >= LINES_AT_ONCE) await write();
        }
        await write();
      } finally {
        await file.close();
      }
      failPoint('rewrite.within');
      await rename(made, this.#file.path);
      failPoint('rewrite.after');
      this.#lines = lines;
    } catch (error) {
      await rm(made, { force: true });
      throw error;
    }
  }

  /** The device that this file lies on, or would; undefined: nothing is to be written there. */
  async device(): Promise<bigint | undefined> {
    if (!this.#file.writable) return undefined;
    const folder = await stat(dirname(this.#file.path), { bigint: true }).catch(() => undefined);
    return folder?.dev;
  }

  /** The ctime, in nanoseconds, of a file that was written just now, if the device is the one that this file lies on. */
  async timeOf(dev: bigint): Promise<bigint | undefined> {
    if ((await this.device()) !== dev) return undefined;
    const path = `${this.#file.path}.time`;
    try {
      failPoint('time.before');
      const file = await open(path, 'w', 0o600);
      try {
        await file.write('.');
        failPoint('time.after');
        return (await file.stat({ bigint: true })).ctimeNs;
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }
}

const LINE = /^(\d+):(\d+):(\d+):(-?\d+):(-?\d+) ([0-9a-f]{64}) ([0-9a-f]{8})$/;
/** Of the check and the blank before it. */
const CHECK_LENGTH = 9;
const MAX_LINE = 256;

function checked(text: string): string {
  return `${text} ${checkOf(text)}\n`;
}

function checkOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
