import type { Json } from '../../base/json.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { TaskRecord } from '../../planning/record.ts';
import { type JournalLine, LedgerUnavailable, type StoredWorkflow } from '../store.ts';
import { type Change, Draft, NOTHING_SHARED, type Shared, type Written } from './draft.ts';
import { type LedgerParts, LOG, type Part, SHARED } from './ledger-parts.ts';
import { LogPart } from './log-part.ts';
import { pack, unpack } from './packed.ts';
import { isShard, SHARD_SIZES, type ShardSizes, Shards } from './shards.ts';

/** A log that is longer is folded: it is written whole by every commit. */
const FOLD_FROM_BYTES = 32 * 1024;
/** What one write takes, well within the size of an object. */
const MAX_ENTRIES = 1_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export interface LedgerOptions {
  /** Of this process alone. */
  readonly owner: string;
  /** It is another's now, or nobody knows: what this process knows of it counts no more. */
  readonly onLost?: (why: string) => void;
  /** Versions of all workflows come from one count. */
  readonly nextVersion: (by: 1 | 2) => number;
  /** Fails when it is time to give up, as at the end of the process. */
  readonly pause: (ms: number) => Promise<void>;
  /** Between two commits: what comes meanwhile is one write. */
  readonly restMs?: number;
  readonly foldFromBytes?: number;
  readonly shards?: ShardSizes;
}

interface Waiting {
  readonly change: Change;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: LedgerUnavailable) => void;
}

/**
 * The ledger of one workflow, in small objects of a cluster.
 *
 * | part | holds | written |
 * |---|---|---|
 * | `log` | records that have changed since they were folded, each with the last entry in it; what the home remembers; the last lines of the journal | by every group of commits, which is durable then |
 * | `shard-N` | records, and the entry up to which they are current | when the log is long: each shard that it concerns |
 * | `shared` | the parts that definitions share, and the workflow as it was taken in, by digest | before the log refers to a new one |
 *
 * One object decides what is durable, and one write to it is under way at a time: commits that come meanwhile are in the next.
 * It is written only over the version that was read or written last; whoever finds another one there, and has not written it,
 * is its owner no more and writes nothing again.
 *
 * Folding writes records of the log into their shards; the next log is without them. In between they are in both, also for
 * who reads it anew, and the one with the later entry counts.
 */
export class WorkflowLedger {
  readonly #uid: string;
  readonly #parts: LedgerParts;
  readonly #options: LedgerOptions;
  readonly #shards: Shards;
  /** Versions of the other parts, by name. */
  readonly #versions = new Map<string, string>();
  #shared: Shared = NOTHING_SHARED;
  #log = LogPart.EMPTY;
  #logBytes = 0;
  /** The log as it was read or written last. */
  #packed: Buffer | undefined;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #lost: LedgerUnavailable | undefined;
  #opened = false;

  private constructor(uid: string, parts: LedgerParts, options: LedgerOptions) {
    this.#uid = uid;
    this.#parts = parts;
    this.#options = options;
    this.#shards = new Shards(uid, options.shards ?? SHARD_SIZES);
  }

  /**
   * Reads it and makes it this process's own, by writing its log over what was read: what a former owner has sent and the
   * server has not carried out comes too late from then on. The error is a sentence: it cannot be had now, or not at all.
   */
  static async open(uid: string, parts: LedgerParts, options: LedgerOptions): Promise<Result<WorkflowLedger, string>> {
    for (;;) {
      const ledger = await WorkflowLedger.read(uid, parts, options);
      if (!ledger.ok) return ledger;
      const { value } = ledger;
      value.#log = value.#log.ownedBy(options.owner);
      const bytes = await pack(value.#log.toJson(value.#shards.names));
      try {
        await value.#put(LOG, bytes);
        value.#logBytes = bytes.length;
        value.#opened = true;
        return ledger;
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) throw error;
        // Somebody has written since it was read.
        if (!value.#lost) return fail(error.message);
      }
    }
  }

  /** As it is now, for who only looks: it stays its owner's. */
  static async read(uid: string, parts: LedgerParts, options: LedgerOptions): Promise<Result<WorkflowLedger, string>> {
    const read = await parts.read(uid);
    if (!read.ok) return read;
    const ledger = new WorkflowLedger(uid, parts, options);
    for (const part of read.value) {
      const problem = ledger.#take(part);
      if (problem !== undefined) return fail(`${part.name} of the ledger of workflow ${uid} ${problem}`);
    }
    const missing = ledger.#missing();
    if (missing !== undefined) return fail(`${missing} of the ledger of workflow ${uid} is missing`);
    // Records of the log that had been folded before it was written for the last time.
    const { images } = ledger.#log;
    ledger.#log = ledger.#log.without([...images.values()].filter((i) => i.seq <= ledger.#shards.upTo(i.record.key)));
    return ok(ledger);
  }

  /** What the log refers to, and is not there. */
  #missing(): string | undefined {
    const { remembered, shards } = this.#log;
    if (remembered && !Object.hasOwn(this.#shared.documents, remembered.document)) return SHARED;
    return shards.find((name) => !this.#shards.names.includes(name));
  }

  #take({ name, version, bytes }: Part): string | undefined {
    this.#versions.set(name, version);
    if (isShard(name)) return this.#shards.take(name, bytes);
    if (name === LOG) {
      const log = LogPart.read(this.#uid, bytes);
      if (!log.ok) return log.error;
      this.#log = log.value;
      this.#packed = bytes;
      return undefined;
    }
    const content = unpack(bytes);
    if (!content.ok) return content.error;
    this.#shared = content.value as unknown as Shared;
    return undefined;
  }

  get version(): number {
    return this.#log.version;
  }

  get journal(): readonly JournalLine[] {
    return this.#log.journal;
  }

  /** As it was last committed, without its status; undefined: nothing was. */
  get workflow(): StoredWorkflow | undefined {
    const { remembered } = this.#log;
    const document = remembered && this.#shared.documents[remembered.document];
    if (!document) return undefined;
    const { version, deletedAt, memory } = remembered;
    const { object, sheets } = document;
    return { uid: this.#uid, version, deletedAt, object, memory: { ...memory, sheets } };
  }

  template(digest: string): Json | undefined {
    return this.#shared.templates[digest];
  }

  record(key: string): TaskRecord | undefined {
    return this.#log.images.get(key)?.record ?? this.#shards.get(key);
  }

  *records(): Iterable<TaskRecord> {
    const { images } = this.#log;
    for (const { record } of images.values()) yield record;
    for (const record of this.#shards) if (!images.has(record.key)) yield record;
  }

  get partNames(): readonly string[] {
    return [...this.#versions.keys()];
  }

  /**
   * Durable when it resolves. A failure is `LedgerUnavailable`: nothing of it was written, or this process owns it no more. More
   * than `MAX_ENTRIES` entries are written in several parts, in their order, what is to be remembered last.
   */
  async commit(change: Change): Promise<Written> {
    const { entries, workflow, ...rest } = change;
    if (entries.length <= MAX_ENTRIES) return this.#commitAll(change);
    const seqs: number[] = [];
    for (let from = 0; ; from += MAX_ENTRIES) {
      const some = entries.slice(from, from + MAX_ENTRIES);
      const isLast = from + MAX_ENTRIES >= entries.length;
      const written = await this.#commitAll({ ...rest, entries: some, workflow: isLast ? workflow : undefined });
      if (written.outcome === 'Conflict') return written;
      seqs.push(...written.seqs);
      if (isLast) return { ...written, seqs };
    }
  }

  #commitAll(change: Change): Promise<Written> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      this.#running ??= this.#write();
    });
  }

  /** Until nothing waits and nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #write(): Promise<void> {
    // Whoever commits in the same turn of the event loop is in the same group.
    await Promise.resolve();
    try {
      await this.#writeWaiting();
    } catch (error) {
      this.#running = undefined;
      this.#lose(`it cannot be folded: ${String(error)}`);
    }
  }

  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#writeGroup(group);
      } catch (error) {
        const failed =
          error instanceof LedgerUnavailable ? error : new LedgerUnavailable(String(error), { cause: error });
        for (const { reject } of group) reject(failed);
      }
      if (this.#logBytes > (this.#options.foldFromBytes ?? FOLD_FROM_BYTES) && !this.#lost) await this.#fold();
      if (this.#options.restMs !== undefined) await this.#options.pause(this.#options.restMs).catch(() => undefined);
    }
    // At once, or who commits before others are told of the end would wait for ever.
    this.#running = undefined;
  }

  /** So many of those that wait as one write takes. */
  #nextGroup(): readonly Waiting[] {
    let entries = 0;
    const end = this.#waiting.findIndex(({ change }, at) => {
      entries += change.entries.length;
      return at > 0 && entries > MAX_ENTRIES;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const draft = new Draft(this.#uid, this.#options.nextVersion, {
      record: (key) => this.record(key),
      version: this.version,
      remembered: this.#log.remembered,
      shared: this.#shared,
    });
    const answers = group.map(({ change }) => draft.add(change));
    if (!draft.isEmpty) {
      if (draft.shared !== this.#shared) await this.#put(SHARED, await pack(JSON.stringify(draft.shared)));
      const next = this.#log.with(this.#uid, draft.version, draft.records.values(), draft.lines, draft.remembered);
      const bytes = await pack(next.toJson(this.#shards.names));
      await this.#put(LOG, bytes);
      this.#shared = draft.shared;
      this.#log = next;
      this.#logBytes = bytes.length;
    }
    group.forEach(({ resolve }, i) => resolve(answers[i] as Written));
  }

  /** Ends when it is known to be written: what may have been is tried again over the same version, which succeeds or finds it. */
  async #put(name: string, bytes: Buffer): Promise<void> {
    if (this.#lost) throw this.#lost;
    let unsure = false;
    for (let tries = 1; ; tries++) {
      const written = await this.#parts.write(this.#uid, name, bytes, this.#versions.get(name));
      switch (written.outcome) {
        case 'Written':
          this.#versions.set(name, written.version);
          if (name === LOG) this.#packed = bytes;
          return;
        case 'Changed':
          if (!(await this.#isThere(name, bytes))) break;
          if (name === LOG) this.#packed = bytes;
          return;
        case 'Unknown':
          unsure = true;
          await this.#pause(tries);
          break;
        case 'Refused':
          if (!unsure) throw new LedgerUnavailable(`the ledger cannot be written: ${written.message}`);
          await this.#pause(tries);
      }
    }
  }

  /**
   * Somebody has written it: this process, if it holds what was to be written. Otherwise, as long as the log is ours, a former
   * owner whose write came late: nothing in it is newer than the log that we took over, so it may be written over.
   */
  async #isThere(name: string, bytes: Buffer): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      const read = await this.#parts.read(this.#uid);
      if (read.ok) {
        const found = read.value.find((part) => part.name === name);
        const isThere = found?.bytes.equals(bytes) ?? false;
        const log = read.value.find((part) => part.name === LOG)?.bytes;
        // Labels may be anybody's, and what is deleted with its workflow was deleted by nobody who owns it.
        const isOurs = log === undefined || (this.#packed !== undefined && log.equals(this.#packed));
        if (!isOurs && !(name === LOG && isThere))
          throw this.#lose(`somebody else writes the ledger of workflow ${this.#uid}`);
        if (found) this.#versions.set(name, found.version);
        else this.#versions.delete(name);
        return isThere;
      }
      await this.#pause(tries);
    }
  }

  /** Who gives up here does not know what is written: nothing more is. */
  async #pause(tries: number): Promise<void> {
    try {
      await this.#options.pause(Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS));
    } catch (error) {
      throw this.#lose(`nobody knows what the ledger holds: ${String(error)}`);
    }
  }

  #lose(why: string): LedgerUnavailable {
    if (!this.#lost && this.#opened) this.#options.onLost?.(why);
    this.#lost ??= new LedgerUnavailable(why);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lost);
    return this.#lost;
  }

  /** What cannot be written now stays in the log, and is tried again after the next commit. */
  async #fold(): Promise<void> {
    const images = [...this.#log.images.values()];
    const upTo = this.#log.version;
    try {
      const drafts = await this.#shards.drafts(
        images.map(({ record }) => record),
        upTo,
      );
      for (const draft of drafts) {
        const { name } = draft.shard;
        await this.#put(name, draft.bytes);
        this.#shards.written(draft, upTo);
      }
      this.#log = this.#log.without(images);
      this.#logBytes = 0;
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
    }
  }
}
