import { mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../base/digest.ts';
import { failPoint } from '../../base/fail-point.ts';
import { OWN_FILES } from '../../base/own-files.ts';
import { quoteShell } from '../../expressions/shell-quote.ts';

/** Of the node's side. */
const PROGRAMS = ['element.sh', 'attempt.sh'];

/**
 * What this backend keeps beside the run folders, in `RUNS/.slurm`, visible on every node:
 *
 * | path | what |
 * |---|---|
 * | `submissions/NAME` | one submission (`submission.ts`) |
 * | `news` | marks that elements leave when they start and end |
 * | `runtime/DIGEST` | the programs of the node's side, by their content: an upgrade does not change what is queued |
 */
export class SlurmFolder {
  readonly root: string;

  constructor(runsDir: string) {
    this.root = join(runsDir, '.slurm');
  }

  get submissions(): string {
    return join(this.root, 'submissions');
  }

  get news(): string {
    return join(this.root, 'news');
  }

  /** Folders, and the programs of this version. Gives the folder of the latter. */
  async prepare(): Promise<string> {
    failPoint('slurm.folder');
    for (const path of [this.submissions, this.news]) await mkdir(path, { recursive: true, mode: 0o700 });
    const names = ['slurm/element.sh', 'runtime/attempt.sh'];
    const texts = await Promise.all(
      names.map((name) => readFile(fileURLToPath(new URL(`backends/${name}`, OWN_FILES)), 'utf8')),
    );
    const digest = sha256Hex(texts.join('\0')).slice(0, 16);
    const folder = join(this.root, 'runtime', digest);
    const there = await Promise.all(PROGRAMS.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
    if (there.every((text, i) => text === texts[i])) return folder;
    const made = `${folder}.new`;
    await rm(made, { recursive: true, force: true });
    failPoint('slurm.programs');
    await mkdir(made, { recursive: true, mode: 0o700 });
    for (const [i, name] of PROGRAMS.entries()) await writeDurably(join(made, name), texts[i] as string);
    await rm(folder, { recursive: true, force: true });
    await renameDurably(made, folder);
    return folder;
  }

  /** Marks as they lie there: tokens, by what happened. Forgotten by `forgetNews`. */
  async readNews(): Promise<{ readonly started: readonly string[]; readonly ended: readonly string[] }> {
    const names = await readdir(this.news).catch(() => []);
    const of = (suffix: string): string[] =>
      names.flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
    return { started: of('.s'), ended: of('.e') };
  }

  async forgetNews(token: string, what: 's' | 'e'): Promise<void> {
    failPoint('remove.before');
    await unlink(join(this.news, `${token}.${what}`)).catch(() => undefined);
    failPoint('remove.after');
  }

  /** The script that Slurm gets: it only says what to run. */
  jobScript(runtime: string, submission: string): string {
    const words = [join(runtime, 'element.sh'), submission, this.news, join(runtime, 'attempt.sh')];
    return `#!/bin/sh\nexec /bin/sh ${words.map(quoteShell).join(' ')}\n`;
  }
}

/** It is on the disk, and on every node's way to it, when this resolves. */
export async function writeDurably(path: string, content: string): Promise<void> {
  failPoint('slurm.write');
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function renameDurably(from: string, to: string): Promise<void> {
  failPoint('slurm.rename');
  await rename(from, to);
  const folder = await open(join(to, '..'), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
