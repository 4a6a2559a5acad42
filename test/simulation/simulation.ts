import type { TaskItem } from '../../src/apis/task-view.ts';
import type { Behaviour } from '../../src/backends/memory/behaviour.ts';
import { MemoryBackend } from '../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../src/backends/memory/memory-world.ts';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Verb, VerbRequest } from '../../src/controllers/home.ts';
import { LocalHome } from '../../src/controllers/local-home.ts';
import { openDatabase } from '../../src/store/database.ts';
import { SqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { ManualClock } from '../rig/manual-clock.ts';
import { Incarnation } from './incarnation.ts';
import type { Random } from './random.ts';
import {
  documentOf,
  EXTERNAL_FILES,
  edit,
  externalFile,
  forgetIds,
  type Model,
  randomModel,
} from './random-workflow.ts';
import { Witness } from './witness.ts';

/**
 * One history: a workflow lives through edits, failures, requests and deaths of the daemon, then everything that
 * disturbs it stops, and it must come to rest where a run from scratch would have come.
 */
const REF = { namespace: 'default', name: 'sim' };
const CAPACITY = { cpu: 4, memoryBytes: 1 << 30, gpu: 0 };
/** Once nothing disturbs it any more, a workflow of a dozen tasks is done within this. */
const LIVENESS_BOUND_MS = 2 * 3600 * 1000;

export interface HistoryOptions {
  readonly steps: number;
  readonly crashes: boolean;
  readonly failures: boolean;
  /** Results made by hand: the bytes of a run from scratch are others. */
  readonly byHand: boolean;
}

export class Simulation {
  readonly history: string[] = [];
  readonly clock = new ManualClock();
  readonly world: MemoryWorld;
  readonly witness: Witness;
  readonly #random: Random;
  readonly #options: HistoryOptions;
  readonly #store: Store;
  #life!: Incarnation;
  #home!: LocalHome;
  #model: Model;
  #models: Model[] = [];
  #calm = false;
  #requests = 0;
  #contents = 0;
  #plan: ReadonlyMap<string, string> | undefined;
  /** External files have changed since they were looked at. */
  #drifted = false;

  constructor(random: Random, options: HistoryOptions) {
    forgetIds();
    this.#random = random;
    this.#options = options;
    this.world = new MemoryWorld(this.clock);
    this.world.behaviourOf = () => this.#behaviour();
    this.witness = new Witness(this.world, CAPACITY.cpu, (line) => this.#say(line));
    const database = openDatabase(':memory:', { readOnly: false });
    if (!database.ok) throw new Error(database.error);
    this.#store = new SqliteStore(database.value);
    this.#model = randomModel(random);
    for (let i = 0; i < EXTERNAL_FILES; i++) this.world.files.write(externalFile(i), `external ${i}`);
  }

  #say(line: string): void {
    this.history.push(`${String(this.clock.monotonic()).padStart(8)} ${line}`);
  }

  #fail(rule: string): never {
    this.#say(`VIOLATION ${rule}`);
    throw new Error(rule);
  }

  // -- time and lives -----------------------------------------------------------------------------------------------

  /** Everything that can happen without time passing, happens. */
  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#life.settled();
    if (this.#life.livelocked) this.#fail('P1 livelock: turn follows turn without end');
    if (this.witness.violations.length > 0) throw new Error(this.witness.violations[0]);
  }

  /** Time goes on until the call returns or the daemon dies; undefined: it died. */
  async #drive<T>(call: Promise<T>): Promise<{ readonly value: T } | undefined> {
    let done: { readonly value: T } | undefined;
    let failed: Error | undefined;
    call.then(
      (value) => {
        done = { value };
      },
      (error: unknown) => {
        failed = error instanceof Error ? error : new Error(String(error));
      },
    );
    for (let i = 0; i < 20_000; i++) {
      await this.#settle();
      if (done || this.#life.dead) return done;
      if (failed !== undefined) {
        if (failed.message.includes('SQLITE_FULL')) return undefined;
        throw failed;
      }
      if (!this.clock.step()) break;
    }
    return this.#fail('a call of the home never returns');
  }

  async #open(): Promise<void> {
    for (;;) {
      const life = new Incarnation(this.#random, this.clock, (line) => this.#say(line));
      this.#life = life;
      life.disturbed = !this.#calm;
      this.#say('OPEN');
      const backend = life.backend(new MemoryBackend({ world: this.world, capacity: CAPACITY, clock: life.clock() }));
      const store = life.store(this.#store, (batch) => this.witness.committed(batch));
      const opened = await this.#drive(
        LocalHome.open({
          store,
          backends: [backend],
          clock: life.clock(),
          logger: silentLogger,
          keepRuns: 'compact',
          activity: 'Active',
          onClose: () => undefined,
        }),
      );
      if (opened) {
        this.#home = opened.value;
        return;
      }
      life.crash('opening');
    }
  }

  async #revive(): Promise<void> {
    if (!this.#life.dead) return;
    if (this.#random.chance(0.7)) await this.#pass(this.#random.pick([0, 5, 1_000, 60_000]));
    await this.#open();
  }

  /** Time passes for the world, and for the daemon while it lives. */
  async #pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    await this.#settle();
    while ((this.clock.nextAt() ?? Number.POSITIVE_INFINITY) <= until) {
      this.clock.step();
      await this.#settle();
    }
    this.clock.after(until - this.clock.now(), () => undefined);
    this.clock.step();
    await this.#settle();
  }

  // -- what happens ---------------------------------------------------------------------------------------------------

  #behaviour(): Partial<Behaviour> {
    const random = this.#random;
    const runMs = random.pick([5, 50, 1_000, 20_000]);
    if (this.#calm || !this.#options.failures)
      return { runMs, startDelayMs: random.pick([0, 3]), readsAt: random.pick([0, 0.5, 1]) };
    const trouble = random.below(12);
    return {
      runMs: trouble === 0 ? Number.POSITIVE_INFINITY : runMs,
      startDelayMs: random.pick([0, 0, 3, 3_000]),
      exitCode: trouble === 1 || trouble === 2 ? random.pick([1, 2, 137]) : 0,
      lost: trouble === 3,
      ...(trouble === 4 ? { refused: 'no room' } : {}),
      ...(trouble === 5 ? { leavesOut: ['o0'] } : {}),
      ignoresTerm: random.chance(0.2),
      partial: trouble !== 5 && random.chance(0.3),
      readsAt: random.pick([0, 0.5, 1]),
      startNoticeMs: random.pick([0, 0, 100, undefined]),
      endNoticeMs: random.pick([0, 0, 700, undefined]),
      repeatMs: random.pick([undefined, undefined, 10, 9_000]),
      unknown: random.chance(0.1)
        ? { afterMs: random.pick([0, 10, 900]), forMs: random.pick([10, 8_000, 60_000]) }
        : undefined,
    };
  }

  async run(): Promise<void> {
    await this.#open();
    await this.#apply(this.#model, 'first');
    for (let i = 0; i < this.#options.steps; i++) {
      await this.#step();
      await this.#revive();
    }
    await this.#calmDown();
    await this.#final();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const what = random.below(20);
    if (this.#options.crashes && random.chance(0.3)) this.#life.crashAfter(random.between(1, 12));
    if (what < 6) return this.#pass(random.pick([1, 30, 500, 5_000, 30_000, 120_000]));
    if (what < 11) return this.#edit();
    if (what === 11) return this.#rest();
    if (what === 12 || what === 13) {
      const number = random.below(EXTERNAL_FILES);
      this.#say(`external file ${number} changes`);
      this.world.files.write(externalFile(number), `external ${number} version ${++this.#contents}`);
      this.#drifted = true;
      // Whatever looks at it from now on may find what no plan knew.
      this.#checkPlan();
      this.#plan = undefined;
      if (random.chance(0.6)) await this.#apply(this.#model, 'look');
      return;
    }
    if (what < 17) return this.#verb();
    if (what === 17) return this.#tamper();
    if (what === 18) return this.#deleteAndBack();
    if (this.#options.crashes) this.#life.crash('a moment of rest');
  }

  async #edit(): Promise<void> {
    const random = this.#random;
    const back = this.#models.length > 0 && random.chance(0.25);
    let next = back ? random.pick(this.#models) : this.#model;
    let what = 'revert';
    if (!back) {
      const whats: string[] = [];
      for (let n = random.pick([1, 1, 1, 2, 4]); n > 0; n--) {
        const edited = edit(next, random);
        next = edited.model;
        whats.push(edited.what);
      }
      what = whats.join(', ');
    }
    await this.#apply(next, what);
  }

  async #apply(model: Model, what: string): Promise<void> {
    const document = documentOf(model);
    this.#say(`APPLY ${what}`);
    this.#checkPlan();
    this.#plan = undefined;
    const live = new Set(this.#live());
    const look = what === 'look' || what === 'first' || this.#calm;
    const version = this.witness.entries;
    const planned = await this.#drive(this.#home.plan(document));
    if (!planned) return;
    if (!planned.value.ok) {
      if (planned.value.error.reason !== 'Invalid') this.#fail(`plan: ${JSON.stringify(planned.value.error)}`);
      this.#say(`  refused: ${planned.value.error.message}`);
      return;
    }
    this.witness.newEpoch();
    const applied = await this.#drive(this.#home.apply(document, { look }));
    if (applied && !applied.value.ok) {
      if (applied.value.error.reason === 'Conflict') return;
      this.#fail(`apply: ${JSON.stringify(applied.value.error)}`);
    }
    // A daemon that died in it may have taken the document or not: what it took counts.
    if (!applied) {
      await this.#revive();
      const again = await this.#drive(this.#home.apply(document, { look: true }));
      if (!again?.value.ok) return;
    }
    if (look) this.#drifted = false;
    this.#models.push(this.#model);
    this.#model = model;
    const plan = new Map(planned.value.value.tasks.map((t) => [t.name, t.action as string]));
    this.#say(`  plan ${planned.value.value.tasks.map((t) => `${t.name}:${t.action}(${t.reason})`).join(' ')}`);
    // What happened between plan and apply was not planned with it.
    if (!applied || this.witness.entriesAtEpoch !== version) return;
    for (const key of [...live, ...this.#live()]) plan.delete(key);
    // An intent that is on its way into the ledger is alive for the home, and fails as it likes.
    for (const task of planned.value.value.tasks) if (task.reason === 'Running') plan.delete(task.name);
    this.#plan = plan;
  }

  #live(): string[] {
    const keys: string[] = [];
    for (const records of this.witness.records.values())
      for (const record of records.values())
        if (record.attempts.at(-1)?.state !== 'Ended' && record.attempts.length > 0) keys.push(record.key);
    return keys;
  }

  /** What ran since the last edit is what its plan said would. */
  #checkPlan(): void {
    const plan = this.#plan;
    if (!plan) return;
    this.#plan = undefined;
    for (const key of this.witness.ran)
      if (plan.has(key) && !['Create', 'Reset', 'CancelAndReset', 'Reevaluate'].includes(plan.get(key) as string))
        this.#fail(`plan: ${key} ran, the plan said ${plan.get(key)}`);
  }

  async #request(request: Omit<VerbRequest, 'id'>): Promise<void> {
    this.#checkPlan();
    this.#plan = undefined;
    const id = `request-${++this.#requests}`;
    this.#say(`REQUEST ${JSON.stringify(request)}`);
    for (let i = 0; i < 3; i++) {
      const answer = await this.#drive(this.#home.request(REF, { ...request, id }));
      if (answer) return;
      await this.#revive();
      if (!this.#calm) return;
    }
  }

  async #verb(): Promise<void> {
    const random = this.#random;
    const verbs: Verb[] = this.#options.byHand
      ? ['retry', 'reset', 'cancel', 'suspend', 'resume', 'complete', 'fail', 'accept']
      : ['retry', 'reset', 'cancel', 'suspend', 'resume', 'resume'];
    const task = random.pick(this.#model.tasks).name;
    await this.#request({
      verb: random.pick(verbs),
      ...(random.chance(0.7) ? { tasks: [task] } : {}),
      ...(random.chance(0.3) ? { only: true } : {}),
      ...(random.chance(0.3) ? { ancestors: true } : {}),
    });
  }

  /** Somebody deletes or overwrites a result. Only while nothing runs: what runs could read it unseen. */
  async #tamper(): Promise<void> {
    if (this.#live().length > 0) return;
    const made = [...this.witness.records.values()].flatMap((r) =>
      [...r.values()].flatMap((t) => t.attempts.at(-1)?.writes ?? []),
    );
    const paths = made.map((w) => w.path).filter((path) => this.world.files.exists(path));
    if (paths.length === 0) return;
    const path = this.#random.pick(paths);
    this.#say(`TAMPER with ${path}`);
    if (this.#random.chance(0.5)) this.world.files.remove(path);
    else this.world.files.write(path, `tampered ${++this.#contents}`);
    await this.#apply(this.#model, 'look');
  }

  async #deleteAndBack(): Promise<void> {
    this.#say('DELETE');
    this.#checkPlan();
    this.#plan = undefined;
    await this.#drive(this.#home.delete(REF));
    await this.#revive();
    for (let i = 0; i < 50; i++) {
      const found = await this.#drive(this.#home.get(REF));
      if (found && !found.value.ok) break;
      await this.#pass(5_000);
      await this.#revive();
    }
    const found = await this.#drive(this.#home.get(REF));
    if (!found || found.value.ok) return;
    if (this.world.alive().length > 0) this.#fail('P5 something runs after its workflow is gone');
    await this.#pass(this.#random.pick([0, 1_000]));
    await this.#revive();
    await this.#apply(this.#model, 'back again');
  }

  // -- rest -------------------------------------------------------------------------------------------------------------

  async #phase(): Promise<string | undefined> {
    const found = await this.#drive(this.#home.get(REF));
    if (!found) return undefined;
    return found.value.ok ? found.value.value.status?.phase : 'NotFound';
  }

  /** Until the workflow is final, or the time is over. */
  async #restWithin(ms: number): Promise<boolean> {
    const until = this.clock.now() + ms;
    for (;;) {
      await this.#settle();
      if (this.#life.dead) return false;
      if (
        !this.#life.busy &&
        this.#live().length === 0 &&
        this.world.alive().length === 0 &&
        ['Succeeded', 'Failed', 'Cancelled', 'Suspended'].includes((await this.#phase()) ?? '')
      )
        return true;
      if (this.clock.now() >= until || !this.clock.step()) return false;
    }
  }

  /** In the middle of a history: if it comes to rest, what must hold at rest holds. */
  async #rest(): Promise<void> {
    if (!(await this.#restWithin(20 * 60_000))) return;
    this.#say('REST');
    this.#checkPlan();
    await this.#checkRest();
  }

  async #calmDown(): Promise<void> {
    this.#say('CALM');
    this.#calm = true;
    this.#life.crashAfter(undefined);
    this.#life.disturbed = false;
    await this.#revive();
    for (const attempt of this.world.alive())
      if (!Number.isFinite(attempt.behaviour.runMs))
        this.clock.after(1_000, () => this.world.finish(attempt.launch.token));
    await this.#pass(120_000);
    await this.#apply(this.#model, 'last');
    await this.#request({ verb: 'resume' });
    await this.#request({ verb: 'approve' });
    for (let round = 0; round < 4; round++) {
      if (!(await this.#restWithin(LIVENESS_BOUND_MS)))
        this.#fail(
          `P1 it does not come to rest: ${JSON.stringify((await this.#tasks()).map((t) => `${t.metadata.name} ${t.status.phase} ${t.status.reason}`))}`,
        );
      const phase = await this.#phase();
      // A failure that others handle is none of the workflow's, and could still be mended.
      if (phase === 'Succeeded' && !(await this.#tasks()).some((t) => t.status.phase === 'Failed')) return;
      await this.#request({ verb: 'retry' });
    }
    if ((await this.#phase()) === 'Succeeded') return;
    this.#fail(
      `P1 it ends ${await this.#phase()} although nothing fails any more: ${JSON.stringify((await this.#tasks()).map((t) => `${t.metadata.name} ${t.status.phase} ${t.status.reason}`))}`,
    );
  }

  async #tasks(): Promise<readonly TaskItem[]> {
    const tasks = await this.#drive(this.#home.tasks(REF));
    return tasks?.value.ok ? tasks.value.value : [];
  }

  async #checkRest(): Promise<void> {
    await this.#checkRecords();
    await this.#checkBoard();
  }

  /** P9: what the store keeps is what the journal says. */
  async #checkRecords(): Promise<void> {
    for (const [uid, records] of this.witness.records) {
      const sorted = (list: readonly { readonly key: string }[]): string =>
        canonicalJson([...list].sort((a, b) => (a.key < b.key ? -1 : 1)));
      const kept = sorted(await this.#store.records(uid));
      const replayed = sorted(JSON.parse(JSON.stringify([...records.values()])) as { key: string }[]);
      if (kept !== replayed) this.#fail('P9 records are not the reduction of the journal');
    }
  }

  /** A home that has just opened sees every task as the one that followed all changes. */
  async #checkBoard(): Promise<void> {
    const said = (tasks: readonly TaskItem[]): string[] =>
      tasks.map(
        (t) =>
          `${t.metadata.name} ${t.status.phase} ${t.status.phase === 'Ready' ? '' : t.status.reason} ${t.status.identity.execution ?? ''}`,
      );
    const before = said(await this.#tasks());
    const store: Store = { ...this.#passive() };
    const fresh = await this.#drive(
      LocalHome.open({
        store,
        backends: [new MemoryBackend({ world: this.world, capacity: CAPACITY, clock: this.clock })],
        clock: this.clock,
        logger: silentLogger,
        keepRuns: 'compact',
        activity: 'ReadOnly',
        onClose: () => undefined,
      }),
    );
    if (!fresh) return;
    const tasks = await fresh.value.tasks(REF);
    const after = tasks.ok ? said(tasks.value) : [];
    // One that has just opened does not know yet which outputs could not be put back, and would try again first.
    if (after.some((line) => line.includes(' Pending Restoring '))) return;
    const differing = before.filter((line, i) => line !== after[i]);
    if (this.#drifted || differing.length === 0) return;
    this.#fail(
      `P9 a fresh home sees other things: ${differing[0]}, fresh: ${after[before.indexOf(differing[0] as string)]}`,
    );
  }

  #passive(): Store {
    const inner = this.#store;
    return {
      commit: () => Promise.reject(new Error('a home that only reads writes')),
      workflows: () => inner.workflows(),
      records: (uid) => inner.records(uid),
      eachRecord: (uid) => inner.eachRecord(uid),
      record: (uid, key) => inner.record(uid, key),
      journal: (query) => inner.journal(query),
      preimage: (digest) => inner.preimage(digest),
      version: () => inner.version(),
      close: async () => undefined,
    };
  }

  async #final(): Promise<void> {
    this.#say('FINAL');
    this.#checkPlan();
    await this.#checkRest();
    await this.#checkIdle('apply of the unchanged document', async () => {
      await this.#drive(this.#home.apply(documentOf(this.#model)));
    });
    await this.#checkIdle('apply that looks', async () => {
      await this.#drive(this.#home.apply(documentOf(this.#model), { look: true }));
    });
    await this.#checkIdle('another start', async () => {
      this.#life.crash('the end');
      await this.#open();
    });
    if (!this.#options.byHand) await this.#checkBytes();
  }

  /** On an unchanged world nothing is done and nothing is written. */
  async #checkIdle(what: string, run: () => Promise<void>): Promise<void> {
    const version = this.#store.version();
    await run();
    await this.#pass(60_000);
    if (this.#store.version() !== version) this.#fail(`idempotence: ${what} wrote something`);
  }

  /** The files are those that a run from scratch of the last document makes. */
  async #checkBytes(): Promise<void> {
    const scratch = new MemoryWorld(this.clock);
    for (let i = 0; i < EXTERNAL_FILES; i++)
      scratch.files.write(externalFile(i), this.world.files.read(externalFile(i)) as string);
    const database = openDatabase(':memory:', { readOnly: false });
    if (!database.ok) throw new Error(database.error);
    const home = await LocalHome.open({
      store: new SqliteStore(database.value),
      backends: [new MemoryBackend({ world: scratch, capacity: CAPACITY, clock: this.clock })],
      clock: this.clock,
      logger: silentLogger,
      keepRuns: 'compact',
      activity: 'Active',
      onClose: () => undefined,
    });
    await this.#drive(home.apply(documentOf(this.#model)));
    await this.#pass(10 * 60_000);
    const here = new Map((await this.#tasks()).map((t) => [t.metadata.name, t]));
    const there = await home.tasks(REF);
    for (const task of there.ok ? there.value : []) {
      const key = task.metadata.name;
      const phase = here.get(key)?.status.phase;
      if (phase !== task.status.phase) this.#fail(`P4 ${key} is ${phase}, from scratch it is ${task.status.phase}`);
    }
    for (const attempt of scratch.attempts.values())
      for (const { path } of attempt.launch.outputs)
        if (
          here.get(attempt.launch.key)?.status.phase === 'Succeeded' &&
          this.world.files.read(path) !== scratch.files.read(path)
        )
          this.#fail(`P4 ${path} of ${attempt.launch.key} is not what a run from scratch makes`);
    await home.close();
  }
}
