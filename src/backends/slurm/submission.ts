import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex, shortDigest } from '../../base/digest.ts';
import { failPoint } from '../../base/fail-point.ts';
import { once, twice } from '../../base/twice.ts';
import { renameDurably, type SlurmFolder, writeDurably } from './slurm-folder.ts';

/**
 * A submission: attempts of equal shape that go to Slurm as one job, an array if there are several. It is durable before
 * sbatch is called, and its name, which no other submission ever has, is the name of the job: by it the job is found again
 * when nobody heard sbatch's answer.
 *
 * | state | on the disk | meaning | next |
 * |---|---|---|---|
 * | Made | folder with tasks, directives, script | sbatch was not called, or surely did nothing | Doubtful, Submitted, removed |
 * | Doubtful | the same | sbatch may have submitted it: it is looked up by name | Submitted, Made (it is surely not there) |
 * | Submitted | and `job` | Slurm said its id, or it was found by its name | removed, when nobody will ask again |
 *
 * What a start finds without `job` is Doubtful.
 */
export interface Submission {
  readonly name: string;
  readonly folder: string;
  readonly tasks: readonly SubmittedTask[];
  readonly directives: readonly string[];
  /** Wall clock, milliseconds. */
  readonly createTime: number;
  state: 'Made' | 'Doubtful' | 'Submitted';
  job: SlurmJob | undefined;
  /** Monotonic milliseconds. From then on an sbatch that was called is over. */
  settledFrom: number;
}

/** What a submission's folder says of itself, and of the other files in it. */
interface Said extends Pick<Submission, 'directives' | 'createTime'> {
  readonly version: 2;
  /** SHA-256 by name. */
  readonly sums: Readonly<Record<string, string>>;
}

export interface SubmittedTask {
  readonly token: string;
  readonly directory: string;
}

export interface SlurmJob {
  readonly cluster: string;
  readonly id: string;
}

/** Job names of ours begin with it. */
const PREFIX = 'fx-';
const NAME_LENGTH = 16;

export function isSubmissionName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * The same attempts in the same order below the same folder have the same name: a token is in one submission only, unless
 * that surely came to nothing.
 */
function submissionName(slurm: SlurmFolder, tasks: readonly SubmittedTask[]): string {
  return PREFIX + shortDigest([slurm.root, ...tasks.map(({ token }) => token)].join('\n'), NAME_LENGTH);
}

/** Durable when this resolves. */
export async function makeSubmission(
  slurm: SlurmFolder,
  runtime: string,
  tasks: readonly SubmittedTask[],
  directives: readonly string[],
  createTime: number,
): Promise<Submission> {
  const name = submissionName(slurm, tasks);
  const folder = join(slurm.submissions, name);
  const made = join(slurm.submissions, `.${name}`);
  failPoint('submission.before');
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { mode: 0o700 });
  const texts = {
    tasks: tasks.map(({ token, directory }) => `${token} ${directory}\n`).join(''),
    'job.sh': slurm.jobScript(runtime, folder),
  };
  const sums = { tasks: sha256Hex(texts.tasks), 'job.sh': sha256Hex(texts['job.sh']) };
  for (const [file, text] of Object.entries(texts)) await writeDurably(join(made, file), text);
  const said: Said = { version: 2, directives, createTime, sums };
  await writeDurably(join(made, 'submission.json'), twice(JSON.stringify(said)));
  await rm(folder, { recursive: true, force: true });
  await renameDurably(made, folder);
  failPoint('submission.after');
  return { name, folder, tasks, directives, createTime, state: 'Made', job: undefined, settledFrom: 0 };
}

/** The answer of sbatch, or what a look-up found. */
export async function rememberJob(submission: Submission, job: SlurmJob): Promise<void> {
  failPoint('answer.before');
  await writeDurably(join(submission.folder, 'job.new'), twice(JSON.stringify(job)));
  await renameDurably(join(submission.folder, 'job.new'), join(submission.folder, 'job'));
  failPoint('answer.after');
  submission.job = job;
  submission.state = 'Submitted';
}

export async function removeSubmission(submission: Submission): Promise<void> {
  // Out of the way first: a half of it must not pass for a submission.
  const gone = join(submission.folder, '..', `.${submission.name}`);
  await renameDurably(submission.folder, gone).catch(() => undefined);
  failPoint('remove.before');
  await rm(gone, { recursive: true, force: true }).catch(() => undefined);
  failPoint('remove.after');
}

/** What an earlier daemon left. `settledFrom`: when an sbatch that it called is surely over. */
export async function readSubmissions(slurm: SlurmFolder, settledFrom: number): Promise<Submission[]> {
  const found: Submission[] = [];
  for (const name of await readdir(slurm.submissions)) {
    const folder = join(slurm.submissions, name);
    failPoint('remove.before');
    // Half made, so sbatch was not called; or half removed.
    if (name.startsWith('.')) await rm(folder, { recursive: true, force: true });
    else if (isSubmissionName(name)) {
      // One that cannot be read is nobody's: its attempts are withdrawn, and whoever comes late turns back.
      const submission = await readSubmission(name, folder, settledFrom).catch(() => undefined);
      if (submission) found.push(submission);
    }
  }
  return found;
}

async function readSubmission(name: string, folder: string, settledFrom: number): Promise<Submission> {
  const said = JSON.parse(once(await readFile(join(folder, 'submission.json'), 'utf8')) ?? '') as Said;
  const [text] = await Promise.all(['tasks', 'job.sh'].map((file) => readSummed(folder, file, said.sums)));
  const lines = (text as string).split('\n').filter((line) => line !== '');
  const tasks = lines.map((line) => {
    const at = line.indexOf(' ');
    return { token: line.slice(0, at), directory: line.slice(at + 1) };
  });
  // Of an answer that was damaged nobody has heard: the job is found by its name.
  const answer = once(await readFile(join(folder, 'job'), 'utf8').catch(() => ''));
  const job = answer === undefined ? undefined : (JSON.parse(answer) as SlurmJob);
  return {
    name,
    folder,
    tasks,
    directives: said.directives,
    createTime: said.createTime,
    state: job ? 'Submitted' : 'Doubtful',
    job,
    settledFrom,
  };
}

/** Throws where it is not what was written. */
async function readSummed(folder: string, file: string, sums: Said['sums']): Promise<string> {
  const text = await readFile(join(folder, file), 'utf8');
  if (sha256Hex(text) !== sums[file]) throw new Error(`${folder}/${file} is damaged`);
  return text;
}
