import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Availability } from './availability.ts';
import type { Capabilities } from './capabilities.ts';
import { answeringNodes } from './node-states.ts';
import { type JobsByName, parseSacct, parseSqueue, SACCT_FORMAT, SQUEUE_FORMAT } from './queue-rows.ts';
import { isSubmissionName, type Submission } from './submission.ts';
import { slurmWords } from './tool-failure.ts';
import type { Tools } from './tools.ts';

/**
 * Asks Slurm, and keeps the load small: one squeue for all jobs of ours, however many there are; sacct only about what
 * squeue does not show, many at a time, and scontrol only about nodes that must be asked. All of them count in one bucket.
 */
export interface QueueWatchParts {
  readonly tools: Tools;
  readonly clock: Clock;
  readonly availability: Availability;
}

/** Six a minute on average; after a quiet time some more, so that a single task is not kept waiting. */
const QUERY_RATE = { perSecond: 0.1, burst: 10 };
/** Ids and names of one sacct: each is some twenty characters of the command line. */
const SACCT_BATCH = 200;
const MAX_NODES = 100;
/** Clocks of two hosts may differ: sacct is asked from so long before a submission. */
const ACCOUNTING_MARGIN_MIN = 24 * 60;

export class QueueWatch {
  readonly #parts: QueueWatchParts;
  readonly #bucket: TokenBucket;
  /** Consecutive failures of squeue. */
  failures = 0;

  constructor(parts: QueueWatchParts) {
    this.#parts = parts;
    this.#bucket = new TokenBucket(QUERY_RATE, parts.clock);
  }

  /** How long until a question may be asked. */
  waitMs(): number {
    return this.#bucket.waitMs();
  }

  /** Everything of ours, with what ended within `MinJobAge`. Undefined: nobody answered, and nothing is known. */
  async queue(): Promise<JobsByName | undefined> {
    this.#bucket.spend();
    const words = ['--noheader', '--me', '--states=all', `--format=${SQUEUE_FORMAT}`];
    const answer = await this.#ask('squeue', words);
    this.failures = answer === undefined ? this.failures + 1 : 0;
    return answer === undefined ? undefined : parseSqueue(answer, isSubmissionName);
  }

  /** What accounting says of these submissions; undefined: it does not answer. Without accounting: nothing is known there. */
  async accounting(
    submissions: readonly Submission[],
    { accounting }: Pick<Capabilities, 'accounting'>,
  ): Promise<JobsByName | undefined> {
    if (!accounting || submissions.length === 0) return new Map();
    const some = submissions.slice(0, SACCT_BATCH);
    this.#bucket.spend();
    const oldest = Math.min(...some.map(({ createTime }) => createTime));
    const minutes = Math.ceil(Math.max(0, this.#parts.clock.now() - oldest) / 60_000) + ACCOUNTING_MARGIN_MIN;
    const answer = await this.#ask('sacct', [
      '--noheader',
      '--parsable2',
      '--allocations',
      `--format=${SACCT_FORMAT}`,
      `--starttime=now-${minutes}minutes`,
      '--endtime=now',
      `--name=${some.map(({ name }) => name).join(',')}`,
    ]);
    return answer === undefined ? undefined : parseSacct(answer, isSubmissionName);
  }

  /** Which of these nodes answer the controller. None where it does not answer itself. */
  async nodes(names: readonly string[]): Promise<ReadonlySet<string>> {
    const known = names.filter((name) => /^[\w.-]+$/.test(name)).slice(0, MAX_NODES);
    if (known.length === 0) return new Set();
    this.#bucket.spend();
    const answer = await this.#ask('scontrol', ['-o', 'show', 'node', known.join(',')]);
    return answer === undefined ? new Set() : answeringNodes(answer);
  }

  async #ask(tool: 'squeue' | 'sacct' | 'scontrol', words: readonly string[]): Promise<string | undefined> {
    const { tools, availability } = this.#parts;
    const answer = await tools.run(tool, words);
    if (answer.exitCode === 0) {
      availability.up(tool);
      return answer.stdout;
    }
    availability.down(tool, slurmWords(answer));
    return undefined;
  }
}
