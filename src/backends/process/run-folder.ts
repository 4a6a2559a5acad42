import { constants } from 'node:fs';
import { chmod, mkdir, open, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { globFolder, parseFileGlob } from '../../base/file-glob.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import { quoteShell } from '../../expressions/shell-quote.ts';
import type { Exit, Launch, LaunchOutput } from '../backend.ts';
import { type Claim, parseClaim, parseExitRecord } from './exit-record.ts';

/**
 * The run folder of one attempt: RUNS/WORKFLOW/TASK/NUMBER-TOKEN, mode 0700.
 *
 * `launch` is written last: a folder without it was never handed over. Making a folder again for the same token
 * changes nothing once a runtime has claimed it.
 */
export async function makeRunFolder(
  launch: Launch,
  facts: { readonly oomKills: number | undefined; readonly gpuIds: string | undefined },
): Promise<Result<void, { readonly message: string; readonly transient: boolean }>> {
  const dir = launch.directory;
  if (dir.includes('\n')) return fail({ message: 'the path of the runs folder holds a line break', transient: false });
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if ((await readClaim(dir)).kind !== 'Absent') return ok(undefined);
    await mkdir(join(dir, 'inputs'), { recursive: true });
    await mkdir(join(dir, 'results'), { recursive: true });
    for (const input of launch.inputs)
      await writeFile(join(dir, 'inputs', input.name), input.paths.map((p) => `${p}\n`).join(''));
    for (const file of launch.files) await writeContent(dir, file);
    if (launch.command.kind === 'Script') await writeFile(join(dir, 'script'), launch.command.text, { mode: 0o700 });
    else await writeFile(join(dir, 'argv'), launch.command.argv.map((a) => `${a}\n`).join(''));
    await writeFile(join(dir, 'metadata.json'), `${JSON.stringify(launch.metadata)}\n`);
    if (facts.gpuIds !== undefined) await writeFile(join(dir, 'gpus'), facts.gpuIds);
    await writeFile(join(dir, 'launch'), launchText(launch, facts), { mode: 0o600 });
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

/** Every file lies in the run folder first: what belongs elsewhere is put there by the runtime, once it has the claim. */
async function writeContent(dir: string, file: Launch['files'][number]): Promise<void> {
  const path = join(dir, 'files', file.name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, file.content);
  await chmod(path, file.mode);
}

/** Shell text that `attempt.sh` reads. Every value is one single-quoted word. */
function launchText(
  launch: Launch,
  facts: { readonly oomKills: number | undefined; readonly gpuIds: string | undefined },
): string {
  const q = quoteShell;
  const dir = launch.directory;
  const env: (readonly [string, string])[] = [
    ...launch.env,
    ['FIXPOINT_WORKFLOW', launch.workflow],
    ['FIXPOINT_TASK', launch.key],
    ['FIXPOINT_ATTEMPT', String(launch.number)],
    ['FIXPOINT_ATTEMPT_DIR', dir],
    ['FIXPOINT_RESULTS', join(dir, 'results')],
    ['FIXPOINT_INPUTS', join(dir, 'inputs')],
    ['FIXPOINT_CPUS', String(Math.max(1, Math.ceil(launch.needs.cpu)))],
    ['FIXPOINT_MEMORY_BYTES', String(launch.needs.memoryBytes)],
    ...(facts.gpuIds === undefined ? [] : ([['CUDA_VISIBLE_DEVICES', facts.gpuIds]] as const)),
  ];
  return [
    `fx_workdir=${q(launch.workdir)}`,
    `fx_walltime=${launch.needs.walltimeMs === 0 ? 0 : (launch.needs.walltimeMs / 1000).toFixed(3)}`,
    `fx_grace=${Math.ceil(launch.graceMs / 1000)}`,
    `fx_oom0=${facts.oomKills ?? "''"}`,
    `fx_stdin=${q(launch.stdin ?? '/dev/null')}`,
    `fx_stdout=${q(launch.stdout ?? join(dir, 'stdout'))}`,
    `fx_stderr=${q(launch.stderr ?? join(dir, 'stderr'))}`,
    'fx_env() {',
    ...env.map(([name, value]) => `  export ${name}=${q(value)}`),
    '  :',
    '}',
    'fx_prepare() {',
    ...launch.files.flatMap((file) =>
      file.path === undefined
        ? []
        : [`  fx_place ${q(join(dir, 'files', file.name))} ${q(file.path)} ${file.mode.toString(8)}`],
    ),
    ...(launch.staged ? stageLines(launch.staged) : launch.outputs.flatMap((output) => prepareLines(launch, output))),
    '  :',
    '}',
    'fx_command() {',
    `  exec setsid ${commandWords(launch).map(q).join(' ')}`,
    '}',
    'fx_stamp() {',
    ...publishLines(launch),
    ...launch.outputs.map(stampLine),
    '  :',
    '}',
    '',
  ].join('\n');
}

function stampLine({ name, path, form, fingerprint, optional }: LaunchOutput): string {
  const place = form === 'glob' ? globWords(path) : [path];
  const [first = '', ...rest] = place.map(quoteShell);
  return `  fx_output ${[name, first, form, fingerprint, optional ? 'yes' : 'no', ...rest].join(' ')}`;
}

function prepareLines(launch: Launch, output: LaunchOutput): string[] {
  const glob = output.form === 'glob';
  const folder = glob ? [] : [`  fx_mkdir ${quoteShell(join(output.path, '..'))}`];
  if (output.keepPartial) return folder;
  const into = asideOf(launch, output);
  const words = glob ? ['fx_move_matches', ...globWords(output.path), into] : ['fx_displace', output.path, into];
  return [...folder, `  ${words.map(shellWord).join(' ')}`];
}

function stageLines(staged: NonNullable<Launch['staged']>): string[] {
  return [
    ...staged.links.map((link) => `  fx_link ${quoteShell(link.path)} ${quoteShell(link.at)}`),
    ...staged.outputs.map((output) => `  fx_mkdir ${quoteShell(join(output.at, '..'))}`),
  ];
}

function publishLines(launch: Launch): string[] {
  return (launch.staged?.outputs ?? []).flatMap(({ name, at }) => {
    const output = launch.outputs.find((o) => o.name === name) as LaunchOutput;
    const into = asideOf(launch, output);
    if (output.form !== 'glob') return [`  ${['fx_publish', at, output.path, into].map(shellWord).join(' ')}`];
    return [
      ['fx_move_matches', ...globWords(output.path), into],
      ['fx_move_matches', ...globWords(at), globFolder(output.path)],
    ].map((words) => `  ${words.map(shellWord).join(' ')}`);
  });
}

/** Folder, expression and depth of a pattern; one that cannot be read was refused when the document was. */
function globWords(pattern: string): string[] {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) return [globFolder(pattern), '^$', '1'];
  return [glob.value.folder, glob.value.expression, glob.value.depth === undefined ? '' : String(glob.value.depth)];
}

function shellWord(word: string, at: number): string {
  return at === 0 ? word : quoteShell(word);
}

function asideOf(launch: Launch, { displaceInto, keepDisplaced, name }: LaunchOutput): string {
  const directory = displaceInto ?? launch.directory;
  return keepDisplaced ? join(directory, KEPT_FOLDER, name) : displacedPath(directory, name);
}

/** What was set aside and is no recorded result: no tidying takes it away. */
export const KEPT_FOLDER = 'kept';

/** Where an output lies that was moved aside. */
export function displacedPath(directory: string, name: string): string {
  return join(directory, 'outputs', name);
}

function commandWords(launch: Launch): readonly string[] {
  const { command } = launch;
  if (command.kind === 'Script') return [...command.shell, join(launch.directory, 'script')];
  if (command.setup === undefined) return command.argv;
  return [...command.shell, '-c', `${command.setup}\nexec "$@"`, command.shell[0] ?? 'sh', ...command.argv];
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

export async function readExit(dir: string, token: string): Promise<Found<Exit>> {
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

async function readRecord<T>(path: string, parse: (text: string) => T | undefined): Promise<Found<T>> {
  try {
    const value = parse(await readFile(path, 'utf8'));
    return value === undefined ? { kind: 'Torn' } : { kind: 'There', value };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'Absent' };
    return { kind: 'Unreadable', message: `${path} cannot be read (${code ?? String(error)})` };
  }
}

/** GPU ids that the attempt was given. */
export async function readGpus(dir: string): Promise<number[]> {
  const text = await readFile(join(dir, 'gpus'), 'utf8').catch(() => '');
  return text === '' ? [] : text.split(',').map(Number);
}

/** Takes the claim for nobody, so that what was handed over never starts. False: somebody has it already. */
export async function withdraw(dir: string, token: string): Promise<boolean> {
  const path = join(dir, 'claim');
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const file = await open(path, flags, 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ token, host: '', boot: '', pidns: '', pid: 0, start: 0 })}\n`);
    } catch {
      // It was ours, and says nothing: a full disk. Without it the next try is the first again.
      await unlink(path);
      return false;
    } finally {
      await file.close();
    }
    return true;
  } catch {
    return false;
  }
}
