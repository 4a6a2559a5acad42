import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { shortDigest } from '../base/digest.ts';
import { failPoint } from '../base/fail-point.ts';

/**
 * `holder.json` in a state folder: who serves it and where. A hint for finding the server; the lock beside it
 * is what keeps a second one out.
 */
export interface Holder {
  readonly host: string;
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly pid: number;
  readonly socket: string;
}

const FILE = 'holder.json';

export function thisProcess(socket: string): Holder {
  return {
    host: hostname(),
    bootId: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOr(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    socket,
  };
}

/** Whole or not at all: readers never see half a file. */
export async function writeHolder(stateDir: string, holder: Holder): Promise<void> {
  const temporary = join(stateDir, `.${FILE}.${randomBytes(6).toString('hex')}`);
  failPoint('holder.before');
  await writeFile(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' });
  failPoint('holder.within');
  await rename(temporary, join(stateDir, FILE));
  failPoint('holder.after');
}

/** Absent, torn or foreign files read as no holder. */
export async function readHolder(stateDir: string): Promise<Holder | undefined> {
  try {
    const value = JSON.parse(await readFile(join(stateDir, FILE), 'utf8')) as Partial<Holder> | null;
    if (value === null || typeof value !== 'object') return undefined;
    const { host, bootId, pidNamespace, pid, socket } = value;
    if (typeof host !== 'string' || typeof pid !== 'number' || typeof socket !== 'string') return undefined;
    return { host, bootId: String(bootId ?? ''), pidNamespace: String(pidNamespace ?? ''), pid, socket };
  } catch {
    return undefined;
  }
}

/** Removes it if it is still ours; another's, written since, stays. */
export async function removeHolder(stateDir: string, ours: Holder): Promise<void> {
  const found = await readHolder(stateDir);
  failPoint('leave.before');
  if (found?.pid === ours.pid && found.socket === ours.socket) await rm(join(stateDir, FILE), { force: true });
  failPoint('leave.after');
}

/** Where the server of a state folder listens: in the user's runtime folder, named by the state folder. */
export function socketPathFor(stateDir: string, runtimeDir: string | undefined): string {
  const uid = process.getuid?.() ?? 0;
  const folder =
    runtimeDir !== undefined && runtimeDir !== '' ? join(runtimeDir, 'fixpoint') : join(tmpdir(), `fixpoint-${uid}`);
  return join(folder, `${shortDigest(stateDir, 16)}.sock`);
}

function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
