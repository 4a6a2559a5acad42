import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import {
  type Attempt,
  capacityKey,
  type Needs,
  type Outcome,
  type OutputRecord,
  type TaskRecord,
  UNMARKED,
} from './record.ts';

/**
 * What stays in memory of a record whose last attempt has succeeded: what judging asks of it. A workflow has as many of these as
 * it has finished tasks, so everything else (times, usage, handle, what identity was made of) stays in the ledger and is read
 * when somebody asks for it. To whoever reads it, it is a record like any other; it is not spread or written as JSON: `RecordBook`
 * has the whole record back before an entry changes it.
 */
export class Shelf {
  readonly #read: ReadRecord;
  /** Who asks for one member asks for others: the last one that was read. */
  #last: { readonly key: string; readonly record: TaskRecord | undefined } | undefined;
  readonly #texts = new Map<string, string>();
  readonly #needs = new Map<string, Needs>();

  constructor(read: ReadRecord) {
    this.#read = read;
  }

  whole(key: string): TaskRecord | undefined {
    if (this.#last?.key !== key) this.#last = { key, record: this.#read(key) };
    return this.#last.record;
  }

  /** What this key has in the ledger is something else now. */
  changed(key: string): void {
    if (this.#last?.key === key) this.#last = undefined;
  }

  /** The same record, as brief as it may be. `outputs` are the task's as it is declared now: texts are shared with them. */
  kept(record: TaskRecord, key: string, outputs: readonly Declared[] = []): TaskRecord {
    return isSettled(record) && !this.isKept(record) ? new KeptRecord(this, record, key, outputs) : record;
  }

  isKept(record: TaskRecord): boolean {
    return record instanceof KeptRecord;
  }

  /** One string for all that are equal; for texts that few tasks have of their own. */
  text(text: string): string {
    return shared(this.#texts, text, text);
  }

  needs(needs: Needs): Needs {
    return shared(this.#needs, `${capacityKey(needs)} ${needs.walltimeMs}`, needs);
  }
}

/** From the ledger, as it was last committed. */
export type ReadRecord = (key: string) => TaskRecord | undefined;

type Declared = { readonly name: string };

const MAX_SHARED = 10_000;

function shared<T>(known: Map<string, T>, name: string, value: T): T {
  const before = known.get(name);
  if (before !== undefined) return before;
  if (known.size >= MAX_SHARED) known.clear();
  known.set(name, value);
  return value;
}

function isSettled(record: TaskRecord): boolean {
  const last = record.attempts.at(-1);
  return last?.outcome?.phase === 'Succeeded' && record.attempts.every((a) => a.state === 'Ended');
}

type Marks = typeof UNMARKED;

function marksOf(record: TaskRecord): Marks {
  const { floor, resetUpTo, forgivenUpTo, cancelled, releasedUpTo, putBack, resetAlsoFor } = record;
  const plain = floor === 0 && resetUpTo === 0 && forgivenUpTo === 0 && releasedUpTo === 0;
  if (plain && cancelled === undefined && putBack === undefined && resetAlsoFor === undefined) return UNMARKED;
  return { floor, resetUpTo, forgivenUpTo, cancelled, releasedUpTo, putBack, resetAlsoFor };
}

class KeptRecord implements TaskRecord {
  readonly key: string;
  /** Mostly there is one, and no list of it. */
  readonly #attempts: KeptAttempt | readonly KeptAttempt[];
  readonly shelf: Shelf;
  readonly #marks: Marks;

  constructor(shelf: Shelf, record: TaskRecord, key: string, outputs: readonly Declared[]) {
    this.shelf = shelf;
    this.key = key;
    this.#marks = marksOf(record);
    const [only] = record.attempts;
    this.#attempts =
      record.attempts.length === 1
        ? new KeptAttempt(this, only as Attempt, outputs)
        : record.attempts.map((a) => new KeptAttempt(this, a, outputs));
  }

  get attempts(): readonly Attempt[] {
    return this.#attempts instanceof KeptAttempt ? [this.#attempts] : this.#attempts;
  }

  get floor(): number {
    return this.#marks.floor;
  }

  get resetUpTo(): number {
    return this.#marks.resetUpTo;
  }

  get forgivenUpTo(): number {
    return this.#marks.forgivenUpTo;
  }

  get cancelled(): TaskRecord['cancelled'] {
    return this.#marks.cancelled;
  }

  get releasedUpTo(): number {
    return this.#marks.releasedUpTo;
  }

  get putBack(): number | undefined {
    return this.#marks.putBack;
  }

  get resetAlsoFor(): string | undefined {
    return this.#marks.resetAlsoFor;
  }
}

/** An attempt that has ended, and its outcome: one object for both. */
class KeptAttempt implements Attempt, Outcome {
  readonly #record: KeptRecord;
  readonly number: number;
  readonly uid: string;
  readonly execution: string;
  readonly needs: Needs;
  readonly phase: Outcome['phase'];
  readonly reason: string;
  readonly elapsedMs: number | undefined;
  /** The same for its outputs. */
  readonly #outputs: OutputRecord | readonly OutputRecord[];
  readonly templateDigest: string;

  constructor(record: KeptRecord, attempt: Attempt, declared: readonly Declared[]) {
    const { shelf } = record;
    const outcome = attempt.outcome as Outcome;
    this.#record = record;
    this.number = attempt.number;
    this.uid = attempt.uid;
    this.execution = attempt.execution;
    this.needs = shelf.needs(attempt.needs);
    this.phase = outcome.phase;
    this.reason = shelf.text(outcome.reason);
    this.elapsedMs = outcome.elapsedMs;
    this.#outputs = keptOutputs(shelf, outcome.outputs, declared);
    this.templateDigest = shelf.text(templateDigestOf(attempt));
  }

  get outputs(): readonly OutputRecord[] {
    return Array.isArray(this.#outputs) ? this.#outputs : [this.#outputs as OutputRecord];
  }

  get state(): 'Ended' {
    return 'Ended';
  }

  get outcome(): Outcome {
    return this;
  }

  get generation(): number {
    return this.#whole?.generation ?? 0;
  }

  get definition(): string {
    return this.#whole?.definition ?? '';
  }

  get handling(): string {
    return this.#whole?.handling ?? '';
  }

  get preimage(): Attempt['preimage'] {
    return this.#whole?.preimage ?? { templateDigest: this.templateDigest, values: {}, code: {} };
  }

  get contributions(): Attempt['contributions'] {
    return this.#whole?.contributions ?? { precise: {}, broad: [] };
  }

  get because(): Attempt['because'] {
    return this.#whole?.because ?? [];
  }

  get backend(): string {
    return this.#whole?.backend ?? '';
  }

  get createTime(): number {
    return this.#whole?.createTime ?? 0;
  }

  get writes(): Attempt['writes'] {
    return this.#whole?.writes ?? [];
  }

  get reads(): Attempt['reads'] {
    return this.#whole?.reads ?? [];
  }

  get handle(): Json | undefined {
    return this.#whole?.handle;
  }

  get directory(): string | undefined {
    return this.#whole?.directory;
  }

  get startTime(): number | undefined {
    return this.#whole?.startTime;
  }

  get message(): string | undefined {
    return this.#whole?.outcome?.message;
  }

  get exitCode(): number | undefined {
    return this.#whole?.outcome?.exitCode;
  }

  get signal(): string | undefined {
    return this.#whole?.outcome?.signal;
  }

  get finishTime(): number {
    return this.#whole?.outcome?.finishTime ?? 0;
  }

  get usage(): Outcome['usage'] {
    return this.#whole?.outcome?.usage;
  }

  /** Undefined: its record was archived, or goes on under another key, since whoever asks has got it. */
  get #whole(): Attempt | undefined {
    const { shelf, key } = this.#record;
    return shelf.whole(key)?.attempts.find((a) => a.uid === this.uid);
  }
}

/** Without reading all of it. */
export function templateDigestOf(attempt: Attempt): string {
  return attempt instanceof KeptAttempt ? attempt.templateDigest : attempt.preimage.templateDigest;
}

function keptOutputs(
  shelf: Shelf,
  outputs: readonly OutputRecord[],
  declared: readonly Declared[],
): OutputRecord | readonly OutputRecord[] {
  if (outputs.length === 0) return NONE;
  const [first] = outputs;
  if (outputs.length === 1) return keptOutput(shelf, first as OutputRecord, declared);
  return outputs.map((output) => keptOutput(shelf, output, declared));
}

function keptOutput(
  shelf: Shelf,
  { name, path, digest, sizeBytes }: OutputRecord,
  declared: readonly Declared[],
): OutputRecord {
  const own = declared.find((o) => o.name === name);
  const kept = { name: own?.name ?? shelf.text(name), path, digest };
  return sizeBytes === undefined ? kept : { ...kept, sizeBytes };
}
