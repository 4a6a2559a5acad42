import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';

/**
 * Damage inside SQLite's write-ahead log. Its frames carry checksums, each over all before it, and SQLite takes the first
 * that does not match for the end: right for what a power cut left, and a silent loss of every later commit when a
 * byte in the middle has changed.
 *
 * A frame behind the first bad one is still recognised: its checksum goes on from the one that stands in the frame before
 * it. A transaction is begun only when the one before it is on the disk, and writes its pages in ascending order. So:
 *
 * | behind the first bad frame | it is |
 * |---|---|
 * | nothing that is recognised | the end: cut off by a crash |
 * | the rest of one transaction | that transaction was never acknowledged, or its own bytes are damaged: cut off |
 * | more than one transaction | damage: what was acknowledged would be lost |
 */
export function damagedLog(path: string): string | undefined {
  const log = read(path);
  // Where somebody writes meanwhile, one look may see frames in part; damage is still there at the second.
  return log && damageIn(log) && read(path)?.equals(log) ? damageIn(log) : undefined;
}

const HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682;
/** Of every ledger; a header that is damaged cannot be asked. */
const PAGE = 4096;

function damageIn(log: Buffer): string | undefined {
  if (log.length < HEADER + FRAME_HEADER) return undefined;
  const { frames, headed } = framesOf(log);
  const bad = headed ? frames.findIndex(({ recognised }) => !recognised) : -1;
  if (headed && bad < 0) return undefined;
  const behind = frames.slice(bad + 1).filter(({ recognised }) => recognised);
  const commit = behind.findIndex(({ commits }) => commits);
  if (commit < 0) return undefined;
  if (!headed) return 'its header does not match its checksum, and commits follow it';
  const pages = [frames[bad] as Frame, ...behind].filter(({ ours }) => ours).map(({ page }) => page);
  const several = commit < behind.length - 1 || pages.some((page, i) => i > 0 && page <= (pages[i - 1] as number));
  return several ? `frame ${bad + 1} does not match its checksum, and commits follow it` : undefined;
}

interface Frame {
  readonly page: number;
  readonly commits: boolean;
  /** It belongs to this use of the log: what an earlier use left behind the end does not count. */
  readonly ours: boolean;
  /** Its checksum goes on from the one that stands in the frame before it. */
  readonly recognised: boolean;
}

/** `headed`: the header is whole; SQLite ignores a log without. */
function framesOf(log: Buffer): { readonly frames: readonly Frame[]; readonly headed: boolean } {
  const magic = log.readUInt32BE(0);
  const sum = new RunningSum(log, magic === MAGIC + 1);
  const headed = (magic === MAGIC || magic === MAGIC + 1) && sum.over(0, 24, [0, 0]) && sum.is(24);
  if (!headed) sum.big = endianness() === 'BE';
  const size = FRAME_HEADER + (headed ? log.readUInt32BE(8) : PAGE);
  const salt = headed ? log.subarray(16, 24) : log.subarray(HEADER + 8, HEADER + 16);
  const frames: Frame[] = [];
  for (let at = HEADER, before = 24; at + size <= log.length; before = at + 16, at += size) {
    const ours = log.subarray(at + 8, at + 16).equals(salt);
    const recognised =
      ours &&
      sum.over(at, 8, [log.readUInt32BE(before), log.readUInt32BE(before + 4)]) &&
      sum.over(at + FRAME_HEADER, size - FRAME_HEADER, sum.now) &&
      sum.is(at + 16);
    frames.push({ page: log.readUInt32BE(at), commits: log.readUInt32BE(at + 4) !== 0, ours, recognised });
  }
  return { frames, headed };
}

/** SQLite's checksum of its log: two sums of 32-bit words, each added to the other. */
class RunningSum {
  readonly #log: Buffer;
  /** In which order the machine that wrote it takes the bytes of a word. */
  big: boolean;
  now: readonly [number, number] = [0, 0];

  constructor(log: Buffer, big: boolean) {
    this.#log = log;
    this.big = big;
  }

  /** Goes on from a seed over so many bytes. */
  over(from: number, length: number, seed: readonly [number, number]): true {
    const log = this.#log;
    let [a, b] = seed;
    for (let at = from; at < from + length; at += 8) {
      a = (a + (this.big ? log.readUInt32BE(at) : log.readUInt32LE(at)) + b) >>> 0;
      b = (b + (this.big ? log.readUInt32BE(at + 4) : log.readUInt32LE(at + 4)) + a) >>> 0;
    }
    this.now = [a, b];
    return true;
  }

  is(at: number): boolean {
    return this.now[0] === this.#log.readUInt32BE(at) && this.now[1] === this.#log.readUInt32BE(at + 4);
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
