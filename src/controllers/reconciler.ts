import type { Observation } from '../backends/backend.ts';
import { nextEventLoopTurn } from '../base/event-loop.ts';
import { decide } from '../planning/decide.ts';
import { renamedLook } from '../planning/facts.ts';
import type { JournalEntry, TaskEntry } from '../planning/journal.ts';
import { isTaskEntry } from '../planning/journal.ts';
import { type Attempt, liveAttempt } from '../planning/record.ts';
import type { Snapshot } from '../planning/snapshot.ts';
import type { Batch, JournalLine } from '../store/store.ts';
import { type Prepared, prepare } from './executor.ts';
import type { HomeContext } from './home-context.ts';
import { keepLogTails } from './log-tails.ts';
import { lookAtAll } from './look-around.ts';
import { takeObservations } from './observations.ts';
import { takeRequests } from './requests.ts';
import { Rest } from './rest.ts';
import { nextObject, STATUS_INTERVAL_MS } from './status.ts';
import { takeSnapshot } from './take-snapshot.ts';
import { recordedBy, tidyAfter } from './tidy-after.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * The main loop, one per workflow, level-triggered: whatever happened, it looks at what should be and what is, and
 * does what is missing. One turn:
 *
 *   1 look      at files, when a document, a request or a start asks for it
 *   2 take      observations and requests, as entries
 *   3 decide    snapshot → actions, pure
 *   4 prepare   actions → entries and effects
 *   5 commit    all entries in one batch, durable; news of starts may wait for the next one
 *   6 effect    only now: submit, cancel
 *   7 show      status, if it changed
 *
 * Turns of one workflow never overlap; a poke during a turn makes another one follow. No effect comes before its commit:
 * an error of the store is tried again after a pause, and a turn that fails leaves what it took in `#unwritten`, which
 * the next one writes first.
 */
export const STORE_RETRY_MS = 1_000;
/** Nothing waits for the news that an attempt has started: it is written with what comes next, or after so long. */
const STARTS_WRITTEN_AFTER_MS = 200;
/** While enough follows what runs nothing waits for us: what ends within so long is decided and written together. */
const GATHER_MS = 10;
/** Turns in a row before timers and sockets get their say: a bug in planning must not starve the backend. */
const TURNS_BEFORE_PAUSE = 20;

type AttemptStarted = Extract<JournalEntry, { type: 'AttemptStarted' }>;
type AttemptEnded = Extract<JournalEntry, { type: 'AttemptEnded' }>;

interface Unwritten {
  readonly entries: JournalEntry[];
  readonly preimages: Prepared['preimages'];
  readonly effects: Prepared['effects'];
  /** Takes away what the entries have made worthless. */
  readonly tidying: (() => Promise<void>)[];
  /** The resource in memory is no longer the one in the ledger. */
  requestsTaken: boolean;
}

function nothingUnwritten(): Unwritten {
  return { entries: [], preimages: [], effects: [], tidying: [], requestsTaken: false };
}

export class Reconciler {
  readonly state: WorkflowState;
  readonly #home: HomeContext;
  #poked = false;
  #turning: Promise<void> | undefined;
  #stopped = false;
  /** In memory already, not in the ledger. */
  #unwritten = nothingUnwritten();
  #cancelLateWrite: (() => void) | undefined;
  #cancelLateStatus: (() => void) | undefined;
  #cancelGathering: (() => void) | undefined;
  readonly #underway = new Set<Promise<void>>();
  #waiting: (() => void)[] = [];
  #paused: Promise<void> | undefined;
  #pausesWanted = 0;
  #cancelWake: () => void = () => undefined;
  readonly #rest: Rest;

  constructor(home: HomeContext, state: WorkflowState) {
    this.#home = home;
    this.state = state;
    this.#rest = new Rest(home, state);
  }

  /** The backend reports: a turn is due, at once unless what ends is followed without us for a while. */
  observed(observation: Observation): void {
    const { inbox } = this.state;
    inbox.push(observation);
    if (this.#home.slots.followers.size <= 2 * inbox.length) this.poke();
    else this.#cancelGathering ??= this.#home.clock.after(GATHER_MS, () => this.poke());
  }

  /** Something happened: another turn is due. */
  poke(): void {
    this.#poked = true;
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    if (this.#turning || this.#paused || this.#pausesWanted > 0 || this.#stopped) return;
    this.#turning = this.#turnWhilePoked().finally(() => {
      this.#turning = undefined;
    });
  }

  /** Pokes, and resolves when a turn that began after this call has ended, well or badly. */
  async turn(): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.poke();
    });
  }

  /** Runs something between two turns: nothing else changes the state meanwhile. */
  async pause(run: () => Promise<void>): Promise<void> {
    this.#pausesWanted++;
    while (this.#turning || this.#paused) await (this.#turning ?? this.#paused?.catch(() => undefined));
    this.#pausesWanted--;
    this.#paused = this.#writtenThen(run);
    try {
      await this.#paused;
    } finally {
      this.#paused = undefined;
      if (this.#poked) this.poke();
    }
  }

  /** What changes the resource between turns must not overtake what a failed turn left. */
  async #writtenThen(run: () => Promise<void>): Promise<void> {
    if (this.#unwritten.entries.length > 0 || this.#unwritten.requestsTaken) await this.#commit();
    // No turn may follow that would: starts alone are written here.
    this.#scheduleStatus();
    await run();
  }

  /** Resolves when no turn is running or due. */
  async settled(): Promise<void> {
    while (this.#turning) await this.#turning;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    this.#cancelGathering?.();
    await this.#rest.stop();
    await this.settled();
    // What is lost here is found again by looking; it would only be later.
    if (this.#unwritten.entries.length > 0) await this.#commit().catch(() => undefined);
    this.#cancelLateStatus?.();
    await Promise.all(this.#underway);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #turnWhilePoked(): Promise<void> {
    // Let everything that happens in this turn of the event loop be seen by one decision.
    await Promise.resolve();
    let turns = 0;
    while (this.#poked && !this.#stopped && this.#pausesWanted === 0) {
      this.#poked = false;
      if (++turns % TURNS_BEFORE_PAUSE === 0) await nextEventLoopTurn();
      const waiting = this.#waiting.splice(0);
      try {
        if (await this.#turn()) this.#poked = true;
        for (const resolve of waiting) resolve();
      } catch (error) {
        for (const resolve of waiting) resolve();
        this.#home.logger.error(
          { workflow: this.state.stored.object.metadata.name, error: String(error) },
          'a turn failed',
        );
        this.state.board.markAll();
        this.#cancelWake = this.#home.clock.after(STORE_RETRY_MS, () => this.poke());
        return;
      }
    }
  }

  /** True: something was written, so the world is worth another look. */
  async #turn(): Promise<boolean> {
    const { state } = this;
    const home = this.#home;
    if (state.resting) return false;
    if (state.lookNeeded) await this.#look();

    const observed = await takeObservations(
      state,
      home.files,
      (token) => home.tokens.get(token)?.key,
      home.clock.now(),
    );
    this.#take(observed);
    const requested = await takeRequests(home, state);
    this.#unwritten.requestsTaken ||= requested.stored !== undefined;
    this.#take(requested.entries);

    const decision = decide(state.board, this.snapshot());
    const prepared = await prepare(home, state, decision.actions);
    this.#unwritten.preimages.push(...prepared.preimages);
    this.#unwritten.effects.push(...prepared.effects);
    for (const note of prepared.notes) note();
    this.#take(prepared.entries);

    const took = observed.length + requested.entries.length + prepared.entries.length > 0;
    if (!this.#mayWait()) await this.#commit();
    this.#scheduleStatus();
    keepLogTails(home, state, () => this.poke());
    this.#scheduleWake(decision.wakeAt);
    this.#rest.mayBegin();
    if (state.mode === 'Deleting' && state.book.live.size === 0) home.removed(state.uid);
    return took || !state.board.isClean || state.inbox.length > 0;
  }

  /** Only starts: nothing follows from them. */
  #mayWait(): boolean {
    const { entries, effects, requestsTaken } = this.#unwritten;
    const starts = entries.length > 0 && entries.every(({ type }) => type === 'AttemptStarted');
    if (!starts || effects.length > 0 || requestsTaken) return false;
    if (this.#cancelLateWrite) return true;
    this.#cancelLateWrite = this.#home.clock.after(STARTS_WRITTEN_AFTER_MS, () => {
      void this.pause(() => Promise.resolve()).catch((e: unknown) => this.#effectFailed(e));
    });
    return true;
  }

  #take(entries: readonly JournalEntry[]): void {
    // Whatever has to be read of the ledger for them is, before the first of them counts.
    for (const entry of entries) if (isTaskEntry(entry)) this.state.unfold(entry);
    for (const entry of entries) {
      if (entry.type === 'AttemptEnded') this.#unwritten.entries.push(this.#withStart(entry));
      else this.#unwritten.entries.push(entry);
      if (isTaskEntry(entry)) this.#apply(entry);
    }
  }

  /** The news of a start that is not written yet goes with that of the end: one entry for an attempt that was short. */
  #withStart(end: AttemptEnded): AttemptEnded {
    const { entries } = this.#unwritten;
    const at = entries.findIndex((e) => e.type === 'AttemptStarted' && e.task === end.task && e.number === end.number);
    if (at < 0) return end;
    const [{ startTime, handle, directory }] = entries.splice(at, 1) as [AttemptStarted];
    return { ...end, start: { startTime, handle, directory } };
  }

  async #look(): Promise<void> {
    const { state } = this;
    state.lookNeeded = false;
    await lookAtAll(this.#home, state);
    state.unrestorable.clear();
    state.unmovable.clear();
  }

  #apply(entry: TaskEntry): void {
    const { state } = this;
    const live = liveAttempt(state.book.get(entry.task));
    state.apply(entry);
    if (entry.type === 'AttemptEnded' && live) {
      this.#unwritten.tidying.push(...recordedBy(this.#home, live));
      this.#ended(live, entry);
    }
    if (entry.type === 'AttemptReleased' && live) this.#home.slots.of(live.backend).giveBack(live.uid);
  }

  #ended({ uid, backend }: Attempt, entry: Extract<TaskEntry, { type: 'AttemptEnded' }>): void {
    const { state } = this;
    this.#home.slots.of(backend).giveBack(uid, entry.outcome.elapsedMs);
    this.#home.tokens.delete(uid);
    state.cancelling.delete(uid);
    state.withdrawing.delete(uid);
    state.unconfirmed.delete(uid);
    const attempts = state.book.get(entry.task)?.attempts ?? [];
    for (const write of attempts.at(-1)?.writes ?? []) {
      const made = entry.outcome.outputs.find((o) => o.name === write.name);
      // What it did to an output that it did not stamp, only a look can tell: another task may have made that file.
      const look = renamedLook(write.lookId);
      if (made) {
        state.setFact(look, made.digest);
        this.#rest.made(look);
      } else state.forgetFact(look);
    }
    // A success makes what earlier attempts left aside worthless, unless the user wants it all kept.
    if (entry.outcome.phase === 'Succeeded' && this.#home.keepRuns !== 'all')
      // Not before the success is durable: until then its folder is the only record of it.
      this.#unwritten.tidying.push(() => tidyAfter(this.#home, state, entry.task, attempts));
  }

  snapshot(): Snapshot {
    return takeSnapshot(this.#home, this.state);
  }

  /** Makes everything unwritten durable, and lets its effects happen. */
  async #commit(): Promise<void> {
    const { state } = this;
    const home = this.#home;
    const { entries, preimages, requestsTaken } = this.#unwritten;
    const now = home.clock.now();
    const base = state.stored;
    const object = nextObject(state, base, now, home.clock);
    const phase = object.status?.phase;
    const phaseChanged =
      phase !== undefined &&
      (phase !== base.object.status?.phase || object.status?.reason !== base.object.status?.reason);
    const all = phaseChanged
      ? [
          ...entries,
          {
            type: 'WorkflowPhase' as const,
            phase: object.status?.phase ?? '',
            reason: object.status?.reason ?? '',
            message: object.status?.message ?? '',
          },
        ]
      : entries;
    const objectChanged = requestsTaken || object !== base.object;
    if (all.length === 0 && !objectChanged) return this.#written();
    const stored = { ...base, object };
    const batch: Batch = {
      time: now,
      entries: all.map((entry) => ({ workflow: state.uid, entry })),
      preimages,
      ...(objectChanged ? { workflows: [{ stored }] } : {}),
    };
    const committed = await this.#persist(batch);
    if (objectChanged) {
      state.stored = { ...stored, version: committed.version };
      home.published(state.stored, 'MODIFIED');
    }
    state.written(entries);
    if (all.length > 0) {
      const lines: JournalLine[] = all.map((entry, i) => ({
        seq: committed.seqs[i] as number,
        time: now,
        workflow: state.uid,
        entry,
      }));
      home.journaled(lines);
    }
    this.#written();
  }

  #written(): void {
    const { effects, tidying } = this.#unwritten;
    this.#cancelLateWrite?.();
    this.#cancelLateWrite = undefined;
    this.#unwritten = nothingUnwritten();
    // Whoever stops starts nothing more: the next start finds the intents, and what is to be cancelled.
    for (const effect of this.#stopped ? tidying : [...effects, ...tidying]) {
      const underway: Promise<void> = effect()
        .then(
          () => this.#afterEffect(),
          (e: unknown) => this.#effectFailed(e),
        )
        .finally(() => this.#underway.delete(underway));
      this.#underway.add(underway);
    }
  }

  /** A full disk or a hiccup of it ends nothing: what runs goes on, and we wait until the ledger takes it. */
  async #persist(batch: Batch): Promise<{ version: number; seqs: readonly number[] }> {
    for (;;) {
      try {
        const committed = await this.#home.store.commit(batch);
        if (committed.outcome === 'Committed') return committed;
        throw new Error('an unconditional commit was refused');
      } catch (error) {
        this.#home.logger.error({ error: String(error) }, 'the ledger cannot be written; trying again');
        await new Promise<void>((resolve) => this.#home.clock.after(STORE_RETRY_MS, resolve));
        if (this.#stopped) throw error;
      }
    }
  }

  #afterEffect(): void {
    if (this.state.inbox.length > 0) this.poke();
  }

  #effectFailed(error: unknown): void {
    this.#home.logger.error({ error: String(error) }, 'an effect failed; it is decided again');
    this.state.cancelling.clear();
    this.state.withdrawing.clear();
    this.state.board.markAll();
    this.#cancelWake = this.#home.clock.after(STORE_RETRY_MS, () => this.poke());
  }

  /** Counts that changed within a second of the last write are written when that is over, whatever else happens. */
  #scheduleStatus(): void {
    if (!this.state.statusLate || this.#cancelLateStatus || this.#stopped) return;
    this.#cancelLateStatus = this.#home.clock.after(STATUS_INTERVAL_MS, () => {
      this.#cancelLateStatus = undefined;
      this.poke();
    });
  }

  #scheduleWake(at: number | undefined): void {
    this.#cancelWake();
    if (at === undefined) return;
    this.#cancelWake = this.#home.clock.after(Math.max(0, at - this.#home.clock.now()), () => this.poke());
  }
}
