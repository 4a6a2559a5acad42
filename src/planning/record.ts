import type { Because } from '../apis/task-view.ts';
import type { Json } from '../base/json.ts';

/**
 * The recorded state: what the ledger knows of one task. It is a projection of the journal (`journal.ts`) and
 * the only memory that convergence has.
 */
export interface TaskRecord {
  readonly key: string;
  /** Oldest first, numbers strictly increasing, never reused. */
  readonly attempts: readonly Attempt[];
  /** Numbers up to this one have been used under this key, also by attempts that the record no longer holds. */
  readonly floor: number;
  /** Results of attempts up to this number do not stand (a reset). */
  readonly resetUpTo: number;
  /** Failures of attempts up to this number do not count (a retry, a reset). */
  readonly forgivenUpTo: number;
  /** A cancel asked for by a person; holds until a retry, a reset or a change of the task. */
  readonly cancelled: { readonly request: string; readonly execution: string | undefined } | undefined;
  /** Attempts up to this number count as over although nobody could confirm it (`retry --force`). */
  readonly releasedUpTo: number;
  /**
   * The result whose outputs were last to be put back, if that was after the last attempt was intended. Durable before a
   * file moves, so that a crash half-way is known for what it is. `NONE_PUT_BACK`: all were to be moved aside.
   */
  readonly putBack: number | undefined;
  /** The definition for which `resetAlso` has been carried out. */
  readonly resetAlsoFor: string | undefined;
}

/**
 * | state | meaning | next |
 * |---|---|---|
 * | Intended | durable before anything was started | Started, Ended |
 * | Started | something claimed it | Ended |
 * | Ended | its outcome is durable; it never changes again | |
 */
export type AttemptState = 'Intended' | 'Started' | 'Ended';

export interface Attempt {
  readonly number: number;
  /** The token. Unique for ever. */
  readonly uid: string;
  readonly state: AttemptState;
  readonly generation: number;
  readonly definition: string;
  readonly execution: string;
  /** Digest of the task's resources, retry rules and backend when it was started. */
  readonly handling: string;
  readonly preimage: { readonly templateDigest: string; readonly values: Json; readonly code: Json };
  readonly contributions: Contributions;
  readonly because: readonly Because[];
  readonly needs: Needs;
  readonly backend: string;
  readonly createTime: number;
  /** Its declared outputs, as they were when it was started: the spec may change meanwhile. */
  readonly writes: readonly { readonly name: string; readonly path: string; readonly lookId: string }[];
  /**
   * What it reads, by name of the look: `inputs.NAME`, in the order of its paths, and outputs that its command mentions.
   * Frozen like `writes`: a later spec may read other files, what runs still reads these. Undefined: it was started by a version
   * that did not note them.
   */
  readonly reads?: readonly { readonly slot: string; readonly looks: readonly string[] }[] | undefined;
  readonly handle?: Json | undefined;
  readonly directory?: string | undefined;
  readonly startTime?: number | undefined;
  readonly outcome?: Outcome | undefined;
}

/**
 * What judging asks of a record whose attempts have ended, the last one with success. There are as many as finished tasks: whoever
 * asks for the rest reads it.
 */
export interface SettledRecord extends Omit<TaskRecord, 'attempts'> {
  readonly settled: true;
  readonly attempts: readonly SettledAttempt[];
}

export interface SettledAttempt extends Pick<Attempt, 'number' | 'uid' | 'state' | 'execution' | 'needs' | 'writes'> {
  readonly preimage: Pick<Attempt['preimage'], 'templateDigest'>;
  readonly outcome: Pick<Outcome, 'phase' | 'reason' | 'elapsedMs' | 'outputs'>;
}

/** Its record may be kept brief: what is left to ask of it the ledger knows. */
export function isSettled(record: TaskRecord): record is TaskRecord & { readonly attempts: readonly EndedAttempt[] } {
  const last = record.attempts.at(-1);
  return last?.outcome?.phase === 'Succeeded' && record.attempts.every((a) => a.state === 'Ended');
}

export type EndedAttempt = Attempt & { readonly outcome: Outcome };

/** In `reads`, for a path that the task does not read: whoever should have made it made nothing. */
export const UNREAD = '';

export interface Needs {
  /** Cores; a fraction is allowed. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly gpu: number;
  /** 0: no limit. */
  readonly walltimeMs: number;
}

export interface Outcome {
  readonly phase: 'Succeeded' | 'Failed' | 'Cancelled';
  readonly reason: string;
  readonly message?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly finishTime: number;
  /** How long it ran, by the monotonic clock of where it ran. */
  readonly elapsedMs?: number | undefined;
  readonly usage?: Usage | undefined;
  /** Declared outputs as the attempt runtime stamped them. What it did not stamp is not there. */
  readonly outputs: readonly OutputRecord[];
}

export interface Usage {
  readonly cpuSeconds?: number | undefined;
  readonly cpuSource?: string | undefined;
  readonly maxRssBytes?: number | undefined;
  readonly maxRssSource?: string | undefined;
}

export interface OutputRecord {
  readonly name: string;
  /** Relative to the workflow's working directory where it lies inside; a pattern for a glob. */
  readonly path: string;
  /** `absent` for an optional output that was not made. */
  readonly digest: string;
  readonly sizeBytes?: number | undefined;
}

/**
 * What the edges contributed to the execution key, by name, so that `explain` can say which one differs.
 * Names of slots and inputs are the task's own, never those of other tasks: a rename upstream changes nothing.
 */
export interface Contributions {
  /** `inputs.NAME` and mention slots → digests or values, in order. */
  readonly precise: { readonly [slot: string]: readonly string[] };
  /** Attempt uids of `dependsOn`, sorted. */
  readonly broad: readonly string[];
}

/** In `putBack`: a number that no attempt has. */
export const NONE_PUT_BACK = 0;

/** Of a record whose task nobody has asked anything of. */
export const UNMARKED: Omit<TaskRecord, 'key' | 'attempts'> = {
  floor: 0,
  resetUpTo: 0,
  forgivenUpTo: 0,
  cancelled: undefined,
  releasedUpTo: 0,
  putBack: undefined,
  resetAlsoFor: undefined,
};

export function emptyRecord(key: string): TaskRecord {
  return { key, attempts: [], ...UNMARKED };
}

/** Equal for those that take the same of a backend's capacity. */
export function capacityKey({ cpu, memoryBytes, gpu }: Omit<Needs, 'walltimeMs'>): string {
  return `${cpu} ${memoryBytes} ${gpu}`;
}

export function lastAttempt(record: TaskRecord | undefined): Attempt | undefined {
  return record?.attempts[record.attempts.length - 1];
}

/** The next attempt's number: never one that was used under this key, or its token would come up twice. */
export function nextNumber(record: TaskRecord | undefined): number {
  return Math.max(record?.floor ?? 0, lastAttempt(record)?.number ?? 0) + 1;
}

/** The attempt that may still be alive: at most one, always the last. */
export function liveAttempt(record: TaskRecord | undefined): Attempt | undefined {
  const last = lastAttempt(record);
  return last && last.state !== 'Ended' && last.number > (record as TaskRecord).releasedUpTo ? last : undefined;
}

/** The newest success with this execution key that no reset has forgotten: the candidate for standing. */
export function successWith(record: TaskRecord | undefined, execution: string): Attempt | undefined {
  return record?.attempts.findLast(
    (a) => a.number > record.resetUpTo && a.execution === execution && a.outcome?.phase === 'Succeeded',
  );
}

/** What this attempt has recorded of an output, as the task declares it: the same name at the same place. */
export function recordedOutput(
  attempt: Attempt | undefined,
  { name, relative }: { readonly name: string; readonly relative: string },
): OutputRecord | undefined {
  return attempt?.outcome?.outputs.find((o) => o.name === name && o.path === relative);
}

/** The newest result that has this output with these bytes. */
export function attemptThatMade(
  record: TaskRecord | undefined,
  { name, path }: Pick<OutputRecord, 'name' | 'path'>,
  digest: string | undefined,
): Attempt | undefined {
  return record?.attempts.findLast((a) =>
    a.outcome?.outputs.some((o) => o.name === name && o.path === path && o.digest === digest),
  );
}

/**
 * Whose output lies at a path: the newest result with these bytes, or whoever started last. `digest`: what was seen there.
 */
export function outputOwner(
  record: TaskRecord | undefined,
  output: Pick<OutputRecord, 'name' | 'path'>,
  digest: string | undefined,
): Attempt | undefined {
  return attemptThatMade(record, output, digest) ?? record?.attempts.findLast((a) => a.startTime !== undefined);
}

/** The newest success that no reset has forgotten: what a task last made. */
export function lastSuccess<
  A extends Pick<Attempt, 'number'> & { readonly outcome?: Pick<Outcome, 'phase'> | undefined },
>(record: { readonly attempts: readonly A[]; readonly resetUpTo: number } | undefined): A | undefined {
  if (!record) return undefined;
  for (let i = record.attempts.length - 1; i >= 0; i--) {
    const attempt = record.attempts[i] as A;
    if (attempt.number <= record.resetUpTo) return undefined;
    if (attempt.outcome?.phase === 'Succeeded') return attempt;
  }
  return undefined;
}
