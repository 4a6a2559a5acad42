import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Small file systems for tests that fill them. Mounted in a sandbox, and taken away before it goes. */
const quietly = { stdio: 'ignore' } as const;

/** Mounting wants root, or a container that lets us. */
export const canMount: boolean = tryToMount();

function tryToMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'fxp-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', dir], quietly);
    execFileSync('umount', [dir], quietly);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Mounts a file system of so many kilobytes; the returned function takes it away, whoever still uses it. */
export function mountSmall(dir: string, kilobytes: number): () => void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=700`, 'none', dir], quietly);
  return () => execFileSync('umount', ['--lazy', dir], quietly);
}

/** Fills the file system of a folder to its last byte; the returned function makes room again. */
export function fillUp(dir: string): () => void {
  const path = join(dir, 'filler');
  const file = openSync(path, 'w');
  for (let size = 1 << 16; size > 0; ) {
    try {
      if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      size >>= 1;
    }
  }
  closeSync(file);
  return () => rmSync(path);
}
