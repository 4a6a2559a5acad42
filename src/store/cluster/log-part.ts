import { fail, ok, type Result } from '../../base/result.ts';
import type { TaskRecord } from '../../planning/record.ts';
import type { JournalLine, WorkflowMemory } from '../store.ts';
import { type LeanRecord, leanRecord, wholeRecord } from './lean-record.ts';
import { unpack } from './packed.ts';

/** Lines of the journal that are kept. What happened before is told by events, and by the records themselves. */
const JOURNAL_LINES = 100;

/** What the home keeps of a workflow beside its records. */
export interface Remembered {
  readonly version: number;
  readonly deletedAt: number | undefined;
  /** Without the sheets, which are with the document. */
  readonly memory: Omit<WorkflowMemory, 'sheets'>;
  /** Digest of the resource as it was last taken in, and of the sheets that shaped it. */
  readonly document: string;
}

interface LogContent {
  /** Who wrote it: two owners never write the same bytes. */
  readonly owner: string;
  /** Those that there were: one that is missing is a loss, not an empty one. */
  readonly shards: readonly string[];
  /** The highest that was given out. */
  readonly version: number;
  readonly remembered: Remembered | null;
  readonly records: readonly { readonly seq: number; readonly record: LeanRecord }[];
  readonly journal: readonly JournalLine[];
}

/** A record as an entry left it. */
export interface Image {
  readonly seq: number;
  readonly record: TaskRecord;
  /** As it is written, made once. */
  readonly json: string;
}

/** What the log of one workflow holds. A value: the next one is made of it and takes its place when it is durable. */
export class LogPart {
  readonly #owner: string;
  /** As it was read. */
  readonly shards: readonly string[];
  readonly version: number;
  readonly remembered: Remembered | undefined;
  readonly images: ReadonlyMap<string, Image>;
  /** Each line as it is written. */
  readonly #journal: readonly (readonly [JournalLine, string])[];

  private constructor(
    owner: string,
    version: number,
    remembered: Remembered | undefined,
    images: ReadonlyMap<string, Image>,
    journal: readonly (readonly [JournalLine, string])[],
    shards: readonly string[] = [],
  ) {
    this.shards = shards;
    this.#owner = owner;
    this.version = version;
    this.remembered = remembered;
    this.images = images;
    this.#journal = journal;
  }

  static readonly EMPTY = new LogPart('', 0, undefined, new Map(), []);

  /** The error ends a sentence that begins with what was read. */
  static read(workflow: string, bytes: Buffer): Result<LogPart, string> {
    const content = unpack(bytes);
    if (!content.ok) return fail(content.error);
    const { owner, version, remembered, records, journal, shards } = content.value as unknown as LogContent;
    const images = records.map(({ seq, record }): [string, Image] => [
      record.key,
      { seq, record: wholeRecord(workflow, record), json: JSON.stringify(record) },
    ]);
    const lines = journal.map((line) => [line, JSON.stringify(line)] as const);
    return ok(new LogPart(owner, version, remembered ?? undefined, new Map(images), lines, shards));
  }

  get journal(): readonly JournalLine[] {
    return this.#journal.map(([line]) => line);
  }

  ownedBy(owner: string): LogPart {
    return new LogPart(owner, this.version, this.remembered, this.images, this.#journal);
  }

  with(
    workflow: string,
    version: number,
    changed: Iterable<readonly [seq: number, record: TaskRecord]>,
    lines: readonly JournalLine[],
    remembered: Remembered | undefined,
  ): LogPart {
    const images = new Map(this.images);
    for (const [seq, record] of changed)
      images.set(record.key, { seq, record, json: JSON.stringify(leanRecord(workflow, record)) });
    const journal = [...this.#journal, ...lines.map((line) => [line, JSON.stringify(line)] as const)];
    return new LogPart(this.#owner, version, remembered ?? this.remembered, images, journal.slice(-JOURNAL_LINES));
  }

  /** Without the records that lie in shards by now. */
  without(folded: Iterable<Image>): LogPart {
    const images = new Map(this.images);
    for (const image of folded) if (images.get(image.record.key) === image) images.delete(image.record.key);
    return new LogPart(this.#owner, this.version, this.remembered, images, this.#journal);
  }

  /** `shards`: the names of those that lie beside it. */
  toJson(shards: readonly string[]): string {
    const records = [...this.images.values()].map(({ seq, json }) => `{"seq":${seq},"record":${json}}`);
    const journal = this.#journal.map(([, json]) => json);
    const remembered = JSON.stringify(this.remembered ?? null);
    return `{"owner":${JSON.stringify(this.#owner)},"shards":${JSON.stringify(shards)},"version":${this.version},"remembered":${remembered},"records":[${records.join(',')}],"journal":[${journal.join(',')}]}`;
  }
}
