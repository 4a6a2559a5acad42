import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { MAX_SHEET_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';

export interface Sheets {
  /** Text by path. A sheet that does not exist is neither here nor a problem. */
  readonly sheets: { readonly [path: string]: string };
  /** By path, what is wrong with a sheet that is there, as the end of a sentence. */
  readonly problems: ReadonlyMap<string, string>;
}

export async function readSheets(paths: readonly string[]): Promise<Sheets> {
  const sheets: { [path: string]: string } = Object.create(null) as { [path: string]: string };
  const problems = new Map<string, string>();
  for (const path of paths) {
    const text = await readSheet(path);
    if (text.ok) sheets[path] = text.value;
    else if (text.error !== undefined) problems.set(path, text.error);
  }
  return { sheets, problems };
}

/** Undefined as the error: nothing is there. Never waits for the writer of a pipe that has the sheet's name. */
async function readSheet(path: string): Promise<Result<string, string | undefined>> {
  let file: FileHandle | undefined;
  try {
    if (!(await stat(path)).isFile()) return fail('is not a file');
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return fail('is not a file');
    const parts: Buffer[] = [];
    let length = 0;
    // One byte more than a sheet may have: so one that grows ends too.
    for await (const part of file.createReadStream({ autoClose: false, end: MAX_SHEET_BYTES })) {
      parts.push(part as Buffer);
      length += (part as Buffer).length;
    }
    if (length > MAX_SHEET_BYTES) return fail(`is longer than ${MAX_SHEET_BYTES} bytes (MAX_SHEET_BYTES)`);
    return ok(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    return fail(code === 'ENOENT' || code === 'ENOTDIR' ? undefined : `cannot be read (${code})`);
  } finally {
    await file?.close().catch(() => undefined);
  }
}
