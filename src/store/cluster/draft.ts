import type { Workflow } from '../../apis/workflow.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { isTaskEntry, type JournalEntry, type Records, reduce, type TaskEntry } from '../../planning/journal.ts';
import type { TaskRecord } from '../../planning/record.ts';
import type { JournalLine, StoredWorkflow, WorkflowMemory } from '../store.ts';
import type { Remembered } from './log-part.ts';

/** What is to be committed of one workflow, all of it or nothing. */
export interface Change {
  readonly time: number;
  readonly entries: readonly JournalEntry[];
  readonly templates: readonly { readonly digest: string; readonly data: Json }[];
  readonly workflow: Omit<StoredWorkflow, 'version'> | undefined;
  /** `Conflict` unless what is remembered of the workflow has this version; 0: nothing is. Undefined: whatever it is. */
  readonly ifVersion: number | undefined;
}

export type Written =
  | { readonly outcome: 'Committed'; readonly version: number; readonly seqs: readonly number[] }
  | { readonly outcome: 'Conflict' };

/** What many records refer to, by digest. */
export interface Shared {
  readonly templates: { readonly [digest: string]: Json };
  readonly documents: { readonly [digest: string]: SharedDocument };
}

/** What a workflow is made of, as it was taken in. Its status follows from the rest. */
export interface SharedDocument {
  readonly object: Omit<Workflow, 'status'>;
  readonly sheets: WorkflowMemory['sheets'];
}

export const NOTHING_SHARED: Shared = { templates: {}, documents: {} };

/** What is durable already. */
interface Base {
  readonly record: (key: string) => TaskRecord | undefined;
  readonly version: number;
  readonly remembered: Remembered | undefined;
  readonly shared: Shared;
}

/** Changes that become durable together, each seeing those before it. */
export class Draft {
  readonly records = new Map<string, readonly [seq: number, record: TaskRecord]>();
  readonly lines: JournalLine[] = [];
  version: number;
  remembered: Remembered | undefined;
  shared: Shared;
  readonly #workflow: string;
  readonly #nextVersion: (by: 1 | 2) => number;
  readonly #base: Base;

  constructor(workflow: string, nextVersion: (by: 1 | 2) => number, base: Base) {
    this.#workflow = workflow;
    this.#nextVersion = nextVersion;
    this.#base = base;
    this.version = base.version;
    this.remembered = base.remembered;
    this.shared = base.shared;
  }

  get isEmpty(): boolean {
    return this.version === this.#base.version && this.shared === this.#base.shared;
  }

  add({ time, entries, templates, workflow, ifVersion }: Change): Written {
    if (ifVersion !== undefined && (this.remembered?.version ?? 0) !== ifVersion) return { outcome: 'Conflict' };
    for (const { digest, data } of templates)
      if (!Object.hasOwn(this.shared.templates, digest))
        this.shared = { ...this.shared, templates: { ...this.shared.templates, [digest]: data } };
    const seqs = entries.map((entry) => this.#append(time, entry));
    if (workflow) this.#remember(workflow);
    return { outcome: 'Committed', version: this.version, seqs };
  }

  #append(time: number, entry: JournalEntry): number {
    // The end of a short attempt tells its start, too: two events, so two versions.
    const seq = this.#nextVersion(entry.type === 'AttemptEnded' && entry.start ? 2 : 1);
    this.version = seq;
    this.lines.push({ seq, time, workflow: this.#workflow, entry });
    if (isTaskEntry(entry)) this.#reduce(seq, entry);
    return seq;
  }

  #reduce(seq: number, entry: TaskEntry): void {
    const records: Records = new Map();
    for (const key of entry.type === 'TaskMoved' ? [entry.task, entry.to] : [entry.task]) {
      const record = this.records.get(key)?.[1] ?? this.#base.record(key);
      if (record) records.set(key, record);
    }
    reduce(records, entry);
    for (const record of records.values()) this.records.set(record.key, [seq, record]);
  }

  #remember({ deletedAt, object: shown, memory: shaped }: Omit<StoredWorkflow, 'version'>): void {
    const { status: _, ...object } = shown;
    const { sheets, ...memory } = shaped;
    this.version = this.#nextVersion(1);
    const document: SharedDocument = { object, sheets };
    const digest = digestOf(document as unknown as Json);
    if (!Object.hasOwn(this.shared.documents, digest)) {
      // What is durable refers to one of them until something else is.
      const { documents } = this.#base.shared;
      const before = this.#base.remembered?.document ?? '';
      const kept = Object.hasOwn(documents, before) ? { [before]: documents[before] as SharedDocument } : {};
      this.shared = { ...this.shared, documents: { ...kept, [digest]: document } };
    }
    this.remembered = { version: this.version, deletedAt, memory, document: digest };
  }
}
