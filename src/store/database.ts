import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fail, ok, type Result } from '../base/result.ts';

export type Sql = Database.Database;

const MIGRATIONS = join(import.meta.dirname, 'migrations');

/**
 * Opens the ledger's file. WAL with full synchronisation: a commit that returned survives a power cut. One
 * connection writes; readers of other processes may open it read-only at the same time.
 */
export function openDatabase(path: string, options: { readonly readOnly: boolean }): Result<Sql, string> {
  let db: Sql;
  try {
    db = new Database(path, { readonly: options.readOnly, fileMustExist: options.readOnly, timeout: 5_000 });
    if (!options.readOnly) {
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
