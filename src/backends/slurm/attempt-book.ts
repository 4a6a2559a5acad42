import type { EndReason } from '../../apis/reasons.ts';
import type { SlurmWord } from './judge-attempt.ts';
import type { Submission } from './submission.ts';

/** An attempt that is ours to report on. */
export interface OpenAttempt {
  readonly token: string;
  readonly directory: string;
  readonly graceMs: number;
  /** What it was asked to be submitted with; undefined: an earlier daemon did. */
  readonly directives: readonly string[] | undefined;
  /** What Slurm said last. */
  word: SlurmWord;
  /** Since when it has not been in answers that should show it, and in how many; `siblings`: others of its array were. */
  missing: { readonly since: number; readonly answers: number; readonly siblings: boolean } | undefined;
  /** Monotonic milliseconds: from when on it has looked over. */
  overSince: number | undefined;
  /** The node that has to answer before it is over, and how often it has. */
  askedNode: { readonly name: string; readonly answers: number } | undefined;
  /** Running was reported. */
  started: boolean;
  /** What was reported as unknown. */
  unknown: string | undefined;
  /** Monotonic milliseconds: when its end was last asked for; undefined: never. */
  cancelledAt: number | undefined;
  /** Why its claim was taken. */
  withdrawn: { readonly reason: EndReason | undefined; readonly message: string } | undefined;
  /** Looks asked for and not yet done. */
  looks: number;
}

export function newlyOpen(
  token: string,
  directory: string,
  graceMs: number,
  directives?: readonly string[],
): OpenAttempt {
  return {
    token,
    directory,
    graceMs,
    directives,
    word: { kind: 'Unasked' },
    missing: undefined,
    overSince: undefined,
    askedNode: undefined,
    started: false,
    unknown: undefined,
    cancelledAt: undefined,
    withdrawn: undefined,
    looks: 0,
  };
}

export interface Place {
  readonly submission: Submission;
  readonly index: number;
}

/** Which attempts are open, and where in which submission each is. */
export class AttemptBook {
  readonly open = new Map<string, OpenAttempt>();
  readonly submissions = new Map<string, Submission>();
  /** Over, or withdrawn, and perhaps still in Slurm's queue, where nobody wants them. */
  readonly dropped = new Map<Submission, Set<number>>();
  /** Submitted by an earlier daemon, not known to be over, and nobody has asked about them yet: that is no reason to forget them. */
  readonly unasked = new Set<string>();
  readonly #places = new Map<string, Place>();

  place(token: string): Place | undefined {
    return this.#places.get(token);
  }

  add(submission: Submission): void {
    this.submissions.set(submission.name, submission);
    submission.tasks.forEach(({ token }, index) => {
      this.#places.set(token, { submission, index });
    });
  }

  remove(submission: Submission): void {
    this.submissions.delete(submission.name);
    this.dropped.delete(submission);
    for (const { token } of submission.tasks)
      if (this.#places.get(token)?.submission === submission) this.#places.delete(token);
  }

  /** Somebody wants to hear of it, or may still want to. */
  isWanted(token: string): boolean {
    return this.open.has(token) || this.unasked.has(token);
  }

  drop({ submission, index }: Place): void {
    const indexes = this.dropped.get(submission) ?? new Set<number>();
    this.dropped.set(submission, indexes);
    indexes.add(index);
  }

  /** Elements that Slurm may have. */
  get submitted(): number {
    let count = 0;
    for (const token of this.open.keys()) if (this.#places.has(token)) count++;
    for (const indexes of this.dropped.values()) count += indexes.size;
    return count;
  }
}
