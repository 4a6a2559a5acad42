import type { Workflow } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { JournalEntry } from '../planning/journal.ts';
import type { SettledRecord, TaskRecord } from '../planning/record.ts';

/**
 * The store port: resources and the ledger. The embedded home keeps both in SQLite; a cluster home keeps
 * them in the API server (`cluster/`). Every implementation passes `test/contract/store-contract.ts`:
 *
 * 1. A batch is atomic and durable when `commit` resolves; a crash before that leaves all of it or nothing.
 * 2. Versions strictly increase over everything that is written.
 * 3. `records` equals the reduction of the journal's entries, in order.
 * 4. A conditional write whose condition fails writes nothing of its batch.
 * 5. What is forgotten leaves nothing behind, and takes nothing that another workflow's records refer to.
 */
export interface Store {
  commit(batch: Batch): Promise<Committed>;
  /** All that exist, and those deleted whose records are still kept. */
  workflows(): Promise<readonly StoredWorkflow[]>;
  records(workflowUid: string): Promise<readonly TaskRecord[]>;
  /** The same one by one, as far as judging asks. What is committed meanwhile may be among them or not. */
  eachRecord(workflowUid: string): Iterable<TaskRecord | SettledRecord>;
  /** One of them, at once: whoever keeps little of it in memory asks while it judges. */
  record(workflowUid: string, key: string): TaskRecord | undefined;
  journal(query: JournalQuery): Promise<readonly JournalLine[]>;
  preimage(digest: string): Promise<Json | undefined>;
  /** The newest version given out. */
  version(): number;
  close(): Promise<void>;
}

/** The ledger cannot be written now: no room, a disk that fails. Nothing of the batch is in it. */
export class LedgerUnavailable extends Error {}

export interface Batch {
  readonly time: number;
  readonly entries?: readonly { readonly workflow: string; readonly entry: JournalEntry }[];
  readonly workflows?: readonly WorkflowWrite[];
  readonly preimages?: readonly { readonly digest: string; readonly data: Json }[];
  /** Records and journal of a deleted workflow go on under another uid. */
  readonly inherit?: readonly { readonly from: string; readonly to: string }[];
  /** Forget a workflow for good: its records, its journal, and pre-images that only its records referred to. */
  readonly forget?: readonly string[];
}

export interface WorkflowWrite {
  readonly stored: Omit<StoredWorkflow, 'version'>;
  /** Refused with `Conflict` unless the stored version is this; undefined: whatever it is. */
  readonly ifVersion?: number | undefined;
}

export type Committed =
  | { readonly outcome: 'Committed'; readonly version: number; readonly seqs: readonly number[] }
  | { readonly outcome: 'Conflict' };

export interface StoredWorkflow {
  readonly uid: string;
  readonly version: number;
  readonly deletedAt: number | undefined;
  readonly object: Workflow;
  readonly memory: WorkflowMemory;
}

/** What the home must remember of a workflow beside the resource and the records. */
export interface WorkflowMemory {
  /** Text of the sheets that shaped the graph, by absolute path, as read where the document was applied. */
  readonly sheets: { readonly [path: string]: string };
  /** Requests carried out: id → time. */
  readonly requests: { readonly [id: string]: number };
  readonly suspended: boolean;
  /** The generation that a person approved. */
  readonly approvedGeneration: number;
}

export interface JournalQuery {
  readonly workflow?: string;
  readonly after?: number;
  readonly limit: number;
}

export interface JournalLine {
  readonly seq: number;
  readonly time: number;
  readonly workflow: string;
  readonly entry: JournalEntry;
}
