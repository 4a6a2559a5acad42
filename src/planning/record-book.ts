import type { GraphTask } from '../graph/graph.ts';
import { renamedLook } from './facts.ts';
import { reduce, type TaskEntry } from './journal.ts';
import type { Shelf } from './kept-record.ts';
import { type Attempt, lastAttempt, liveAttempt, type SettledRecord, type TaskRecord, UNREAD } from './record.ts';

/**
 * The records of one workflow by key, with what every decision asks for: keys with a live attempt, what those read,
 * and keys that are not in the graph. Entries are the only way to change it.
 */
export class RecordBook {
  #records = new Map<string, TaskRecord>();
  #live = new Set<string>();
  readonly #strays = new Set<string>();
  /** By name of the look: keys whose live attempt reads it. */
  #readers = new Map<string, Set<string>>();
  #desired: ReadonlyMap<string, unknown>;
  readonly #keeping: Keeping | undefined;

  /** `keeping`: what records of finished tasks are made brief by. Without it they are kept whole. */
  constructor(records: Iterable<TaskRecord>, desired: ReadonlyMap<string, unknown>, keeping?: Keeping) {
    this.#desired = desired;
    this.#keeping = keeping;
    for (const record of records) this.take(record);
  }

  /** One that the ledger holds already. */
  take(record: TaskRecord | SettledRecord): void {
    const { key, kept } = this.#brief(record);
    this.#records.set(key, kept);
    this.#classify(key);
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: string): TaskRecord | undefined {
    return this.#records.get(key);
  }

  all(): Iterable<TaskRecord> {
    return this.#records.values();
  }

  /** Keys whose last attempt may be alive. */
  get live(): ReadonlySet<string> {
    return this.#live;
  }

  /** Keys that have a record and no task: removed, renamed, or elements that are gone. */
  get strays(): ReadonlySet<string> {
    return this.#strays;
  }

  /** Keys whose live attempt reads this file, by what it was started with. */
  readersOf(lookId: string): ReadonlySet<string> {
    return this.#readers.get(lookId) ?? NOBODY;
  }

  /** Before entries change them they must be whole, or what is not in memory would be lost. May fail as the ledger may. */
  unfold(key: string): void {
    const record = this.#records.get(key);
    if (!record || !this.#keeping?.shelf.isKept(record)) return;
    const whole = this.#keeping.shelf.whole(key);
    if (!whole) throw new Error(`the ledger has no record of ${key}`);
    this.#records.set(key, whole);
  }

  /** The ledger has it all: a finished task's record need not be whole here. Gives what is kept of it, if it is brief now. */
  fold(key: string): TaskRecord | undefined {
    const record = this.#records.get(key);
    this.#keeping?.shelf.changed(key);
    if (!record || !this.#keeping || this.#live.has(key)) return undefined;
    const { kept } = this.#brief(record);
    if (kept === record) return undefined;
    this.#records.set(key, kept);
    return kept;
  }

  #brief(record: TaskRecord | SettledRecord): { readonly key: string; readonly kept: TaskRecord } {
    if (!this.#keeping) {
      if ('settled' in record) throw new Error(`nothing to read the rest of ${record.key} with`);
      return { key: record.key, kept: record };
    }
    const task = this.#keeping.task(record.key);
    // The key as the graph spells it: the same string, once.
    const key = task?.key ?? record.key;
    const { shelf } = this.#keeping;
    const kept =
      'settled' in record ? shelf.settled(record, key, task?.outputs) : shelf.kept(record, key, task?.outputs);
    return { key, kept };
  }

  apply(entry: TaskEntry): void {
    this.unfold(entry.task);
    if (entry.type === 'TaskMoved') this.unfold(entry.to);
    reduce(this.#records, entry);
    this.#classify(entry.task);
    if (entry.type === 'TaskMoved') this.#classify(entry.to);
  }

  /** A new graph: which records are strays is seen afresh. */
  desire(desired: ReadonlyMap<string, unknown>): void {
    this.#desired = desired;
    this.#strays.clear();
    for (const key of this.#records.keys()) this.#classify(key);
  }

  /** The same records under another graph, to be read: what changes in this book changes there. */
  under(desired: ReadonlyMap<string, unknown>): RecordBook {
    const other = new RecordBook([], desired);
    other.#records = this.#records;
    other.#live = this.#live;
    other.#readers = this.#readers;
    const candidates = desired === this.#desired ? this.#strays : this.#records.keys();
    for (const key of candidates) setMember(other.#strays, key, other.#isStray(key));
    return other;
  }

  #isStray(key: string): boolean {
    return !this.#desired.has(key) && (this.#records.get(key)?.attempts.length ?? 0) > 0;
  }

  #noteReads(key: string, attempt: Attempt | undefined, reads: boolean): void {
    for (const { looks } of attempt?.reads ?? []) {
      for (const id of looks) {
        if (id === UNREAD) continue;
        const look = renamedLook(id);
        const readers = this.#readers.get(look) ?? new Set();
        setMember(readers, key, reads);
        if (readers.size > 0) this.#readers.set(look, readers);
        else this.#readers.delete(look);
      }
    }
  }

  #classify(key: string): void {
    const record = this.#records.get(key);
    const live = liveAttempt(record);
    if ((live !== undefined) !== this.#live.has(key))
      this.#noteReads(key, live ?? lastAttempt(record), live !== undefined);
    setMember(this.#live, key, live !== undefined);
    setMember(this.#strays, key, this.#isStray(key));
  }
}

export interface Keeping {
  readonly shelf: Shelf;
  /** The task that has this key now. */
  task(key: string): Pick<GraphTask, 'key' | 'outputs'> | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

function setMember(set: Set<string>, key: string, member: boolean): void {
  if (member) set.add(key);
  else set.delete(key);
}
