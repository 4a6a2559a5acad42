import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import type { GraphOutput } from '../graph/graph.ts';
import {
  type Attempt,
  capacityKey,
  isSettled,
  type Needs,
  type Outcome,
  type OutputRecord,
  type SettledAttempt,
  type SettledRecord,
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
  readonly #kinds = new Map<string, Kind>();

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

  /** The same record, as brief as it may be. `outputs` are the task's as it is declared now: what they say is not kept twice. */
  kept(record: TaskRecord, key: string, outputs: readonly Declared[] = NONE): TaskRecord {
    return isSettled(record) && !this.isKept(record) ? this.settled(record, key, outputs) : record;
  }

  /** From what the ledger keeps apart for this. */
  settled(record: Settled, key: string, outputs: readonly Declared[] = NONE): TaskRecord {
    const marks = marksOf(record);
    const [first, ...more] = record.attempts as readonly [SettledAttempt, ...SettledAttempt[]];
    if (more.length === 0) return new KeptResult(this.#kind(first, marks), key, first, outputs);
    const attempts = record.attempts.map((a) => new KeptAttempt(this.#kind(a, marks), key, a, outputs));
    return new KeptRecord((attempts[0] as KeptAttempt).kind, key, attempts);
  }

  isKept(record: TaskRecord): boolean {
    return record instanceof KeptResult || record instanceof KeptRecord;
  }

  #kind(attempt: SettledAttempt, marks: Marks): Kind {
    const { number, needs } = attempt;
    const { phase, reason } = attempt.outcome;
    const templateDigest = templateDigestOf(attempt);
    const kind = { shelf: this, marks, number, needs, phase, reason, templateDigest };
    // What was marked by hand is rare, and no two of them need be alike.
    if (marks !== UNMARKED) return kind;
    const name = `${number} ${phase} ${reason} ${capacityKey(needs)} ${needs.walltimeMs} ${templateDigest}`;
    const known = this.#kinds.get(name);
    if (known) return known;
    if (this.#kinds.size >= MAX_KINDS) this.#kinds.clear();
    this.#kinds.set(name, kind);
    return kind;
  }
}

/** From the ledger, as it was last committed. */
export type ReadRecord = (key: string) => TaskRecord | undefined;

type Settled = Omit<SettledRecord, 'settled'>;
type Declared = Pick<GraphOutput, 'name' | 'relative'>;

/** What many attempts have in common, once for all of them. */
interface Kind {
  readonly shelf: Shelf;
  readonly marks: Marks;
  readonly number: number;
  readonly needs: Needs;
  readonly phase: Outcome['phase'];
  readonly reason: string;
  readonly templateDigest: string;
}

const MAX_KINDS = 10_000;

type Marks = typeof UNMARKED;

function marksOf(record: Marks): Marks {
  const { floor, resetUpTo, forgivenUpTo, cancelled, releasedUpTo, putBack, resetAlsoFor } = record;
  const plain = floor === 0 && resetUpTo === 0 && forgivenUpTo === 0 && releasedUpTo === 0;
  if (plain && cancelled === undefined && putBack === undefined && resetAlsoFor === undefined) return UNMARKED;
  return { floor, resetUpTo, forgivenUpTo, cancelled, releasedUpTo, putBack, resetAlsoFor };
}

/** What there is of every record, under the key it had. */
abstract class Kept {
  readonly kind: Kind;
  readonly key: string;

  constructor(kind: Kind, key: string) {
    this.kind = kind;
    this.key = key;
  }

  get floor(): number {
    return this.kind.marks.floor;
  }

  get resetUpTo(): number {
    return this.kind.marks.resetUpTo;
  }

  get forgivenUpTo(): number {
    return this.kind.marks.forgivenUpTo;
  }

  get cancelled(): TaskRecord['cancelled'] {
    return this.kind.marks.cancelled;
  }

  get releasedUpTo(): number {
    return this.kind.marks.releasedUpTo;
  }

  get putBack(): number | undefined {
    return this.kind.marks.putBack;
  }

  get resetAlsoFor(): string | undefined {
    return this.kind.marks.resetAlsoFor;
  }
}

/** A record of several attempts. */
class KeptRecord extends Kept implements TaskRecord {
  readonly attempts: readonly KeptAttempt[];

  constructor(kind: Kind, key: string, attempts: readonly KeptAttempt[]) {
    super(kind, key);
    this.attempts = attempts;
  }
}

/** An attempt that has ended, and its outcome: one object for both. */
class KeptAttempt extends Kept implements Attempt, Outcome {
  readonly uid: string;
  readonly execution: string;
  readonly elapsedMs: number | undefined;
  /** One that lies where the task declares it now, as mostly all do, has only its digest here. */
  readonly #outputs: Declared | readonly OutputRecord[];
  readonly #digest: string | undefined;
  readonly #sizeBytes: number | undefined;

  constructor(kind: Kind, key: string, attempt: SettledAttempt, declared: readonly Declared[]) {
    super(kind, key);
    const { elapsedMs, outputs } = attempt.outcome;
    this.uid = attempt.uid;
    this.execution = attempt.execution;
    this.elapsedMs = elapsedMs;
    const [only] = outputs;
    const own =
      outputs.length === 1 ? declared.find((o) => o.name === only?.name && o.relative === only.path) : undefined;
    this.#outputs = own ?? (outputs.length === 0 ? NONE : outputs.map(plainOutput));
    this.#digest = own && only?.digest;
    this.#sizeBytes = own && only?.sizeBytes;
  }

  get outputs(): readonly OutputRecord[] {
    const own = this.#outputs;
    if (!('relative' in own)) return own;
    return [{ name: own.name, path: own.relative, digest: this.#digest as string, sizeBytes: this.#sizeBytes }];
  }

  get number(): number {
    return this.kind.number;
  }

  get needs(): Needs {
    return this.kind.needs;
  }

  get phase(): Outcome['phase'] {
    return this.kind.phase;
  }

  get reason(): string {
    return this.kind.reason;
  }

  get templateDigest(): string {
    return this.kind.templateDigest;
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
    return this.kind.shelf.whole(this.key)?.attempts.find((a) => a.uid === this.uid);
  }
}

/** A record of one attempt, as mostly all are: one object for record, attempt and outcome. */
class KeptResult extends KeptAttempt implements TaskRecord {
  get attempts(): readonly Attempt[] {
    return [this];
  }
}

/** Without reading all of it. */
export function templateDigestOf(attempt: Pick<Attempt, 'preimage'> | SettledAttempt): string {
  return attempt instanceof KeptAttempt ? attempt.templateDigest : attempt.preimage.templateDigest;
}

/** Written out: a copy made by spreading takes several times the memory. */
function plainOutput({ name, path, digest, sizeBytes }: OutputRecord): OutputRecord {
  return { name, path, digest, sizeBytes };
}
