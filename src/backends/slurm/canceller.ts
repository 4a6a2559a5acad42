import type { Clock } from '../../base/clock.ts';
import { failPoint } from '../../base/fail-point.ts';
import { type Rate, TokenBucket } from '../../base/token-bucket.ts';
import { foldIndexes } from './job-indexes.ts';
import type { Submission } from './submission.ts';
import type { Tools } from './tools.ts';

/**
 * Ends elements by exact ids, many in one call. What was asked for is confirmed by what is observed, never by scancel: it
 * says nothing about jobs that it does not know.
 *
 * | what | how |
 * |---|---|
 * | Term | TERM to the runtime alone, which ends its command, waits the grace, and writes its record |
 * | End | Slurm's own cancel: what has not started never will; what runs gets TERM, and KILL after `KillWait` |
 */
export type CancelKind = 'Term' | 'End';

/** Ids of one call: an array's are folded into one word. */
const MAX_WORDS = 500;

export class Canceller {
  readonly #tools: Tools;
  readonly #bucket: TokenBucket;
  readonly #wanted: Readonly<Record<CancelKind, Map<Submission, Set<number>>>> = { Term: new Map(), End: new Map() };
  /** Whole jobs, by id: doubles of a submission. */
  readonly #doubles = new Set<string>();
  #busy = false;

  constructor(tools: Tools, clock: Clock, rate: Rate) {
    this.#tools = tools;
    this.#bucket = new TokenBucket(rate, clock);
  }

  add(kind: CancelKind, submission: Submission, index: number): void {
    const indexes = this.#wanted[kind].get(submission) ?? new Set<number>();
    this.#wanted[kind].set(submission, indexes);
    indexes.add(index);
  }

  addDouble(jobId: string): void {
    this.#doubles.add(jobId);
  }

  /** Something of this submission is still to be told to Slurm. */
  wants(submission: Submission): boolean {
    return this.#wanted.Term.has(submission) || this.#wanted.End.has(submission);
  }

  get waits(): boolean {
    return this.#wanted.Term.size > 0 || this.#wanted.End.size > 0 || this.#doubles.size > 0;
  }

  /** `isSeen`: Slurm has shown this job under our name, so the id is really its. What has no job any more is forgotten. */
  async cancelOne(isSeen: (submission: Submission) => boolean): Promise<void> {
    if (this.#busy || this.#bucket.waitMs() > 0) return;
    this.#busy = true;
    try {
      for (const kind of ['Term', 'End'] as const) {
        if (this.#bucket.waitMs() > 0) return;
        const words = kind === 'End' ? [...this.#doubles] : [];
        if (kind === 'End') this.#doubles.clear();
        for (const [submission, indexes] of this.#wanted[kind]) {
          if (words.length >= MAX_WORDS) break;
          if (submission.job === undefined || !isSeen(submission)) continue;
          this.#wanted[kind].delete(submission);
          words.push(wordOf(submission, indexes));
        }
        if (words.length === 0) continue;
        this.#bucket.spend();
        failPoint('scancel.before');
        await this.#tools.run('scancel', kind === 'Term' ? ['--batch', '--signal=TERM', ...words] : words);
        failPoint('scancel.after');
      }
    } finally {
      this.#busy = false;
    }
  }

  forget(submission: Submission): void {
    this.#wanted.Term.delete(submission);
    this.#wanted.End.delete(submission);
  }
}

function wordOf({ job, tasks }: Submission, indexes: ReadonlySet<number>): string {
  const id = job?.id ?? '';
  return tasks.length === 1 ? id : `${id}_[${foldIndexes(indexes)}]`;
}
