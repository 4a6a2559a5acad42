import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Workflow } from '../../src/apis/workflow.ts';
import { ok } from '../../src/base/result.ts';
import { ClusterStore, type WorkflowObjects } from '../../src/store/cluster/cluster-store.ts';
import { openDatabase } from '../../src/store/database.ts';
import { SqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { MemoryParts } from '../rig/memory-parts.ts';
import { type StoreRig, storeContract } from './store-contract.ts';

storeContract(
  'SQLite',
  (): StoreRig => {
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
  },
  { inherits: true, countsByOne: true },
);

storeContract(
  'cluster',
  (): StoreRig => {
    const parts = new MemoryParts();
    const shown = new Map<string, Workflow>();
    const objects: WorkflowObjects = {
      list: async () => ok([...shown.values()]),
      show: (object) => void shown.set(object.metadata.uid, object),
    };
    const open = async (): Promise<Store> => {
      parts.life++;
      const options = {
        now: Date.now(),
        owner: `life ${parts.life}`,
        pause: () => Promise.resolve(),
        onUnreadable: () => undefined,
      };
      const store = await ClusterStore.open(parts.forLife(), objects, options);
      if (!store.ok) throw new Error(store.error);
      return store.value;
    };
    return { open, reopen: open, dispose: async () => undefined };
  },
  { inherits: false, countsByOne: false },
);
