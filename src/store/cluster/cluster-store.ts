import type { Workflow } from '../../apis/workflow.ts';
import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import { ok, type Result } from '../../base/result.ts';
import type { JournalEntry } from '../../planning/journal.ts';
import type { TaskRecord } from '../../planning/record.ts';
import {
  type Batch,
  type Committed,
  type JournalLine,
  type JournalQuery,
  LedgerUnavailable,
  type Store,
  type StoredWorkflow,
} from '../store.ts';
import type { Change } from './draft.ts';
import type { LedgerParts } from './ledger-parts.ts';
import { type LedgerOptions, WorkflowLedger } from './workflow-ledger.ts';

/** The Workflow resources themselves: the spec is their users', the status ours. */
export interface WorkflowObjects {
  list(): Promise<Result<readonly Workflow[], string>>;
  /** This is its status now. What cannot be written is written later: it follows from the ledger. */
  show(object: Workflow): void;
}

export interface ClusterStoreOptions extends Pick<LedgerOptions, 'pause' | 'owner' | 'restMs' | 'onLost'> {
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** Its ledger cannot be read, or made this process's own: it rests, and nobody else because of it. */
  readonly onUnreadable: (object: Workflow, why: string) => void;
}

/** More than are given out in a millisecond; times it, the time is exact as a number until the year 2255. */
const VERSIONS_PER_MS = 1_000;

/**
 * Resources and ledgers in a cluster: no database. A batch is atomic for each workflow that it concerns, up to a size
 * (`WorkflowLedger.commit`); of several workflows those that come first may be durable when the next cannot be written. A ledger goes with its workflow, so nothing is inherited.
 */
export class ClusterStore implements Store {
  readonly #parts: LedgerParts;
  readonly #objects: WorkflowObjects;
  readonly #options: LedgerOptions;
  readonly #ledgers = new Map<string, WorkflowLedger>();
  readonly #opening = new Map<string, Promise<Result<WorkflowLedger, string>>>();
  /** As they were last shown. */
  readonly #statuses = new Map<string, Pick<Workflow, 'status'>>();
  #version: number;

  private constructor(
    parts: LedgerParts,
    objects: WorkflowObjects,
    { now, pause, owner, restMs, onLost }: ClusterStoreOptions,
  ) {
    // What was forgotten took its versions along: time tells that none is given out again.
    this.#version = now * VERSIONS_PER_MS;
    this.#parts = parts;
    this.#objects = objects;
    this.#options = {
      nextVersion: (by) => {
        this.#version += by;
        return this.#version;
      },
      pause,
      owner,
      ...(restMs === undefined ? {} : { restMs }),
      ...(onLost ? { onLost } : {}),
    };
  }

  /** The error is a sentence. */
  static async open(
    parts: LedgerParts,
    objects: WorkflowObjects,
    options: ClusterStoreOptions,
  ): Promise<Result<ClusterStore, string>> {
    const store = new ClusterStore(parts, objects, options);
    const listed = await objects.list();
    if (!listed.ok) return listed;
    for (const object of listed.value) {
      const { uid, deletionTimestamp } = object.metadata;
      // Nothing is begun for what is on its way out.
      const nothing = deletionTimestamp !== undefined && isEmpty(await parts.read(uid));
      const opened = nothing ? undefined : await store.#open(uid);
      if (opened?.ok === false) options.onUnreadable(object, opened.error);
      store.#statuses.set(uid, object);
    }
    return ok(store);
  }

  /** One workflow as its ledger has it now, to be read alone. The error is a sentence. */
  static async view(
    parts: LedgerParts,
    object: Workflow,
    clock: Pick<Clock, 'now'>,
  ): Promise<Result<ClusterStore, string>> {
    const nobody: WorkflowObjects = { list: async () => ok([]), show: () => undefined };
    const pause = (): Promise<void> => Promise.reject(new Error('who only reads waits for nothing'));
    const store = new ClusterStore(parts, nobody, {
      now: clock.now(),
      owner: '',
      pause,
      onUnreadable: () => undefined,
    });
    const { uid } = object.metadata;
    const ledger = await WorkflowLedger.read(uid, parts, store.#options);
    if (!ledger.ok) return ledger;
    store.#ledgers.set(uid, ledger.value);
    store.#statuses.set(uid, object);
    return ok(store);
  }

  version(): number {
    return this.#version;
  }

  async commit(batch: Batch): Promise<Committed> {
    if (batch.inherit) throw new Error('in a cluster nothing is inherited: a ledger goes with its workflow');
    const seqs = Array.from({ length: batch.entries?.length ?? 0 }, () => 0);
    let version = this.#version;
    for (const [uid, { change, at }] of this.#changes(batch)) {
      const ledger = await this.#ledger(uid);
      const written = await ledger.commit(change);
      if (written.outcome === 'Conflict') return written;
      written.seqs.forEach((seq, i) => {
        seqs[at[i] as number] = seq;
      });
      version = written.version;
    }
    for (const { stored } of batch.workflows ?? []) {
      this.#statuses.set(stored.uid, stored.object);
      this.#objects.show(stored.object);
    }
    for (const uid of batch.forget ?? []) await this.#forget(uid);
    return { outcome: 'Committed', version, seqs };
  }

  /** By workflow, in order; those first whose condition may fail. `at`: where its entries stand in the batch. */
  #changes({
    time,
    entries = [],
    workflows = [],
    preimages = [],
  }: Batch): Map<string, { change: Change; at: number[] }> {
    const conditional = [...workflows].sort(
      (a, b) => Number(b.ifVersion !== undefined) - Number(a.ifVersion !== undefined),
    );
    const changes = new Map<string, { change: Change; at: number[] }>();
    for (const uid of new Set([
      ...conditional.map(({ stored }) => stored.uid),
      ...entries.map(({ workflow }) => workflow),
    ])) {
      const write = workflows.find(({ stored }) => stored.uid === uid);
      const at = [...entries.keys()].filter((i) => entries[i]?.workflow === uid);
      const change: Change = {
        time,
        entries: at.map((i) => (entries[i] as { readonly entry: JournalEntry }).entry),
        templates: preimages,
        workflow: write?.stored,
        ifVersion: write?.ifVersion,
      };
      changes.set(uid, { change, at });
    }
    return changes;
  }

  /** Those that were taken in, as they were then. */
  async workflows(): Promise<readonly StoredWorkflow[]> {
    return [...this.#ledgers].flatMap(([uid, { workflow }]) => {
      if (!workflow) return [];
      const { status } = this.#statuses.get(uid) ?? {};
      return [{ ...workflow, object: status === undefined ? workflow.object : { ...workflow.object, status } }];
    });
  }

  async records(workflowUid: string): Promise<readonly TaskRecord[]> {
    return [...(await this.#ledger(workflowUid)).records()];
  }

  eachRecord(workflowUid: string): Iterable<TaskRecord> {
    return this.#ledgers.get(workflowUid)?.records() ?? [];
  }

  record(workflowUid: string, key: string): TaskRecord | undefined {
    return this.#ledgers.get(workflowUid)?.record(key);
  }

  /** The newest lines of each workflow only. */
  async journal({ workflow, after = 0, limit }: JournalQuery): Promise<readonly JournalLine[]> {
    const ledgers = workflow === undefined ? [...this.#ledgers.values()] : [await this.#ledger(workflow)];
    const lines = ledgers.flatMap((ledger) => ledger.journal.filter(({ seq }) => seq > after));
    return lines.sort((a, b) => a.seq - b.seq).slice(0, limit);
  }

  async preimage(digest: string): Promise<Json | undefined> {
    for (const ledger of this.#ledgers.values()) {
      const template = ledger.template(digest);
      if (template !== undefined) return template;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#ledgers.values()].map((ledger) => ledger.settled()));
  }

  async #ledger(uid: string): Promise<WorkflowLedger> {
    const opened = await this.#open(uid);
    if (!opened.ok) throw new LedgerUnavailable(opened.error);
    return opened.value;
  }

  /** One reading at a time, or two of them would write. */
  async #open(uid: string): Promise<Result<WorkflowLedger, string>> {
    const known = this.#ledgers.get(uid);
    if (known) return ok(known);
    let opening = this.#opening.get(uid);
    if (!opening) {
      opening = WorkflowLedger.open(uid, this.#parts, this.#options).finally(() => this.#opening.delete(uid));
      this.#opening.set(uid, opening);
    }
    const opened = await opening;
    if (opened.ok && !this.#ledgers.has(uid)) {
      this.#ledgers.set(uid, opened.value);
      this.#version = Math.max(this.#version, opened.value.version);
    }
    return opened;
  }

  async #forget(uid: string): Promise<void> {
    const ledger = await this.#ledger(uid);
    await ledger.settled();
    this.#ledgers.delete(uid);
    this.#statuses.delete(uid);
    const removed = await this.#parts.remove(uid, ledger.partNames);
    if (!removed.ok) throw new LedgerUnavailable(removed.error);
  }
}

function isEmpty(read: Result<readonly unknown[], string>): boolean {
  return read.ok && read.value.length === 0;
}
