import Database from 'better-sqlite3';
import { failPoint } from '../base/fail-point.ts';
import { fail, ok, type Result } from '../base/result.ts';

/**
 * The single writer: an exclusive transaction on a file of its own, held open. The kernel releases the lock when the
 * process dies, however it dies; it holds across pid namespaces of one host.
 */
export interface Lock {
  release(): void;
}

export function takeLock(path: string): Result<Lock, 'Held'> {
  failPoint('lock.before');
  const db = new Database(path, { timeout: 0 });
  try {
    db.pragma('journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
    failPoint('lock.after');
    return ok({
      release: () => {
        failPoint('unlock.before');
        db.exec('ROLLBACK');
        db.close();
        failPoint('unlock.after');
      },
    });
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return fail('Held');
    throw error;
  }
}
