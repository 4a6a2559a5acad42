import type { AttemptBook, OpenAttempt } from './attempt-book.ts';
import type { Canceller } from './canceller.ts';
import type { JobRows, JobsByName } from './queue-rows.ts';
import { phaseOf } from './states.ts';
import { rememberJob, type SlurmJob, type Submission } from './submission.ts';

/**
 * What one answer of squeue, and one of sacct behind it, mean for submissions and open attempts. Only what was answered
 * counts: a failed question forgets what seemed to be missing (`forgetAbsences`).
 *
 * | submission | in the answer | then |
 * |---|---|---|
 * | Submitted | its id under its name | elements have their states; other ids under its name are doubles, which end |
 * | Submitted | another id under its name | that is its job now: Slurm had forgotten the first |
 * | Doubtful | ids under its name | the oldest is its job |
 * | Doubtful | nothing, often and long enough, in accounting neither | it surely came to nothing: submitted again |
 */

/** A request that was sent may lie in the socket of a busy controller: it is gone when the controller has answered for so long. */
const DOUBT_MS = 30_000;
/** An element that was in no answer for so long is looked for in accounting. */
const MISSING_MS = 15_000;
/** Accounting may count what the controller forgot as running for ever. */
const STALE_MS = 120_000;
const MIN_ANSWERS = 2;

interface Absence {
  readonly since: number;
  readonly answers: number;
}

export class QueueRound {
  readonly #book: AttemptBook;
  readonly #canceller: Canceller;
  readonly #cluster: () => string;
  readonly #repeat: (submission: Submission) => Promise<void>;
  readonly #absent = new Map<Submission, Absence>();
  /** Submissions that the last answer showed under their name and id. */
  #seen: ReadonlySet<Submission> = new Set();

  constructor(
    book: AttemptBook,
    canceller: Canceller,
    cluster: () => string,
    repeat: (submission: Submission) => Promise<void>,
  ) {
    this.#book = book;
    this.#canceller = canceller;
    this.#cluster = cluster;
    this.#repeat = repeat;
  }

  isSeen(submission: Submission): boolean {
    return this.#seen.has(submission);
  }

  /** Nobody answered: what is absent must be absent anew. */
  forgetAbsences(): void {
    this.#absent.clear();
    for (const open of this.#book.open.values()) open.missing = undefined;
  }

  /** Gives the submissions that accounting has to be asked about, and those with nothing left in the queue that anybody wants. */
  async apply(
    jobs: JobsByName,
    now: number,
  ): Promise<{ readonly unclear: readonly Submission[]; readonly idle: readonly Submission[] }> {
    const seen = new Set<Submission>();
    const unclear: Submission[] = [];
    const idle: Submission[] = [];
    for (const submission of this.#book.submissions.values()) {
      const ids = jobs.get(submission.name);
      const rows = await this.#rowsOf(submission, ids);
      if (rows !== undefined) seen.add(submission);
      const wanted = submission.tasks.some(({ token }) => this.#book.isWanted(token));
      this.#endDropped(submission, rows);
      if (submission.state === 'Doubtful' && this.#isAbsent(submission, now)) unclear.push(submission);
      if (submission.state === 'Submitted' && this.#tell(submission, rows, now)) unclear.push(submission);
      if (!wanted && submission.state === 'Submitted' && !this.#book.dropped.has(submission)) idle.push(submission);
    }
    this.#seen = seen;
    return { unclear, idle };
  }

  /** The rows of its job; which one that is may become known here. */
  async #rowsOf(submission: Submission, ids: ReadonlyMap<string, JobRows> | undefined): Promise<JobRows | undefined> {
    if (ids === undefined) return undefined;
    this.#absent.delete(submission);
    const oldest = [...ids.keys()].sort((a, b) => Number(a) - Number(b))[0] as string;
    const id = submission.job !== undefined && ids.has(submission.job.id) ? submission.job.id : oldest;
    if (submission.state === 'Made') return undefined;
    if (submission.job?.id !== id) await this.#adopt(submission, { cluster: this.#cluster(), id });
    for (const other of ids.keys())
      if (other !== id && isLive(ids.get(other), submission)) this.#canceller.addDouble(other);
    return ids.get(id);
  }

  async #adopt(submission: Submission, job: SlurmJob): Promise<void> {
    // Not written down: it is looked up by its name again.
    await rememberJob(submission, job).catch(() => undefined);
    submission.job = job;
    submission.state = 'Submitted';
  }

  #isAbsent(submission: Submission, now: number): boolean {
    if (now < submission.settledFrom) return false;
    const before = this.#absent.get(submission);
    const absence = { since: before?.since ?? now, answers: (before?.answers ?? 0) + 1 };
    this.#absent.set(submission, absence);
    return absence.answers >= MIN_ANSWERS && now - absence.since >= DOUBT_MS;
  }

  /** True: some of its elements were missing for so long that accounting has to be asked. */
  #tell(submission: Submission, rows: JobRows | undefined, now: number): boolean {
    let unclear = false;
    submission.tasks.forEach(({ token }, index) => {
      const open = this.#book.open.get(token);
      if (!open) return;
      const row = rows?.of(index);
      if (row) {
        open.missing = undefined;
        // It was found there before, and accounting knows no better than the queue.
        open.word = { kind: 'Says', ...row };
        return;
      }
      const { since = now, answers = 0, siblings = false } = open.missing ?? {};
      open.missing = { since, answers: answers + 1, siblings: siblings || rows !== undefined };
      const isOver = open.word.kind === 'Says' && phaseOf(open.word.state).phase === 'Over';
      if (!isOver && open.missing.answers >= MIN_ANSWERS && now - since >= MISSING_MS) unclear = true;
    });
    return unclear;
  }

  /** What nobody wants is ended until it is not in the queue. */
  #endDropped(submission: Submission, rows: JobRows | undefined): void {
    const dropped = this.#book.dropped.get(submission);
    if (dropped === undefined || submission.state !== 'Submitted') return;
    for (const index of dropped) {
      const row = rows?.of(index);
      if (row && phaseOf(row.state).phase !== 'Over') this.#canceller.add('End', submission, index);
      else dropped.delete(index);
    }
    if (dropped.size === 0) this.#book.dropped.delete(submission);
  }

  /** `said`: what accounting knows of these submissions. Without accounting that is nothing. */
  async applyAccounting(unclear: readonly Submission[], said: JobsByName, now: number): Promise<void> {
    for (const submission of unclear) {
      const ids = said.get(submission.name);
      const known = [...(ids?.keys() ?? [])].sort((a, b) => Number(a) - Number(b));
      if (submission.state === 'Doubtful') {
        this.#absent.delete(submission);
        if (known[0] !== undefined) await this.#adopt(submission, { cluster: this.#cluster(), id: known[0] });
        else await this.#repeat(submission);
        continue;
      }
      const rows = ids?.get(submission.job?.id ?? '');
      submission.tasks.forEach(({ token }, index) => {
        const open = this.#book.open.get(token);
        if (open?.missing) this.#explain(open, rows, index, now);
      });
    }
  }

  #explain(open: OpenAttempt, rows: JobRows | undefined, index: number, now: number): void {
    const { since, siblings } = open.missing as NonNullable<OpenAttempt['missing']>;
    if (now - since < MISSING_MS) return;
    const row = rows?.of(index);
    if (row && phaseOf(row.state).phase === 'Over') open.word = { kind: 'Says', ...row };
    // What accounting has not heard the end of may still be on its way to it.
    else if (!row || now - since >= STALE_MS)
      open.word = { kind: 'Forgotten', siblings: !row && (siblings || rows !== undefined) };
  }
}

function isLive(rows: JobRows | undefined, { tasks }: Submission): boolean {
  return tasks.some((_, index) => {
    const row = rows?.of(index);
    return row !== undefined && phaseOf(row.state).phase !== 'Over';
  });
}
