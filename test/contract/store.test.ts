import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/database.ts';
import { SqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type StoreRig, storeContract } from './store-contract.ts';

storeContract('SQLite', (): StoreRig => {
  const dir = mkdtempSync(join(tmpdir(), 'fixpoint-store-'));
  const opened: Store[] = [];
  const open = async (): Promise<Store> => {
    const db = openDatabase(join(dir, 'fixpoint.db'), { readOnly: false });
    if (!db.ok) throw new Error(db.error);
    const store = new SqliteStore(db.value);
    opened.push(store);
    return store;
  };
  return {
    open,
    reopen: open,
    dispose: async () => {
      for (const store of opened) await store.close();
      rmSync(dir, { recursive: true });
    },
  };
});
