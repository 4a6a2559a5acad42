import { constants } from 'node:fs';
import { chmod, mkdir, open, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../base/digest.ts';
import { failPoint } from '../../base/fail-point.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import { Semaphore } from '../../base/semaphore.ts';
import type { Launch } from '../backend.ts';
import { type Claim, claimText, type ExitRecord, parseClaim, parseExitRecord } from './exit-record.ts';
import { FILES_FOLDER, type FolderFacts, type FolderFile, folderFiles, foldersOf } from './folder-content.ts';
import { launchText } from './launch-text.ts';

/**
 * The run folder of one attempt: RUNS/WORKFLOW/TASK/NUMBER-TOKEN, mode 0700.
 *
 * `launch` is written last: a folder without it was never handed over. Making a folder again for the same token
 * changes nothing once a runtime has claimed it.
 */
export async function makeRunFolder(
  launch: Launch,
  facts: FolderFacts,
): Promise<Result<void, { readonly message: string; readonly transient: boolean }>> {
  const dir = launch.directory;
  if (dir.includes('\n')) return fail({ message: 'the path of the runs folder holds a line break', transient: false });
  try {
    failPoint('folder.before');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if ((await readClaim(dir)).kind !== 'Absent') return ok(undefined);
    for (const name of foldersOf(launch)) await mkdir(join(dir, name), { recursive: true });
    const files = folderFiles(launch, facts);
    for (const file of files) await writeContent(dir, file);
    const last = { name: 'launch', mode: 0o600, content: launchText(launch, facts) };
    const summed = [...files, last].filter(({ mode }) => (mode & OWNER_READS) !== 0);
    await writeContent(dir, { name: 'sums', mode: 0o600, content: summed.map(sumLine).join('') });
    failPoint('folder.within');
    await writeFile(join(dir, last.name), last.content, { mode: last.mode });
    failPoint('folder.after');
    return ok(undefined);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail({ message: message ?? String(error), transient: TRANSIENT.has(code ?? '') });
  }
}

/** Want of room or of descriptors says nothing about the task: it waits until there is some. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'EAGAIN',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'EROFS',
  'ESTALE',
]);

/** A file of the document may have a mode that keeps its owner from reading it. */
const OWNER_READS = 0o400;

/** For `sha256sum -c`, by which the runtime sees whether any byte has changed since: a job may wait for days. */
function sumLine({ name, content }: FolderFile): string {
  return `${sha256Hex(content)}  ${name}\n`;
}

/** Files of the document have exactly the mode that it says. */
async function writeContent(dir: string, { name, mode, content }: FolderFile): Promise<void> {
  const path = join(dir, name);
  failPoint('folder.file');
  await writeFile(path, content, { mode });
  if (name.startsWith(`${FILES_FOLDER}/`)) await chmod(path, mode);
}

/**
 * | kind | meaning |
 * |---|---|
 * | There | whole |
 * | Absent | it does not exist |
 * | Torn | it exists and is not whole: somebody is writing it, or died doing so |
 * | Unreadable | nobody can say: the file system does not answer as it should |
 */
export type Found<T> =
  | { readonly kind: 'There'; readonly value: T }
  | { readonly kind: 'Absent' | 'Torn' }
  | { readonly kind: 'Unreadable'; readonly message: string };

export function readClaim(dir: string): Promise<Found<Claim>> {
  return readRecord(join(dir, 'claim'), parseClaim);
}

export async function readExit(dir: string, token: string): Promise<Found<ExitRecord>> {
  const path = join(dir, 'exit.json');
  const text = await readRecord(path, (t) => t);
  if (text.kind !== 'There') return text;
  const exit = parseExitRecord(text.value, token, (await claimTime(dir)) ?? 0);
  return exit === undefined ? { kind: 'Torn' } : { kind: 'There', value: exit };
}

/** When it was claimed, by the clock of the file system, in whole milliseconds: the time of its start. */
export function claimTime(dir: string): Promise<number | undefined> {
  return stat(join(dir, 'claim')).then(
    ({ mtimeMs }) => Math.floor(mtimeMs),
    () => undefined,
  );
}

/**
 * Records that are open at once: thousands of attempts may end in one moment, and four threads read. The others would
 * hold a file each, of those that a process may have open.
 */
const RECORDS_AT_ONCE = 32;
const records = new Semaphore(RECORDS_AT_ONCE);

async function readRecord<T>(path: string, parse: (text: string) => T | undefined): Promise<Found<T>> {
  try {
    const value = parse(await records.run(() => readFile(path, 'utf8')));
    return value === undefined ? { kind: 'Torn' } : { kind: 'There', value };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'Absent' };
    return { kind: 'Unreadable', message: `${path} cannot be read (${code ?? String(error)})` };
  }
}

/** GPU ids that the attempt was given; of a file that was damaged, all that one of its two lines names. */
export async function readGpus(dir: string): Promise<number[]> {
  const text = await readFile(join(dir, 'gpus'), 'utf8').catch(() => '');
  const ids = text.split(/[\n,]/).filter((word) => /^\d+$/.test(word));
  return [...new Set(ids.map(Number))];
}

/** Takes the claim for nobody, so that what was handed over never starts. False: somebody has it already. */
export async function withdraw(dir: string, token: string): Promise<boolean> {
  const path = join(dir, 'claim');
  try {
    failPoint('withdraw.before');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const file = await open(path, flags, 0o600);
    try {
      failPoint('withdraw.torn');
      await file.writeFile(claimText({ token, host: '', boot: '', pidns: '', pid: 0, start: 0 }));
    } catch {
      // It was ours, and says nothing: a full disk. Without it the next try is the first again.
      await unlink(path);
      return false;
    } finally {
      await file.close();
    }
    failPoint('withdraw.after');
    return true;
  } catch {
    return false;
  }
}
