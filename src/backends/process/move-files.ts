import { cp, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { posix } from 'node:path';
import { failPoint } from '../../base/fail-point.ts';
import { onDisk } from './byte-path.ts';
import { isAbsence } from './file-digest.ts';

/** Paths here are bytes, one character each: what a pattern matched may have any name. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/** Also a link that leads nowhere lies there. What cannot be asked is an exception. */
export async function liesThere(path: string): Promise<boolean> {
  try {
    await lstat(onDisk(path));
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Asked before each step: whoever may move no more leaves what there is to whoever may. */
export type MayMove = () => boolean;

function ask(mayMove: MayMove): void {
  if (!mayMove()) throw new Error('files are moved by somebody else now');
}

/** An earlier file of that name gets the attempt's token behind it, as `attempt.sh` does it. */
export async function moveAside({ from, to }: Move, token: string, mayMove: MayMove): Promise<void> {
  if (await liesThere(to)) {
    let free = `${to}.${token}`;
    for (let n = 2; await liesThere(free); n++) free = `${to}.${token}.${n}`;
    failPoint('aside.before');
    ask(mayMove);
    await rename(onDisk(to), onDisk(free));
    failPoint('aside.after');
  }
  await moveTo({ from, to }, mayMove);
}

/**
 * Nothing lies at `to`. On another file system it is copied under another name first, so that half a copy is never taken
 * for it; that name begins with a dot, so that a pattern does not match it either.
 */
export async function moveTo({ from, to }: Move, mayMove: MayMove): Promise<void> {
  failPoint('restore.before');
  await mkdir(onDisk(posix.dirname(to)), { recursive: true });
  try {
    ask(mayMove);
    await rename(onDisk(from), onDisk(to));
    failPoint('restore.after');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const [source, copy] = [onDisk(from), onDisk(hidden(to, 'copy'))];
    // The system's copy takes text only.
    if (typeof source !== 'string' || typeof copy !== 'string') throw error;
    failPoint('copy.before');
    await rm(copy, { recursive: true, force: true });
    // Times are kept, they may be the fingerprint; links are kept as they are.
    await cp(source, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    failPoint('copy.made');
    ask(mayMove);
    await rename(copy, onDisk(to));
    failPoint('copy.placed');
    // Likewise half a folder that is being removed must not be taken for the whole.
    const moved = onDisk(hidden(from, 'moved'));
    ask(mayMove);
    await rename(source, moved);
    await rm(moved, { recursive: true, force: true });
    failPoint('copy.after');
  }
}

function hidden(path: string, why: string): string {
  return posix.join(posix.dirname(path), `.${posix.basename(path)}.${why}`);
}
