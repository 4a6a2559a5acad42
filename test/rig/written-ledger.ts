import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Workflow } from '../../src/apis/workflow.ts';
import type { Attempt } from '../../src/planning/record.ts';
import { openDatabase } from '../../src/store/database.ts';
import { SqliteStore } from '../../src/store/sqlite-store.ts';
import type { Batch, Store } from '../../src/store/store.ts';

/** What a ledger says, as one text: two ledgers that say the same are the same to everything above the store. */
export async function everythingIn(store: Store): Promise<string> {
  const workflows = await store.workflows();
  const lines: unknown[] = [store.version(), workflows];
  for (const { uid } of workflows) {
    lines.push(await store.records(uid), await store.journal({ workflow: uid, limit: 10_000 }));
  }
  for (let i = 0; i < PREIMAGES; i++) lines.push(await store.preimage(`template-${i}`));
  lines.push(await store.journal({ limit: 10_000 }));
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

/** A ledger on disk as a crash left it, and what it said after each commit that was acknowledged. */
export interface WrittenLedger {
  readonly path: string;
  /** What it says after so many commits. */
  readonly after: readonly string[];
  /** Length of the log after each of them. */
  readonly logBytes: readonly number[];
}

const PREIMAGES = 3;

/**
 * Writes `commits` commits and leaves all but the first `kept` of them in the log, as `kill -9` would. Values are long
 * enough for overflow pages, keys many enough for inner pages.
 */
export async function writeLedger(dir: string, commits: number, kept: number): Promise<WrittenLedger> {
  mkdirSync(dir, { recursive: true });
  const live = join(dir, 'live.db');
  const path = join(dir, 'fixpoint.db');
  const db = openDatabase(live, { readOnly: false, shared: false });
  if (!db.ok) throw new Error(db.error);
  db.value.pragma('wal_autocheckpoint = 0');
  const store = new SqliteStore(db.value);
  const after = [await everythingIn(store)];
  const logBytes = [0];
  for (let i = 0; i < commits; i++) {
    await store.commit(batch(i));
    if (i + 1 === kept) db.value.pragma('wal_checkpoint(TRUNCATE)');
    after.push(await everythingIn(store));
    logBytes.push(statSync(`${live}-wal`).size);
  }
  for (const end of ['', '-wal', '-shm']) copyFileSync(`${live}${end}`, `${path}${end}`);
  await store.close();
  return { path, after, logBytes };
}

function batch(i: number): Batch {
  const uid = `uid-${i % 4}`;
  const task = `align/${String((i * 37) % 101).padStart(3, '0')}`;
  const ended = { phase: 'Succeeded', reason: 'Completed', finishTime: 1_000 + i, exitCode: 0, outputs: [] } as const;
  return {
    time: 1_000_000 + i,
    entries: [
      { workflow: uid, entry: { type: 'AttemptIntended', task, attempt: attempt(i) } },
      { workflow: uid, entry: { type: 'AttemptEnded', task, number: i + 1, outcome: ended } },
    ],
    preimages: [{ digest: `template-${i % PREIMAGES}`, data: { script: `step ${i % PREIMAGES} ${'x'.repeat(300)}` } }],
    ...(i % 5 === 0 ? { workflows: [{ stored: workflow(uid, i) }] } : {}),
  };
}

function attempt(i: number): Attempt {
  return {
    number: i + 1,
    uid: `token-${i}`,
    state: 'Intended',
    generation: 1,
    definition: `definition-${i}`,
    execution: `execution-${i}`,
    handling: 'h',
    preimage: { templateDigest: `template-${i % PREIMAGES}`, values: { item: 'v'.repeat((i % 7) * 90) }, code: {} },
    contributions: { precise: {}, broad: [] },
    because: [],
    needs: { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 },
    backend: 'process',
    createTime: i,
    reads: [],
    writes: [{ name: 'o', path: `out/${i}.txt`, lookId: `look-${i}` }],
  };
}

function workflow(uid: string, i: number) {
  const metadata = {
    name: uid,
    namespace: 'default',
    uid,
    generation: i,
    resourceVersion: '0',
    creationTimestamp: '',
    annotations: { note: 'n'.repeat(i % 5 === 0 ? 6_000 : 10) },
  };
  const object = { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata, spec: { tasks: [] } } as Workflow;
  const memory = { sheets: {}, requests: {}, suspended: false, approvedGeneration: 0 };
  return { uid, deletedAt: undefined, object, memory };
}

/** A copy of a ledger whose files may be spoiled, opened as the next process would. */
export class SpoiledLedger {
  readonly path: string;
  readonly #whole: ReadonlyMap<string, Buffer>;

  constructor(dir: string, from: string) {
    this.path = join(dir, 'spoiled.db');
    mkdirSync(dirname(this.path), { recursive: true });
    const ends = ['', '-wal', '-shm'].filter((end) => existsSync(`${from}${end}`));
    this.#whole = new Map(ends.map((end) => [end, readFileSync(`${from}${end}`)]));
  }

  bytes(end: string): Buffer {
    const bytes = this.#whole.get(end);
    if (!bytes) throw new Error(`the ledger has no file ${end}`);
    return bytes;
  }

  /** Puts every file back as it was, but one as `spoil` makes it. */
  spoil(end: string, spoil: (bytes: Buffer) => Buffer): void {
    for (const each of ['', '-wal', '-shm']) {
      const bytes = this.#whole.get(each);
      if (bytes === undefined) rmSync(`${this.path}${each}`, { force: true });
      else writeFileSync(`${this.path}${each}`, each === end ? spoil(Buffer.from(bytes)) : bytes);
    }
  }

  /** What it says now, or why it was refused. */
  async says(): Promise<{ readonly text: string } | { readonly refused: string }> {
    const db = openDatabase(this.path, { readOnly: false, shared: false });
    if (!db.ok) return { refused: db.error };
    const store = new SqliteStore(db.value);
    const text = await everythingIn(store);
    await store.close();
    return { text };
  }
}

export function flipped(bytes: Buffer, bit: number): Buffer {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return bytes;
}
