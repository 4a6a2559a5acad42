import type { Clock } from '../../base/clock.ts';
import { failPoint } from '../../base/fail-point.ts';
import { type Rate, TokenBucket } from '../../base/token-bucket.ts';
import type { Availability } from './availability.ts';
import type { Capabilities } from './capabilities.ts';
import type { SlurmFolder } from './slurm-folder.ts';
import { makeSubmission, rememberJob, removeSubmission, type Submission, type SubmittedTask } from './submission.ts';
import { submitFailure } from './tool-failure.ts';
import type { ToolAnswer, Tools } from './tools.ts';

/**
 * Hands attempts to Slurm: the oldest that waits, and with it all that ask for the same, as one job. One sbatch at a time,
 * behind a bucket, and no more elements in the queue than its ceiling.
 *
 * | sbatch says | its attempts |
 * |---|---|
 * | an id | Submitted |
 * | Refused | each is reported, in Slurm's words |
 * | Away, Busy | wait again in their old order; a pause that grows; a limit on submissions halves the arrays |
 * | Doubtful, or something that is no id | Doubtful: looked up by name (`slurm-backend.ts`), never blindly submitted again |
 */
export interface SubmitterParts {
  readonly tools: Tools;
  readonly clock: Clock;
  readonly folder: SlurmFolder;
  readonly availability: Availability;
  readonly rate: Rate;
  readonly placed: (submission: Submission) => void;
  readonly refused: (tasks: readonly SubmittedTask[], message: string) => void;
  readonly isWanted: (token: string) => boolean;
  /** How many more elements the queue may hold. */
  readonly room: () => number;
}

interface Waiting extends SubmittedTask {
  readonly directives: readonly string[];
}

const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 60_000;

export class Submitter {
  readonly #parts: SubmitterParts;
  readonly #bucket: TokenBucket;
  /** By shape, each in the order in which they came; shapes in the order of their oldest. */
  readonly #shapes = new Map<string, Map<string, Waiting>>();
  readonly #again: Submission[] = [];
  #pausedUntil = 0;
  #pauses = 0;
  #maxElements = Number.POSITIVE_INFINITY;
  #busy = false;
  #closed = false;

  constructor(parts: SubmitterParts) {
    this.#parts = parts;
    this.#bucket = new TokenBucket(parts.rate, parts.clock);
  }

  add(task: SubmittedTask, directives: readonly string[]): void {
    const shape = directives.join('\0');
    const waiting = this.#shapes.get(shape) ?? new Map<string, Waiting>();
    this.#shapes.set(shape, waiting);
    waiting.set(task.token, { ...task, directives });
  }

  /** It is not wanted any more; false: it is not here. */
  remove(token: string, directives: readonly string[]): boolean {
    return this.#shapes.get(directives.join('\0'))?.delete(token) ?? false;
  }

  /** A submission that surely came to nothing. */
  repeat(submission: Submission): void {
    submission.state = 'Made';
    this.#again.push(submission);
  }

  get waits(): boolean {
    return this.#again.length > 0 || [...this.#shapes.values()].some(({ size }) => size > 0);
  }

  /** Calls no further sbatch. */
  close(): void {
    this.#closed = true;
  }

  /** How long until the next sbatch may be called. */
  waitMs(): number {
    return Math.max(this.#bucket.waitMs(), this.#pausedUntil - this.#parts.clock.monotonic());
  }

  /** Submits one job, if it may. False: not now. */
  async submitOne(capabilities: Capabilities, runtime: string): Promise<boolean> {
    if (this.#busy || this.#closed || this.waitMs() > 0) return false;
    this.#busy = true;
    try {
      const submission = this.#again.shift() ?? (await this.#make(capabilities, runtime));
      if (submission === undefined || this.#closed) return false;
      this.#bucket.spend();
      await this.#hand(submission, capabilities);
      return true;
    } finally {
      this.#busy = false;
    }
  }

  async #make(capabilities: Capabilities, runtime: string): Promise<Submission | undefined> {
    const room = Math.min(this.#parts.room(), this.#maxElements, Math.max(1, capabilities.maxArraySize));
    for (const [shape, waiting] of this.#shapes) {
      if (waiting.size === 0) this.#shapes.delete(shape);
      else if (room < 1) return undefined;
      else {
        const tasks = [...waiting.values()].slice(0, room);
        for (const { token } of tasks) waiting.delete(token);
        // Whoever asks for something else has its turn, too.
        this.#shapes.delete(shape);
        if (waiting.size > 0) this.#shapes.set(shape, waiting);
        const { folder, clock } = this.#parts;
        try {
          return await makeSubmission(folder, runtime, tasks, (tasks[0] as Waiting).directives, clock.now());
        } catch (error) {
          // A full disk, or one that does not answer.
          this.#giveBack(tasks, (tasks[0] as Waiting).directives);
          this.#pause();
          this.#parts.availability.down('runs folder', String(error));
          return undefined;
        }
      }
    }
    return undefined;
  }

  async #hand(submission: Submission, { cluster }: Capabilities): Promise<void> {
    const { tools, clock, availability } = this.#parts;
    submission.state = 'Doubtful';
    submission.settledFrom = Number.POSITIVE_INFINITY;
    this.#parts.placed(submission);
    failPoint('sbatch.before');
    const answer = await tools.run('sbatch', sbatchWords(submission), `${submission.folder}/job.sh`);
    failPoint('sbatch.after');
    submission.settledFrom = clock.monotonic();
    availability.up('runs folder');
    const id = jobIdOf(answer);
    if (id !== undefined) {
      this.#pauses = 0;
      availability.up('sbatch');
      // What cannot be written down is looked up again.
      await rememberJob(submission, { cluster, id }).catch(() => undefined);
    } else await this.#failed(submission, answer);
    this.#parts.placed(submission);
  }

  async #failed(submission: Submission, answer: ToolAnswer): Promise<void> {
    const { availability } = this.#parts;
    // Found in the queue before its sbatch gave up.
    if (submission.job !== undefined) return;
    // It said that it was done, in words that we do not understand.
    const { kind, message } =
      answer.exitCode === 0
        ? { kind: 'Doubtful' as const, message: `sbatch gave no id: ${answer.stdout.slice(0, 200)}` }
        : submitFailure(answer);
    if (kind === 'Doubtful') {
      availability.down('sbatch', message);
      return this.#pause();
    }
    submission.state = 'Made';
    if (kind === 'Refused') {
      availability.up('sbatch');
      this.#parts.refused(submission.tasks, message);
    } else {
      if (kind === 'Away') availability.down('sbatch', message);
      if (SUBMIT_LIMIT.test(message)) this.#maxElements = Math.max(1, Math.floor(submission.tasks.length / 2));
      this.#giveBack(submission.tasks, submission.directives);
      this.#pause();
    }
    await removeSubmission(submission);
  }

  /** To the front: they came first. */
  #giveBack(tasks: readonly SubmittedTask[], directives: readonly string[]): void {
    const shape = directives.join('\0');
    const others = this.#shapes.get(shape) ?? new Map<string, Waiting>();
    const front = tasks
      .filter(({ token }) => this.#parts.isWanted(token))
      .map(({ token, directory }) => [token, { token, directory, directives }] as const);
    const shapes = [...this.#shapes].filter(([other]) => other !== shape);
    this.#shapes.clear();
    this.#shapes.set(shape, new Map([...front, ...others]));
    for (const [other, waiting] of shapes) this.#shapes.set(other, waiting);
  }

  #pause(): void {
    const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses++);
    this.#pausedUntil = this.#parts.clock.monotonic() + ms;
  }

  /** Slurm answers again. */
  resume(): void {
    if (this.#pauses === 0) return;
    this.#pauses = 0;
    this.#pausedUntil = Math.min(this.#pausedUntil, this.#parts.clock.monotonic() + FIRST_PAUSE_MS);
  }
}

const SUBMIT_LIMIT = /submitjob|job array/i;

/** `ID`, or `ID;CLUSTER`, on the last line: a site's plugin may print before it. */
function jobIdOf({ exitCode, stdout }: ToolAnswer): string | undefined {
  return exitCode === 0 ? /^(\d+)(?:;.*)?$/.exec(stdout.trimEnd().split('\n').at(-1) ?? '')?.[1] : undefined;
}

/** Ours come last: what stands last counts. */
function sbatchWords({ name, folder, tasks, directives }: Submission): string[] {
  // `%` means something in a file's name, unless there is a backslash in it.
  const log = `${folder}/log`;
  return [
    ...directives,
    '--parsable',
    '--no-requeue',
    '--export=NONE',
    `--job-name=${name}`,
    `--comment=${name}`,
    '--chdir=/',
    '--input=/dev/null',
    `--output=${log.includes('\\') ? log : log.replaceAll('%', '%%')}`,
    '--open-mode=append',
    ...(tasks.length > 1 ? [`--array=0-${tasks.length - 1}`] : []),
  ];
}
