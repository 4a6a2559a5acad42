import type { TaskItem } from '../../../src/apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../../../src/apis/workflow.ts';
import type { Behaviour } from '../../../src/backends/memory/behaviour.ts';
import { MemoryBackend } from '../../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../../src/backends/memory/memory-world.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Result } from '../../../src/base/result.ts';
import type { ApplyOptions, HomeError, LogOptions } from '../../../src/controllers/home.ts';
import { LocalHome } from '../../../src/controllers/local-home.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { SqliteStore } from '../../../src/store/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

export const REF = { namespace: 'default', name: 'w' };

export interface TaskText {
  readonly name: string;
  readonly [field: string]: unknown;
}

export function documentOf(
  tasks: readonly TaskText[],
  annotations: Readonly<Record<string, string>> = {},
): WorkflowDocument {
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'w', namespace: 'default', annotations: { 'fixpoint.dev/folder': '/data', ...annotations } },
    spec: { tasks: tasks.map((task) => ({ run: 'true', ...task })) },
  } as unknown as WorkflowDocument;
}

/** A home over attempts in memory and a clock that stands still; it may be closed and opened again over its ledger. */
export class HomeRig {
  readonly clock = new ManualClock();
  readonly world = new MemoryWorld(this.clock);
  readonly #store: Store;
  /** For homes that are opened from then on. */
  logsBroken = false;
  activity: 'Active' | 'Passive' = 'Active';
  /** After so many answers one question for a pre-image fails. */
  preimagesUntilFailure: number | undefined;
  home!: LocalHome;

  constructor(behaviour: (key: string) => Partial<Behaviour> = () => ({})) {
    this.world.behaviourOf = (launch) => behaviour(launch.key);
    const database = openDatabase(':memory:', { readOnly: false });
    if (!database.ok) throw new Error(database.error);
    this.#store = new SqliteStore(database.value);
  }

  /** `awaited`: as `run` opens it, which applies its document next. */
  async open(awaited?: typeof REF): Promise<this> {
    const capacity = { cpu: 4, memoryBytes: 1 << 30, gpu: 0 };
    const backend = new MemoryBackend({ world: this.world, capacity, clock: this.clock });
    if (this.logsBroken) backend.readLog = async () => Promise.reject(new Error('the file system does not answer'));
    this.home = await this.drive(
      LocalHome.open({
        store: unclosed(this.#store, (digest) => this.#preimage(digest)),
        backends: [backend],
        clock: this.clock,
        logger: silentLogger,
        keepRuns: 'compact',
        activity: this.activity,
        awaited,
        onClose: () => undefined,
      }),
    );
    return this;
  }

  async #preimage(digest: string): ReturnType<Store['preimage']> {
    if (this.preimagesUntilFailure === undefined) return this.#store.preimage(digest);
    if (this.preimagesUntilFailure-- > 0) return this.#store.preimage(digest);
    this.preimagesUntilFailure = undefined;
    throw new Error('SQLITE_IOERR');
  }

  async reopen(awaited?: typeof REF): Promise<this> {
    await this.drive(this.home.close());
    return await this.open(awaited);
  }

  /** Time goes on until the call returns. */
  async drive<T>(call: Promise<T>): Promise<T> {
    let over = false;
    const done = (): void => {
      over = true;
    };
    call.then(done, done);
    for (let round = 0; !over && round < 10_000; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!over) this.clock.step();
    }
    return await call;
  }

  async apply(document: WorkflowDocument, options: ApplyOptions = { look: true }): Promise<Workflow> {
    return valueOf(await this.drive(this.home.apply(document, options))).workflow;
  }

  async get(): Promise<Workflow> {
    return valueOf(await this.home.get(REF));
  }

  /** Time goes on until nothing runs and nothing more would be launched. */
  async untilPhase(...phases: readonly string[]): Promise<Workflow> {
    for (let round = 0; round < 10_000; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const workflow = await this.get();
      if (phases.includes(workflow.status?.phase ?? '')) return workflow;
      this.clock.step();
    }
    throw new Error(`never ${phases.join(' or ')}: ${JSON.stringify((await this.get()).status)}`);
  }

  /** Everything that can happen happens, for a while of an hour. */
  async rest(): Promise<void> {
    const end = this.clock.now() + 3_600_000;
    for (let round = 0; round < 10_000 && (this.clock.nextAt() ?? end) < end; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.clock.step();
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async tasks(): Promise<readonly TaskItem[]> {
    return valueOf(await this.home.tasks(REF));
  }

  async untilAttempts(name: string, count: number): Promise<void> {
    for (let round = 0; round < 10_000; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if ((await this.attempts())[name] === count) return;
      this.clock.step();
    }
    throw new Error(`never ${count} attempts of ${name}: ${JSON.stringify(await this.attempts())}`);
  }

  async attempts(): Promise<Record<string, number>> {
    const items = valueOf(await this.home.tasks(REF));
    return Object.fromEntries(items.map((item) => [item.metadata.name, item.status.attempts.length]));
  }

  async events(): Promise<readonly { readonly reason: string; readonly message: string }[]> {
    const found = [];
    for await (const event of this.home.events(REF, { signal: new AbortController().signal })) found.push(event);
    return found;
  }

  async logs(options: Omit<LogOptions, 'signal'>): Promise<string> {
    let text = '';
    for await (const chunk of this.home.logs(REF, { ...options, signal: new AbortController().signal }))
      text += chunk.text;
    return text;
  }
}

export function valueOf<T>(result: Result<T, HomeError>): T {
  if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.message}`);
  return result.value;
}

/** The ledger outlives the home that is closed over it. */
function unclosed(store: Store, preimage: Store['preimage']): Store {
  return {
    commit: (batch) => store.commit(batch),
    workflows: () => store.workflows(),
    records: (uid) => store.records(uid),
    eachRecord: (uid) => store.eachRecord(uid),
    record: (uid, key) => store.record(uid, key),
    journal: (query) => store.journal(query),
    preimage,
    version: () => store.version(),
    close: async () => undefined,
  };
}
