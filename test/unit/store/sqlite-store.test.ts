import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Sql } from '../../../src/store/database.ts';
import { SqliteStore } from '../../../src/store/sqlite-store.ts';
import { type Committed, LedgerUnavailable, type Store } from '../../../src/store/store.ts';
import { intended, workflow } from '../../contract/store-contract.ts';
import { everythingIn } from '../../rig/written-ledger.ts';

let dir: string;
let opened: SqliteStore[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-sqlite-store-'));
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(dir, { recursive: true });
});

function open(): { readonly store: SqliteStore; readonly db: Sql } {
  const db = openDatabase(join(dir, 'fixpoint.db'), { readOnly: false });
  if (!db.ok) throw new Error(db.error);
  const store = new SqliteStore(db.value);
  opened.push(store);
  return { store, db: db.value };
}

/** A task's next attempt, in a batch of its own. */
const attempt = (store: Store, task: string, number: number): Promise<Committed> =>
  store.commit({ time: number, entries: [{ workflow: 'w', entry: intended(task, number) }] });

describe('a group of commits for which there is no room', () => {
  /** Commits two batches at once, of which the second does not fit into the file. */
  async function refused(store: SqliteStore, db: Sql): Promise<void> {
    db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true }) as number}`);
    const fits = attempt(store, 'a', 2);
    const large = store.commit({ time: 2, preimages: [{ digest: 'large', data: 'x'.repeat(1_000_000) }] });
    for (const commit of [fits, large]) await expect(commit).rejects.toThrow(LedgerUnavailable);
    db.pragma('max_page_count = 1000000');
  }

  it('is not there in part', async () => {
    const { store, db } = open();
    await store.commit({ time: 1, workflows: [{ stored: workflow('w') }] });
    await attempt(store, 'a', 1);
    const before = await everythingIn(store);
    await refused(store, db);
    expect(await everythingIn(store)).toBe(before);
    expect(await everythingIn(open().store)).toBe(before);
  });

  it('leaves no trace in what is committed when there is room again', async () => {
    const { store, db } = open();
    await attempt(store, 'a', 1);
    const version = store.version();
    await refused(store, db);
    expect(await attempt(store, 'a', 3)).toMatchObject({ seqs: [version + 1] });
    expect((await store.records('w'))[0]?.attempts.map(({ number }) => number)).toEqual([1, 3]);
    await store.commit({ time: 4, preimages: [{ digest: 'large', data: 'small' }] });
    expect(await store.preimage('large')).toBe('small');
  });
});

it('nothing is written over what somebody else has written, who should not be there', async () => {
  const [ours, theirs] = [open().store, open().store];
  await attempt(theirs, 'theirs', 1);
  await expect(attempt(ours, 'ours', 1)).rejects.toThrow(LedgerUnavailable);
  const journal = await open().store.journal({ limit: 10 });
  expect(journal.map(({ entry }) => 'task' in entry && entry.task)).toEqual(['theirs']);
});
