import { join } from 'node:path';
import { twice } from '../../base/twice.ts';
import type { Launch, LaunchOutput } from '../backend.ts';

/** What lies in the run folder of an attempt before its command runs, whichever runtime makes it. */
export interface FolderFile {
  /** Below the run folder. */
  readonly name: string;
  readonly mode: number;
  readonly content: string;
}

/** What is known only when it is launched. */
export interface FolderFacts {
  /** Processes that this machine killed for want of memory so far; undefined: not known. */
  readonly oomKills: number | undefined;
  readonly gpuIds: string | undefined;
  /** The shell may be missing, where it is not this machine's: that is looked for first. */
  readonly asksForShell?: boolean;
}

/** Every file of the document lies here first: what belongs elsewhere is put there by the runtime, once it has the claim. */
export const FILES_FOLDER = 'files';

const SCRIPT_MODE = 0o700;
const PLAIN_MODE = 0o666;

/** Only what something is put into: file systems take long to forget what is made and removed again. */
export function foldersOf(launch: Launch): string[] {
  return [...(launch.inputs.length > 0 ? ['inputs'] : []), ...(launch.files.length > 0 ? [FILES_FOLDER] : [])];
}

export function folderFiles(launch: Launch, { gpuIds }: FolderFacts): FolderFile[] {
  const { command } = launch;
  const plain = (name: string, content: string): FolderFile => ({ name, mode: PLAIN_MODE, content });
  return [
    ...launch.inputs.map((input) => plain(`inputs/${input.name}`, input.paths.map((p) => `${p}\n`).join(''))),
    ...launch.files.map(({ name, mode, content }) => ({ name: `${FILES_FOLDER}/${name}`, mode, content })),
    command.kind === 'Script'
      ? { name: 'script', mode: SCRIPT_MODE, content: command.text }
      : plain('argv', command.argv.map((a) => `${a}\n`).join('')),
    plain('metadata.json', `${JSON.stringify(launch.metadata)}\n`),
    ...(gpuIds === undefined ? [] : [plain('gpus', twice(gpuIds))]),
  ];
}

export function environmentOf(launch: Launch, { gpuIds }: FolderFacts): (readonly [string, string])[] {
  const dir = launch.directory;
  return [
    ...launch.env,
    ['FIXPOINT_WORKFLOW', launch.workflow],
    ['FIXPOINT_TASK', launch.key],
    ['FIXPOINT_ATTEMPT', String(launch.number)],
    ['FIXPOINT_ATTEMPT_DIR', dir],
    ['FIXPOINT_INPUTS', join(dir, 'inputs')],
    ['FIXPOINT_CPUS', String(Math.max(1, Math.ceil(launch.needs.cpu)))],
    ['FIXPOINT_MEMORY_BYTES', String(launch.needs.memoryBytes)],
    ...(gpuIds === undefined ? [] : ([['CUDA_VISIBLE_DEVICES', gpuIds]] as const)),
  ];
}

/** Where an attempt puts what lies at the place of an output. */
export function displacedInto(launch: Launch, { displaceInto, keepDisplaced, name }: LaunchOutput): string {
  const directory = displaceInto ?? launch.directory;
  return keepDisplaced ? join(directory, KEPT_FOLDER, name) : displacedPath(directory, name);
}

/** What was set aside and is no recorded result: no tidying takes it away. */
export const KEPT_FOLDER = 'kept';

/** Where an output lies that was moved aside. */
export function displacedPath(directory: string, name: string): string {
  return join(directory, 'outputs', name);
}

/** The command as it is executed. */
export function commandWords(launch: Launch): readonly string[] {
  const { command } = launch;
  if (command.kind === 'Script') return [...command.shell, join(launch.directory, 'script')];
  if (command.setup === undefined) return command.argv;
  return [...command.shell, '-c', `${command.setup}\nexec "$@"`, command.shell[0] ?? 'sh', ...command.argv];
}
