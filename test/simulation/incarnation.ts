import type { Backend, FileSpace, Handled, Observation } from '../../src/backends/backend.ts';
import type { MemoryBackend } from '../../src/backends/memory/memory-backend.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Batch, Store } from '../../src/store/store.ts';
import type { Random } from './random.ts';

/** How often a life may ask for the time while it stands still. */
const MAX_ASKED = 20_000;

type Each = (attempts: readonly Handled[]) => Promise<void>;

/** Effects of the home: all that a death can come before or after. */
export const EFFECTS = [
  'commit',
  'look',
  'submit',
  'observe',
  'withdraw',
  'cancel',
  'release',
  'restore',
  'aside',
] as const;
type Effect = (typeof EFFECTS)[number];
/**
 * Those that consist of several: a death within leaves them torn. A commit is one transaction, of which a death leaves all or
 * nothing; looking changes nothing.
 */
export const TORN = ['submit', 'withdraw', 'cancel', 'release', 'restore', 'aside'] as const satisfies Effect[];
export type Gate = `before ${Effect}` | `after ${Effect}` | `within ${(typeof TORN)[number]}`;

/**
 * One life of the daemon. Every effect passes a gate before and after, and one between any two of its parts; at the gate where
 * it dies nothing of it goes on: calls never return, timers never fire, reports are not heard.
 */
export class Incarnation {
  readonly crashed: Promise<void>;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #say: (line: string) => void;
  #crash: () => void = () => undefined;
  #dead = false;
  #underway = 0;
  #passed = 0;
  /** Gates left until it dies. */
  #gatesLeft: number | undefined;
  /** The gate where it died; undefined: not at a gate, or it lives. */
  diedAt: Gate | undefined;
  livelocked = false;
  #asked = 0;
  /** Whether effects take time and the ledger may refuse. */
  disturbed = true;

  constructor(random: Random, clock: Clock, say: (line: string) => void) {
    this.#random = random;
    this.#clock = clock;
    this.#say = say;
    this.crashed = new Promise((resolve) => {
      this.#crash = resolve;
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** An effect has begun and not ended: what is in memory may not be in the ledger. */
  get busy(): boolean {
    return this.#underway > 0;
  }

  crashAfter(gates: number | undefined): void {
    this.#gatesLeft = gates;
  }

  crash(where: string): void {
    if (this.#dead) return;
    this.#say(`CRASH at ${where}`);
    this.#dead = true;
    this.#crash();
  }

  /** Gates passed so far: where it could have died. */
  get passed(): number {
    return this.#passed;
  }

  async #gate(where: Gate): Promise<void> {
    this.#passed++;
    if (!this.#dead && this.#gatesLeft !== undefined && --this.#gatesLeft <= 0) {
      this.diedAt = where;
      this.crash(where);
    }
    if (this.#dead) await new Promise(() => undefined);
  }

  async #effect<T>(name: Effect, run: () => Promise<T>): Promise<T> {
    this.#underway++;
    try {
      await this.#gate(`before ${name}`);
      await this.#delay();
      const result = await run();
      await this.#gate(`after ${name}`);
      await this.#delay();
      return result;
    } finally {
      this.#underway--;
    }
  }

  async #delay(): Promise<void> {
    if (!this.disturbed || !this.#random.chance(0.06)) return;
    await new Promise<void>((resolve) => this.#clock.after(this.#random.pick([1, 30, 2_000]), resolve));
    if (this.#dead) await new Promise(() => undefined);
  }

  /** Called whenever everything that can happen without time passing has happened. */
  settled(): void {
    this.#asked = 0;
  }

  /** A loop without end asks for the time without end. It is broken by an error, or nobody could tell. */
  #now(): number {
    if (++this.#asked > MAX_ASKED) {
      this.livelocked = true;
      throw new Error('livelock');
    }
    return this.#clock.now();
  }

  clock(): Clock {
    const clock = this.#clock;
    return {
      now: () => this.#now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, run) =>
        clock.after(delayMs, () => {
          if (!this.#dead) run();
        }),
    };
  }

  store(inner: Store, committed: (batch: Batch) => void): Store {
    return {
      commit: (batch) =>
        this.#effect('commit', async () => {
          if (this.disturbed && !leaves(batch) && this.#random.chance(0.01)) {
            this.#say('the disk is full for a moment');
            throw new Error('SQLITE_FULL');
          }
          const result = await inner.commit(batch);
          if (result.outcome === 'Committed') committed(batch);
          return result;
        }),
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

  backend(inner: MemoryBackend): Backend {
    const moving = <T>(name: 'restore' | 'aside', run: () => Promise<T>): Promise<T> =>
      this.#effect(name, () => {
        // Whoever moves last is who lives: the dead do not go on.
        inner.files.moved = () => this.#gate(`within ${name}`);
        return run();
      });
    const oneByOne = (
      name: 'withdraw' | 'cancel' | 'release',
      attempts: readonly Handled[],
      run: Each,
    ): Promise<void> =>
      this.#effect(name, async () => {
        for (const attempt of attempts) {
          await run([attempt]);
          await this.#gate(`within ${name}`);
        }
      });
    const files: FileSpace = {
      look: (looks) => this.#effect('look', () => inner.files.look(looks)),
      restore: (attempt, outputs, into) => moving('restore', () => inner.files.restore(attempt, outputs, into)),
      setAside: (attempt, outputs) => moving('aside', () => inner.files.setAside(attempt, outputs)),
      size: (path) => inner.files.size(path),
      matching: (pattern) => this.#effect('look', () => inner.files.matching(pattern)),
    };
    return {
      name: inner.name,
      capacity: inner.capacity,
      keepsLanes: inner.keepsLanes,
      files,
      start: (report) =>
        inner.start((observation: Observation) => {
          if (!this.#dead) report(observation);
        }),
      directoryFor: (attempt) => inner.directoryFor(attempt),
      submit: (launches) =>
        this.#effect('submit', async () => {
          const outcomes = [];
          for (const launch of launches) {
            outcomes.push(...(await inner.submit([launch])));
            await this.#gate('within submit');
          }
          return outcomes;
        }),
      observe: (attempts) => this.#effect('observe', () => inner.observe(attempts)),
      withdraw: (attempts) => oneByOne('withdraw', attempts, (one) => inner.withdraw(one)),
      cancel: (attempts) => oneByOne('cancel', attempts, (one) => inner.cancel(one)),
      readLog: (attempt, stream, from) => inner.readLog(attempt, stream, from),
      release: (attempts, what) => oneByOne('release', attempts, (one) => inner.release(one, what)),
      close: () => inner.close(),
    };
  }
}

/** The last write of a deleted workflow. */
function leaves(batch: Batch): boolean {
  return batch.workflows?.some((w) => w.stored.deletedAt !== undefined) ?? false;
}
