import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Member, membersByFolder } from '../backends/process/processes.ts';
import { liveAttempt } from '../planning/record.ts';
import { CommandFailure, EXIT } from './exit-code.ts';

/** A process that carries a run folder of this state and that no attempt of the ledger accounts for any more. */
export interface Orphan {
  readonly pid: number;
  readonly folder: string;
  /** What is known of the attempt that it belonged to. */
  readonly owner: string;
}

interface Known {
  readonly name: string;
  readonly live: boolean;
}

/**
 * Whoever is told to end something must not be told wrong: processes are looked at before the ledger, which knows an
 * attempt before its first process exists, and again after it, as an attempt that ended meanwhile takes its processes along.
 */
export async function findOrphans(stateDir: string): Promise<readonly Orphan[]> {
  const before = await membersByFolder();
  const { attempts, roots } = await ledgerOf(stateDir);
  const after = await membersByFolder();
  const found: Orphan[] = [];
  for (const [folder, members] of before) {
    const known = attempts.get(basename(folder));
    const ours = known !== undefined || [...roots].some((root) => folder.startsWith(`${root}/`));
    if (!ours || known?.live === true) continue;
    const owner =
      known === undefined ? 'of an attempt that the ledger does not know' : `of ${known.name}, which is over`;
    for (const { pid } of stillThere(members, after.get(folder) ?? [])) found.push({ pid, folder, owner });
  }
  return found.sort((a, b) => a.pid - b.pid);
}

function stillThere(before: readonly Member[], after: readonly Member[]): readonly Member[] {
  const pids = new Set(after.map(({ pid }) => pid));
  return before.filter(({ pid }) => pids.has(pid));
}

/** Attempts by the last part of their run folder, and the folders that run folders lie in. */
async function ledgerOf(
  stateDir: string,
): Promise<{ readonly attempts: ReadonlyMap<string, Known>; readonly roots: ReadonlySet<string> }> {
  const attempts = new Map<string, Known>();
  const dir = await realpath(stateDir).catch(() => stateDir);
  const roots = new Set([join(dir, 'runs')]);
  const { openDatabase } = await import('../store/database.ts');
  const { SqliteStore } = await import('../store/sqlite-store.ts');
  const database = openDatabase(join(dir, 'fixpoint.db'), { readOnly: true });
  if (!database.ok) throw new CommandFailure(EXIT.unreachable, database.error);
  const store = new SqliteStore(database.value);
  try {
    for (const { uid, object, deletedAt } of await store.workflows()) {
      for (const record of await store.records(uid)) {
        const live = deletedAt === undefined ? liveAttempt(record) : undefined;
        for (const attempt of record.attempts) {
          const name = `${object.metadata.name} ${record.key}, attempt ${attempt.number}`;
          const part = `${attempt.number}-${attempt.uid}`;
          // Records pass on to a workflow of the same name that is made anew: the live one counts.
          if (attempts.get(part)?.live !== true) attempts.set(part, { name, live: attempt === live });
          if (attempt.directory !== undefined) roots.add(dirname(dirname(dirname(attempt.directory))));
        }
      }
    }
  } finally {
    await store.close();
  }
  return { attempts, roots };
}
