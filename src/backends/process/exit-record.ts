import { createHash } from 'node:crypto';
import type { EndReason } from '../../apis/reasons.ts';
import type { Json } from '../../base/json.ts';
import { once, twice } from '../../base/twice.ts';
import type { Usage } from '../../planning/record.ts';
import type { Exit } from '../backend.ts';

export interface ExitRecord {
  readonly exit: Exit;
  /** Nothing that the command started was left when it was written: nobody needs to look for what escaped. */
  readonly alone: boolean;
  /** Size of the larger of its two logs, where the runtime says so. */
  readonly logBytes: number | undefined;
}

/**
 * Reads what an attempt runtime wrote: `exit.json` ends in the POSIX cksum of all before it and a line feed, so a torn or
 * damaged record is recognised and counts as absent. `startTime`: wall clock, milliseconds; the record itself measures
 * by the clock of the boot.
 */
export function parseExitRecord(text: string, token: string, startTime: number): ExitRecord | undefined {
  const end = /,"sum":"(\d+|sha256:[0-9a-f]{64})"\}\n$/.exec(text);
  if (!end) return undefined;
  const body = text.slice(0, end.index);
  if (!isSumOf(end[1] as string, Buffer.from(`${body}\n`, 'utf8'))) return undefined;
  let record: RawRecord;
  try {
    record = JSON.parse(`${body}}`) as RawRecord;
  } catch {
    return undefined;
  }
  if (record.version !== 1 || record.token !== token) return undefined;
  return { exit: toExit(record, startTime), alone: record.alone ?? false, logBytes: record.logBytes };
}

/** The POSIX cksum, or SHA-256 where there is no program for that. */
function isSumOf(sum: string, bytes: Buffer): boolean {
  if (!sum.startsWith('sha256:')) return posixCksum(bytes) === Number(sum);
  return sum.slice('sha256:'.length) === createHash('sha256').update(bytes).digest('hex');
}

interface RawRecord {
  readonly version: number;
  readonly token: string;
  readonly verdict: 'Exited' | 'Cancelled' | 'WallTime' | 'OutOfMemory';
  readonly code: number | null;
  readonly problem: string;
  readonly up0: number;
  readonly up1: number;
  /** The shell runtime counts ticks of the children that it waited for. */
  readonly cpuTicks?: number;
  /** The native one counts everything that descended from the command, and how large the largest of it was. */
  readonly cpuSeconds?: number;
  readonly maxRssKb?: number;
  readonly alone?: boolean;
  readonly logBytes?: number;
  readonly outputs: readonly { readonly name: string; readonly digest: string }[];
}

/** USER_HZ is 100 on every Linux that Node runs on; /proc counts in it. */
const TICKS_PER_SECOND = 100;

function toExit(record: RawRecord, startTime: number): Exit {
  const elapsedMs = Math.max(0, Math.round((record.up1 - record.up0) * 1000));
  const [reason, detail] = record.problem.split(' ');
  const problem =
    record.problem === ''
      ? undefined
      : reason === 'MissingOutput'
        ? { reason: 'MissingOutput' as EndReason, message: `output ${detail} is missing after success` }
        : reason === 'ShellNotFound'
          ? {
              reason: 'ShellNotFound' as EndReason,
              message: `the image has no ${detail}: use one that has it, or name another shell`,
            }
          : {
              reason: 'SetupFailed' as EndReason,
              message: 'the run folder or the working directory could not be prepared',
            };
  return {
    verdict: problem && record.verdict === 'Exited' ? 'Problem' : record.verdict,
    exitCode: record.code ?? undefined,
    problem,
    startTime,
    finishTime: startTime + elapsedMs,
    elapsedMs,
    usage: usageOf(record),
    outputs: new Map(record.outputs.map((o) => [o.name, o.digest])),
  };
}

function usageOf({ cpuTicks, cpuSeconds, maxRssKb }: RawRecord): Usage {
  if (cpuSeconds === undefined || maxRssKb === undefined)
    return { cpuSeconds: (cpuTicks ?? 0) / TICKS_PER_SECOND, cpuSource: 'waited-children' };
  return { cpuSeconds, cpuSource: 'descendants', maxRssBytes: maxRssKb * 1024, maxRssSource: 'largest-process' };
}

export interface Claim {
  readonly token: string;
  readonly host: string;
  readonly boot: string;
  readonly pidns: string;
  readonly pid: number;
  readonly start: number;
  /** The session of the command, where it is known before the command is: that of its spawner. */
  readonly session?: number;
}

export function claimText(claim: Claim): string {
  return twice(JSON.stringify(claim));
}

/** Undefined when the text is not a whole claim. A withdrawn launch has a claim without a process (pid 0). */
export function parseClaim(text: string): Claim | undefined {
  const line = once(text);
  if (line === undefined) return undefined;
  try {
    const claim = JSON.parse(line) as { [key: string]: Json };
    return typeof claim['token'] === 'string' && typeof claim['pid'] === 'number'
      ? (claim as unknown as Claim)
      : undefined;
  } catch {
    return undefined;
  }
}

const TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let c = i << 24;
  for (let bit = 0; bit < 8; bit++) c = c & 0x80000000 ? (c << 1) ^ 0x04c11db7 : c << 1;
  TABLE[i] = c >>> 0;
}

/** The CRC of POSIX `cksum`: polynomial 04C11DB7, most significant bit first, the length appended, inverted. */
export function posixCksum(data: Uint8Array): number {
  let crc = 0;
  const feed = (byte: number): void => {
    crc = ((crc << 8) ^ (TABLE[((crc >>> 24) ^ byte) & 0xff] as number)) >>> 0;
  };
  for (const byte of data) feed(byte);
  for (let length = data.length; length > 0; length = Math.floor(length / 256)) feed(length & 0xff);
  return ~crc >>> 0;
}
