import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { networkFileSystem } from '../base/network-file-system.ts';
import { fail, ok, type Result } from '../base/result.ts';

export type Sql = Database.Database;

const MIGRATIONS = join(import.meta.dirname, 'migrations');

export interface DatabaseOptions {
  readonly readOnly: boolean;
  /** The file lies where other hosts may open it too. Default: as its file system says. */
  readonly shared?: boolean;
}

/**
 * Opens the ledger's file. WAL with full synchronisation: a commit that returned survives a power cut. One
 * connection writes; readers of other processes may open it read-only at the same time.
 *
 * On a network file system the index of the WAL cannot lie in shared memory, which hosts do not share. There the writer
 * locks the whole file for as long as it has it open and keeps the index to itself; readers wait for it in vain.
 */
export function openDatabase(path: string, options: DatabaseOptions): Result<Sql, string> {
  let db: Sql | undefined;
  try {
    db = new Database(path, { readonly: options.readOnly, fileMustExist: options.readOnly, timeout: 5_000 });
    const shared = options.shared ?? (path !== ':memory:' && networkFileSystem(dirname(path)) !== undefined);
    if (!options.readOnly) {
      // Before the first access in WAL mode, else the index is in shared memory already.
      if (shared) db.pragma('locking_mode = EXCLUSIVE');
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
    }
    const problem = migrate(db, options.readOnly);
    if (problem !== undefined) {
      db.close();
      return fail(problem);
    }
    return ok(db);
  } catch (error) {
    db?.close();
    return fail(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Applies the numbered files that have not been applied, each in a transaction of its own. */
function migrate(db: Sql, readOnly: boolean): string | undefined {
  const files = readdirSync(MIGRATIONS)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort();
  const at = db.pragma('user_version', { simple: true }) as number;
  if (at > files.length)
    return `the ledger has format ${at}, this version of Fixpoint knows formats up to ${files.length}: use a newer one`;
  if (readOnly)
    return at === files.length ? undefined : 'the ledger has an older format: open it once for writing to upgrade it';
  for (const [i, name] of files.entries()) {
    if (i < at) continue;
    const sql = readFileSync(join(MIGRATIONS, name), 'utf8');
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${i + 1}`);
    })();
  }
  return undefined;
}
