import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { failPoint } from '../base/fail-point.ts';
import { networkFileSystem } from '../base/network-file-system.ts';
import { OWN_FILES } from '../base/own-files.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { changedRows, misshapen, type Thoroughness, unlikeJournal } from './check-ledger.ts';
import { damagedLog } from './check-log.ts';
import { rowSum } from './row-sum.ts';

export type Sql = Database.Database;

const MIGRATIONS = new URL('store/migrations/', OWN_FILES);

export interface DatabaseOptions {
  readonly readOnly: boolean;
  /** The file lies where other hosts may open it too. Default: as its file system says. */
  readonly shared?: boolean;
  /** How much of it is checked first. Default: what opening can afford. */
  readonly check?: Thoroughness;
}

/**
 * Opens the ledger's file. WAL with full synchronisation: a commit that returned survives a power cut. One
 * connection writes; readers of other processes may open it read-only at the same time.
 *
 * On a network file system the index of the WAL cannot lie in shared memory, which hosts do not share. There the writer
 * locks the whole file for as long as it has it open and keeps the index to itself; readers wait for it in vain.
 */
export function openDatabase(path: string, options: DatabaseOptions): Result<Sql, string> {
  const log = damagedLog(`${path}-wal`);
  if (log !== undefined) return fail(damaged(`${path}-wal`, log, keepWhatIsBefore(path)));
  const size = emptied(path);
  if (size !== undefined) return fail(damaged(path, size));
  let db: Sql | undefined;
  try {
    failPoint('ledger.before');
    db = new Database(path, { readonly: options.readOnly, fileMustExist: options.readOnly, timeout: 5_000 });
    const shared = options.shared ?? (path !== ':memory:' && networkFileSystem(dirname(path)) !== undefined);
    if (!options.readOnly) {
      // Before the first access in WAL mode, else the index is in shared memory already.
      if (shared) db.pragma('locking_mode = EXCLUSIVE');
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
    }
    db.pragma(`cache_size = -${CACHE_KIB}`);
    prepareForSums(db);
    if (!options.readOnly) writable(db);
    const problem = migrate(db, path, options);
    if (problem !== undefined) {
      db.close();
      return fail(problem);
    }
    failPoint('ledger.after');
    return ok(db);
  } catch (error) {
    db?.close();
    const message = error instanceof Error ? error.message : String(error);
    const malformed = MALFORMED.test((error as { readonly code?: string }).code ?? '');
    return fail(malformed ? damaged(path, message) : `${path}: ${message}`);
  }
}

/** SQLite opens for reading what it may not write, and would say so at the first commit. */
function writable(db: Sql): void {
  db.exec('BEGIN IMMEDIATE');
  const format = db.pragma('user_version', { simple: true }) as number;
  // An error on a read-only file system, before any byte is written.
  db.pragma(`user_version = ${format}`);
  failPoint('ledger.within');
  db.exec('ROLLBACK');
}

/** Pages in memory: a start reads all of them once, and a turn changes few. */
const CACHE_KIB = 4_000;

const MALFORMED = /^SQLITE_(?:CORRUPT|NOTADB)/;

const OTHERWISE = 'or move it away: a new ledger begins, and what ran is run again';

function damaged(path: string, what: string, otherwise = OTHERWISE): string {
  return `${path} is damaged (${what}). Nothing was changed. Put a backup in its place, ${otherwise}`;
}

function keepWhatIsBefore(path: string): string {
  return `or keep what was committed before the damage: sqlite3 ${path} 'PRAGMA wal_checkpoint(TRUNCATE)'`;
}

/** What a home leaves beside its ledger. */
const BESIDE = ['runs', 'digests', 'holder.json'];
/** The least that SQLite writes. */
const LEAST_BYTES = 512;

/** SQLite takes an empty file for a new database; ours was one before, if something was done with it. */
function emptied(path: string): string | undefined {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size;
  const logged = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (bytes === undefined || bytes >= LEAST_BYTES || logged) return undefined;
  const used = BESIDE.some((name) => existsSync(join(dirname(path), name)));
  return bytes > 0 || used ? `it has ${bytes} bytes` : undefined;
}

/** Applies the numbered files that have not been applied, each in a transaction of its own, to a file that is sound. */
function migrate(db: Sql, path: string, { readOnly, check = 'Quick' }: DatabaseOptions): string | undefined {
  const files = readdirSync(MIGRATIONS)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort();
  const at = db.pragma('user_version', { simple: true }) as number;
  if (at > files.length)
    return `${path}: the ledger has format ${at}, this version of Fixpoint knows formats up to ${files.length}: use a newer one`;
  const shape = misshapen(db, at === files.length ? check : 'Full');
  if (shape !== undefined) return damaged(path, shape);
  if (readOnly && at < files.length) return 'the ledger has an older format: open it once for writing to upgrade it';
  for (let format = at; format < files.length; format++)
    db.transaction(() => {
      failPoint('migrate.before');
      applyFormat(db, files[format] as string);
      failPoint('migrate.within');
      db.pragma(`user_version = ${format + 1}`);
      failPoint('migrate.after');
    })();
  if (schemaOf(db) !== newestSchema(files)) return damaged(path, `its schema is not that of format ${files.length}`);
  const rows = changedRows(db, check) ?? (check === 'Full' ? unlikeJournal(db) : undefined);
  return rows === undefined ? undefined : damaged(path, rows);
}

function applyFormat(db: Sql, file: string): void {
  db.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
}

let newest: string | undefined;

/** As a new ledger has it, however this one came to its format. */
function newestSchema(files: readonly string[]): string {
  newest ??= madeAnew(files);
  return newest;
}

function madeAnew(files: readonly string[]): string {
  const fresh = new Database(':memory:');
  try {
    prepareForSums(fresh);
    for (const file of files) applyFormat(fresh, file);
    return schemaOf(fresh);
  } finally {
    fresh.close();
  }
}

function schemaOf(db: Sql): string {
  const rows = db
    .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")
    .raw();
  return rows
    .all()
    .map((row) => JSON.stringify(row))
    .sort()
    .join('\n');
}

/** The schema calls this function; no other ledger is ever opened on the connection. */
/** Rows are summed by a function of ours: whoever opens a ledger by other means than `openDatabase` needs it too. */
export function prepareForSums(db: Sql): void {
  db.function('row_sum', { deterministic: true, varargs: true }, rowSum as (...values: unknown[]) => unknown);
  db.pragma('trusted_schema = ON');
}
