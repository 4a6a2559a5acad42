import { failPoint } from '../base/fail-point.ts';
import type { Json } from '../base/json.ts';
import { isTaskEntry, type JournalEntry, type Records, reduce, type TaskEntry } from '../planning/journal.ts';
import type { SettledRecord, TaskRecord } from '../planning/record.ts';
import type { Sql } from './database.ts';
import { askedOf, recordOf, recordText } from './record-text.ts';
import {
  type Batch,
  type Committed,
  type JournalLine,
  type JournalQuery,
  LedgerUnavailable,
  type Store,
  type StoredWorkflow,
} from './store.ts';
import { Written } from './written.ts';

/** So many records are read at once where all are. */
const RECORDS_A_PART = 100;

/**
 * The ledger in SQLite. Commits are grouped: batches that arrive in one turn of the event loop become durable by
 * one synchronisation of the disk.
 */
export class SqliteStore implements Store {
  readonly #db: Sql;
  readonly #statements: Statements;
  readonly #written = new Written();
  #version: number;
  #waiting: { batch: Batch; resolve: (c: Committed) => void; reject: (e: unknown) => void }[] = [];

  constructor(db: Sql) {
    this.#db = db;
    this.#statements = prepare(db);
    const row = db
      .prepare(
        `SELECT max((SELECT coalesce(max(seq), 0) FROM journal), (SELECT coalesce(max(version), 0) FROM workflows),
          (SELECT version FROM floor)) AS v`,
      )
      .get() as { v: number };
    this.#version = row.v;
  }

  version(): number {
    return this.#version;
  }

  commit(batch: Batch): Promise<Committed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  async workflows(): Promise<readonly StoredWorkflow[]> {
    const rows = this.#db
      .prepare('SELECT * FROM workflows ORDER BY namespace, name, deleted_at')
      .all() as WorkflowRow[];
    return rows.map((row) => ({
      ...(JSON.parse(row.data) as Pick<StoredWorkflow, 'object' | 'memory'>),
      uid: row.uid,
      version: row.version,
      deletedAt: row.deleted_at ?? undefined,
    }));
  }

  async records(workflowUid: string): Promise<readonly TaskRecord[]> {
    const rows = this.#statements.records.all(workflowUid) as string[];
    return rows.map(recordOf);
  }

  /** In parts: while somebody reads a statement's rows nothing else could be asked. */
  *eachRecord(workflowUid: string): Iterable<TaskRecord | SettledRecord> {
    let after = '';
    for (;;) {
      const rows = this.#statements.recordsAfter.all(workflowUid, after, RECORDS_A_PART) as [string, string][];
      for (const [key, text] of rows) {
        yield askedOf(text);
        after = key;
      }
      if (rows.length < RECORDS_A_PART) return;
    }
  }

  record(workflowUid: string, key: string): TaskRecord | undefined {
    return this.#readRecord(workflowUid, key);
  }

  async journal(query: JournalQuery): Promise<readonly JournalLine[]> {
    const after = query.after ?? 0;
    const rows = (
      query.workflow === undefined
        ? this.#db.prepare('SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?').all(after, query.limit)
        : this.#db
            .prepare('SELECT * FROM journal WHERE workflow = ? AND seq > ? ORDER BY seq LIMIT ?')
            .all(query.workflow, after, query.limit)
    ) as JournalRow[];
    return rows.map((row) => ({
      seq: row.seq,
      time: row.time,
      workflow: row.workflow,
      entry: {
        type: row.type,
        ...(row.task === null ? {} : { task: row.task }),
        ...(JSON.parse(row.data) as object),
      } as JournalEntry,
    }));
  }

  async preimage(digest: string): Promise<Json | undefined> {
    const row = this.#db.prepare('SELECT data FROM preimages WHERE digest = ?').get(digest) as
      | { data: string }
      | undefined;
    return row && (JSON.parse(row.data) as Json);
  }

  async close(): Promise<void> {
    this.#flush();
    failPoint('close.before');
    this.#db.close();
    failPoint('close.after');
  }

  #flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) return;
    failPoint('commit.before');
    const before = this.#version;
    let results: Committed[];
    try {
      results = this.#db.transaction(() => group.map(({ batch }) => this.#write(batch)))();
    } catch (error) {
      this.#version = before;
      this.#written.clear();
      const message = error instanceof Error ? error.message : String(error);
      for (const { reject } of group)
        reject(new LedgerUnavailable(`the ledger cannot be written: ${message}`, { cause: error }));
      return;
    }
    failPoint('commit.after');
    group.forEach(({ resolve }, i) => {
      resolve(results[i] as Committed);
    });
  }

  #write(batch: Batch): Committed {
    const s = this.#statements;
    for (const write of batch.workflows ?? []) {
      if (write.ifVersion === undefined) continue;
      const row = s.versionOf.get(write.stored.uid) as { version: number } | undefined;
      if ((row?.version ?? 0) !== write.ifVersion) return { outcome: 'Conflict' };
    }
    for (const { from, to } of batch.inherit ?? []) this.#inherit(from, to);
    if (batch.inherit) this.#written.clear();
    for (const { digest, data } of batch.preimages ?? [])
      if (this.#written.isNew(digest)) s.preimage.run(digest, JSON.stringify(data));
    const seqs = (batch.entries ?? []).map(({ workflow, entry }) => this.#append(batch.time, workflow, entry));
    for (const { stored } of batch.workflows ?? []) {
      const { name, namespace } = stored.object.metadata;
      const data = JSON.stringify({ object: stored.object, memory: stored.memory });
      s.workflow.run(stored.uid, namespace, name, ++this.#version, stored.deletedAt ?? null, data);
    }
    for (const uid of batch.forget ?? []) this.#forget(uid);
    if (batch.forget || batch.inherit) {
      s.raiseFloor.run(this.#version);
      this.#written.clear();
    }
    failPoint('commit.within');
    return { outcome: 'Committed', version: this.#version, seqs };
  }

  /** Its journal goes along: records stay the reduction of it, and it is forgotten together with them. */
  #inherit(from: string, to: string): void {
    const s = this.#statements;
    s.inheritRecords.run(to, from);
    s.inheritJournal.run(to, from);
    s.inheritUses.run(to, from);
    s.forgetUses.run(from);
    s.remove.run(from);
  }

  #forget(uid: string): void {
    const s = this.#statements;
    s.forgetRecords.run(uid);
    s.forgetJournal.run(uid);
    s.forgetPreimages.run(uid, uid);
    s.forgetUses.run(uid);
    s.remove.run(uid);
  }

  #append(time: number, workflow: string, entry: JournalEntry): number {
    // The end of a short attempt tells its start, too: two events, so two versions.
    this.#version += entry.type === 'AttemptEnded' && entry.start ? 2 : 1;
    const seq = this.#version;
    const { type, ...rest } = entry;
    const { task, ...data } = rest as { task?: string } & Record<string, unknown>;
    this.#statements.append.run(seq, time, workflow, type, task ?? null, attemptNumber(entry), JSON.stringify(data));
    const digest = templateDigestOf(entry);
    if (digest !== undefined && this.#written.isNew(`${workflow} ${digest}`))
      this.#statements.use.run(workflow, digest);
    if (isTaskEntry(entry)) this.#reduce(workflow, entry);
    return seq;
  }

  #reduce(workflow: string, entry: TaskEntry): void {
    const records: Records = new Map();
    for (const key of entry.type === 'TaskMoved' ? [entry.task, entry.to] : [entry.task]) {
      const record = this.#written.record(workflow, key) ?? this.#readRecord(workflow, key);
      if (record) records.set(key, record);
    }
    reduce(records, entry);
    for (const record of records.values()) {
      this.#statements.putRecord.run(workflow, record.key, recordText(record));
      this.#written.keep(workflow, record);
    }
  }

  #readRecord(workflow: string, key: string): TaskRecord | undefined {
    const row = this.#statements.record.get(workflow, key) as { data: string } | undefined;
    return row && recordOf(row.data);
  }
}

/** The shared part of a definition that a record refers to from this entry on. */
function templateDigestOf(entry: JournalEntry): string | undefined {
  if (entry.type === 'AttemptIntended') return entry.attempt.preimage.templateDigest;
  return entry.type === 'ResultAccepted' ? entry.preimage.templateDigest : undefined;
}

function attemptNumber(entry: JournalEntry): number | null {
  if (entry.type === 'AttemptIntended') return entry.attempt.number;
  return 'number' in entry ? entry.number : null;
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: Sql) {
  return {
    append: db.prepare(
      'INSERT INTO journal (seq, time, workflow, type, task, attempt, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    record: db.prepare('SELECT data FROM records WHERE workflow = ? AND task = ?'),
    records: db.prepare('SELECT data FROM records WHERE workflow = ? ORDER BY task').pluck(),
    recordsAfter: db
      .prepare('SELECT task, data FROM records WHERE workflow = ? AND task > ? ORDER BY task LIMIT ?')
      .raw(),
    // In place: a row that was replaced would be another one, and its index would change as well.
    putRecord: db.prepare(
      `INSERT INTO records (workflow, task, data) VALUES (?, ?, ?)
        ON CONFLICT (workflow, task) DO UPDATE SET data = excluded.data`,
    ),
    forgetRecords: db.prepare('DELETE FROM records WHERE workflow = ?'),
    workflow: db.prepare(
      'INSERT OR REPLACE INTO workflows (uid, namespace, name, version, deleted_at, data) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    versionOf: db.prepare('SELECT version FROM workflows WHERE uid = ?'),
    inheritRecords: db.prepare('UPDATE records SET workflow = ? WHERE workflow = ?'),
    inheritJournal: db.prepare('UPDATE journal SET workflow = ? WHERE workflow = ?'),
    inheritUses: db.prepare(
      'INSERT OR IGNORE INTO preimage_uses (workflow, digest) SELECT ?, digest FROM preimage_uses WHERE workflow = ?',
    ),
    use: db.prepare('INSERT OR IGNORE INTO preimage_uses (workflow, digest) VALUES (?, ?)'),
    forgetUses: db.prepare('DELETE FROM preimage_uses WHERE workflow = ?'),
    forgetJournal: db.prepare('DELETE FROM journal WHERE workflow = ?'),
    // Those that it used and nobody else does.
    forgetPreimages: db.prepare(
      `DELETE FROM preimages WHERE digest IN (SELECT digest FROM preimage_uses WHERE workflow = ?) AND NOT EXISTS
        (SELECT 1 FROM preimage_uses AS other WHERE other.digest = preimages.digest AND other.workflow <> ?)`,
    ),
    raiseFloor: db.prepare('UPDATE floor SET version = max(version, ?)'),
    remove: db.prepare('DELETE FROM workflows WHERE uid = ?'),
    preimage: db.prepare('INSERT OR IGNORE INTO preimages (digest, data) VALUES (?, ?)'),
  } as const;
}

interface WorkflowRow {
  readonly uid: string;
  readonly version: number;
  readonly deleted_at: number | null;
  readonly data: string;
}

interface JournalRow {
  readonly seq: number;
  readonly time: number;
  readonly workflow: string;
  readonly type: string;
  readonly task: string | null;
  readonly data: string;
}
