import type { WorkflowDocument } from '../../src/apis/workflow.ts';
import type { Backend, FileSpace } from '../../src/backends/backend.ts';
import type { Behaviour } from '../../src/backends/memory/behaviour.ts';
import { MemoryBackend } from '../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../src/backends/memory/memory-world.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { LocalHome } from '../../src/controllers/local-home.ts';
import { openDatabase, type Sql } from '../../src/store/database.ts';
import { SqliteStore } from '../../src/store/sqlite-store.ts';
import type { Batch, Store } from '../../src/store/store.ts';
import { ManualClock } from './manual-clock.ts';

/** How often something was done, by its name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Sorted by name, so that two of them read alike. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const STEPS_BETWEEN = 100;

/**
 * A home over attempts in memory, a ledger in memory and a clock that stands still, which counts what it asks of each of
 * them. Nothing of it is pretended: every call is passed on.
 */
export class CountedHome {
  readonly clock = new ManualClock();
  readonly world = new MemoryWorld(this.clock);
  readonly tally = new Tally();
  readonly store: Store;
  home!: LocalHome;
  #phase = '';

  constructor(behaviour: (key: string) => Partial<Behaviour>) {
    this.world.behaviourOf = ({ key }) => behaviour(key);
    const database = openDatabase(':memory:', { readOnly: false });
    if (!database.ok) throw new Error(database.error);
    this.store = new SqliteStore(countedStatements(database.value, this.tally));
  }

  async open(slots: number): Promise<this> {
    const capacity = { cpu: slots, memoryBytes: 1 << 30, gpu: 0 };
    const backend = new MemoryBackend({ world: this.world, capacity, clock: this.clock });
    this.home = await this.#drive(
      LocalHome.open({
        store: countedStore(this.store, this.tally, (batch) => this.#committed(batch)),
        backends: [countedBackend(backend, this.tally)],
        clock: this.clock,
        logger: silentLogger,
        keepRuns: 'compact',
        activity: 'Active',
        onClose: () => undefined,
      }),
    );
    return this;
  }

  async apply(document: WorkflowDocument): Promise<void> {
    this.#phase = '';
    const applied = await this.#drive(this.home.apply(document, { look: true }));
    if (!applied.ok) throw new Error(`${applied.error.reason}: ${applied.error.message}`);
  }

  /** Time goes on until the ledger says that the workflow has come to an end. `now` and then something is looked at. */
  async untilSucceeded(now: () => void = () => undefined): Promise<void> {
    for (let steps = 1; this.#phase !== 'Succeeded'; steps++) {
      await everythingThatCanHappen();
      if (steps % STEPS_BETWEEN === 0) now();
      if (this.#phase === 'Failed') throw new Error('the workflow failed');
      if (this.#phase !== 'Succeeded' && !this.clock.step()) throw new Error('nothing happens any more');
    }
    await everythingThatCanHappen();
  }

  async close(): Promise<void> {
    await this.#drive(this.home.close());
  }

  #committed(batch: Batch): void {
    for (const { entry } of batch.entries ?? []) if (entry.type === 'WorkflowPhase') this.#phase = entry.phase;
  }

  async #drive<T>(call: Promise<T>): Promise<T> {
    let over = false;
    const done = (): void => {
      over = true;
    };
    call.then(done, done);
    while (!over) {
      await everythingThatCanHappen();
      if (!over) this.clock.step();
    }
    return await call;
  }
}

async function everythingThatCanHappen(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Counts as `sql VERB TABLE` what is executed, and as `transactions` how often the disk would be waited for. */
function countedStatements(db: Sql, tally: Tally): Sql {
  const prepare = db.prepare.bind(db);
  const transaction = db.transaction.bind(db);
  const counted = (text: string): unknown => {
    const statement = prepare(text) as unknown as Record<string, (...values: unknown[]) => unknown>;
    const name = `sql ${/^\s*(\w+)/.exec(text)?.[1]} ${/(?:FROM|INTO|UPDATE)\s+(\w+)/.exec(text)?.[1] ?? ''}`;
    for (const how of ['run', 'get', 'all', 'iterate']) {
      const execute = (statement[how] as (...values: unknown[]) => unknown).bind(statement);
      statement[how] = (...values) => {
        tally.add(name);
        return execute(...values);
      };
    }
    return statement;
  };
  db.prepare = counted as Sql['prepare'];
  db.transaction = ((run: () => unknown) => {
    tally.add('transactions');
    return transaction(run);
  }) as Sql['transaction'];
  return db;
}

/** Counts `commits`, `entry TYPE`, and `read` for whatever is asked of the ledger. */
function countedStore(store: Store, tally: Tally, committed: (batch: Batch) => void): Store {
  const read = <T>(answer: T): T => {
    tally.add('ledger read');
    return answer;
  };
  return {
    commit: async (batch) => {
      tally.add('commits');
      for (const { entry } of batch.entries ?? []) tally.add(`entry ${entry.type}`);
      const result = await store.commit(batch);
      committed(batch);
      return result;
    },
    workflows: () => read(store.workflows()),
    records: (uid) => read(store.records(uid)),
    eachRecord: (uid) => read(store.eachRecord(uid)),
    record: (uid, key) => read(store.record(uid, key)),
    journal: (query) => read(store.journal(query)),
    preimage: (digest) => read(store.preimage(digest)),
    version: () => store.version(),
    close: async () => undefined,
  };
}

/** Counts calls of the backend by what is asked, and `looks` at files one by one. */
function countedBackend(inner: Backend, tally: Tally): Backend {
  const files: FileSpace = {
    look: (looks) => {
      tally.add('look calls');
      tally.add('looks', looks.length);
      return inner.files.look(looks);
    },
    restore: (attempt, outputs, into) => inner.files.restore(attempt, outputs, into),
    setAside: (attempt, outputs) => inner.files.setAside(attempt, outputs),
    matching: (pattern) => {
      tally.add('patterns matched');
      return inner.files.matching(pattern);
    },
    size: (path) => {
      tally.add('sizes asked');
      return inner.files.size(path);
    },
  };
  return {
    name: inner.name,
    capacity: inner.capacity,
    keepsLanes: inner.keepsLanes,
    files,
    start: (report) => inner.start(report),
    directoryFor: (attempt) => inner.directoryFor(attempt),
    submit: (launches) => {
      tally.add('submit calls');
      tally.add('launches', launches.length);
      return inner.submit(launches);
    },
    observe: (attempts) => {
      tally.add('observed', attempts.length);
      return inner.observe(attempts);
    },
    cancel: (attempts) => {
      tally.add('cancelled', attempts.length);
      return inner.cancel(attempts);
    },
    withdraw: (attempts) => {
      tally.add('withdrawn', attempts.length);
      return inner.withdraw(attempts);
    },
    readLog: (attempt, stream, from) => {
      tally.add('logs read');
      return inner.readLog(attempt, stream, from);
    },
    release: (attempts, what) => {
      tally.add('released', attempts.length);
      return inner.release(attempts, what);
    },
    close: () => inner.close(),
  };
}
