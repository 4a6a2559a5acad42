import type Database from 'better-sqlite3';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { MAX_CHECKED_LEDGER_BYTES } from '../base/limits.ts';
import { isTaskEntry, type JournalEntry, type Records, reduce } from '../planning/journal.ts';
import type { TaskRecord } from '../planning/record.ts';
import { recordOf, recordText } from './record-text.ts';

/**
 * What can be wrong with a ledger that opens. SQLite has no checksums of its own outside the log: `integrity_check` finds
 * pages that do not fit together and indexes that say something else than their tables; what changed inside a row
 * shows in the checksum that the row carries.
 */

/** Columns of each table in the order of its checksum. Recorded state is made from all but the journal. */
const SUMMED = {
  workflows: 'data, uid, namespace, name, version, deleted_at',
  records: 'data, workflow, task',
  preimages: 'data, digest',
  floor: "'', version",
  journal: 'data, seq, time, workflow, type, task, attempt',
} as const;

const STATE = ['workflows', 'records', 'preimages', 'preimage_uses', 'floor'] as const;

/** History is by far the largest part: `Quick` leaves it out where the ledger is large. */
export type Thoroughness = 'Quick' | 'Full';

/** Pages that do not fit together; undefined: none. Nothing may be made of the file before this. */
export function misshapen(db: Database.Database, how: Thoroughness): string | undefined {
  const checks = leavesHistoryOut(db, how) ? STATE.map((table) => `integrity_check(${table})`) : ['integrity_check(1)'];
  for (const check of checks) {
    const said = db.pragma(check, { simple: true }) as string;
    if (said !== 'ok') return said.replace(/^\*{3} in database main \*{3}\n/, '').replaceAll('\n', ' ');
  }
  return undefined;
}

/** Rows that say something else than what was written; undefined: none. */
export function changedRows(db: Database.Database, how: Thoroughness): string | undefined {
  for (const [table, values] of Object.entries(SUMMED)) {
    if (table === 'journal' && leavesHistoryOut(db, how)) continue;
    const [bad] = db.prepare(`SELECT count(*) FROM ${table} WHERE sum <> row_sum(${values})`).raw().get() as [number];
    if (bad > 0) return `${table}: the checksums of ${bad} rows do not match`;
  }
  const [rows] = db.prepare('SELECT count(*) FROM floor').raw().get() as [number];
  return rows === 1 ? undefined : `floor has ${rows} rows instead of one`;
}

/** A record that is not what the journal makes of its task, as after a write that never reached the disk. */
export function unlikeJournal(db: Database.Database): string | undefined {
  const workflows = db.prepare('SELECT DISTINCT workflow FROM records').raw().all() as [string][];
  const entries = db.prepare('SELECT type, task, data FROM journal WHERE workflow = ? ORDER BY seq').raw();
  const kept = db.prepare('SELECT task, data FROM records WHERE workflow = ?').raw();
  for (const [workflow] of workflows) {
    const made: Records = new Map();
    for (const [type, task, data] of entries.iterate(workflow) as Iterable<[string, string | null, string]>) {
      const entry = { type, ...(task === null ? {} : { task }), ...(JSON.parse(data) as object) } as JournalEntry;
      if (isTaskEntry(entry)) reduce(made, entry);
    }
    const rows = kept.all(workflow) as [string, string][];
    const unlike = rows.find(([task, data]) => !same(made.get(task), data));
    if (unlike) return `records: ${JSON.stringify(unlike[0])} is not what the journal says`;
    if (rows.length !== made.size) return `records: ${made.size - rows.length} that the journal tells of are not there`;
  }
  return undefined;
}

/** Texts that differ may still say the same: an earlier version may have written its members in another order. */
function same(made: TaskRecord | undefined, kept: string): boolean {
  if (!made) return false;
  const text = recordText(made);
  return text === kept || canonicalForm(text) === canonicalForm(kept);
}

function canonicalForm(text: string): string {
  return canonicalJson(recordOf(text) as unknown as Json);
}

function leavesHistoryOut(db: Database.Database, how: Thoroughness): boolean {
  const of = (name: string): number => db.pragma(name, { simple: true }) as number;
  return how === 'Quick' && of('page_count') * of('page_size') > MAX_CHECKED_LEDGER_BYTES;
}
