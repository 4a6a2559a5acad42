import type { Clock } from '../../base/clock.ts';
import { ABSENT_DIGEST } from '../../planning/facts.ts';
import type { Exit, Launch, Observation } from '../backend.ts';
import { type Behaviour, contentOf, GOOD, pathsRead } from './behaviour.ts';
import { displacedPath, MemoryFiles } from './memory-files.ts';

/**
 * The world that attempts run in: files, run folders, processes. It outlives every adapter, as the machine outlives
 * the daemon. It does in memory what `attempt.sh` does: a claim per token, outputs of earlier attempts moved aside,
 * TERM, grace and KILL, walltime, stamped digests, one exit record.
 */
export interface MemoryAttempt {
  readonly launch: Launch;
  readonly behaviour: Behaviour;
  /** `Withdrawn`: the claim was taken for nobody. `Lost`: over without an exit record. */
  state: 'HandedOver' | 'Withdrawn' | 'Running' | 'Ended' | 'Lost';
  startTime: number;
  exit: Exit | undefined;
  /** TERM was sent. */
  cancelled: boolean;
  /** It waited for its turn after it was handed over. */
  followed: boolean;
  readonly reads: readonly string[];
}

/** What waits here starts when fewer than `room` of the lane run. */
interface OpenLane {
  room: number;
  running: number;
  readonly waiting: MemoryAttempt[];
}

/** Told by name of what happens, so that tests can watch for what must never happen. */
export interface Watcher {
  started(attempt: MemoryAttempt): void;
  over(attempt: MemoryAttempt): void;
}

/** What a command needs to end after TERM if it does not ignore it. */
const TERM_MS = 20;

export class MemoryWorld {
  readonly files = new MemoryFiles();
  readonly clock: Clock;
  readonly attempts = new Map<string, MemoryAttempt>();
  readonly watchers: Watcher[] = [];
  behaviourOf: (launch: Launch) => Partial<Behaviour> = () => ({});
  #listener: ((observation: Observation) => void) | undefined;
  readonly #lanes = new Map<number, OpenLane>();
  readonly #contents = new Map<string, (name: string) => string>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Reports go to whoever attached last: there is one daemon at a time. */
  attach(listener: (observation: Observation) => void): () => void {
    this.#listener = listener;
    return () => {
      if (this.#listener !== listener) return;
      this.#listener = undefined;
      // As a spawner whose daemon is gone: what waits for its turn is forgotten.
      this.#lanes.clear();
    };
  }

  alive(): MemoryAttempt[] {
    return [...this.attempts.values()].filter((a) => a.state === 'Running');
  }

  /** Why it is not taken, or nothing. Handing the same token over again changes nothing. */
  handOver(launch: Launch): string | undefined {
    if (this.attempts.has(launch.token)) return undefined;
    const behaviour = { ...GOOD, ...this.behaviourOf(launch) };
    if (behaviour.refused !== undefined) return behaviour.refused;
    const reads = pathsRead(launch);
    const attempt: MemoryAttempt = {
      launch,
      behaviour,
      state: 'HandedOver',
      startTime: 0,
      exit: undefined,
      cancelled: false,
      followed: false,
      reads,
    };
    this.attempts.set(launch.token, attempt);
    const { lane } = launch;
    if (lane) {
      const known = this.#lanes.get(lane.name) ?? { room: 0, running: 0, waiting: [] };
      this.#lanes.set(lane.name, known);
      known.room = lane.room;
      known.waiting.push(attempt);
      this.#startNext(known);
      attempt.followed = known.waiting.includes(attempt);
    } else this.clock.after(behaviour.startDelayMs, () => this.#claim(attempt));
    return undefined;
  }

  #startNext(lane: OpenLane): void {
    while (lane.running < lane.room) {
      const next = lane.waiting.shift();
      if (!next) return;
      lane.running++;
      this.clock.after(next.behaviour.startDelayMs, () => this.#claim(next));
    }
  }

  /** It is over, or there was nothing to start. */
  #leaveLane({ launch }: MemoryAttempt): void {
    const lane = launch.lane && this.#lanes.get(launch.lane.name);
    if (!lane) return;
    lane.running--;
    this.#startNext(lane);
  }

  /** Takes the claim for nobody. False: somebody has it. A token that was never handed over is withdrawn as well. */
  withdraw(token: string): boolean {
    const attempt = this.attempts.get(token);
    if (!attempt) this.#withdrawn.add(token);
    else if (attempt.state !== 'HandedOver') return false;
    else attempt.state = 'Withdrawn';
    return true;
  }

  readonly #withdrawn = new Set<string>();

  /** TERM to the runtime of a running attempt. */
  terminate(token: string): void {
    const attempt = this.attempts.get(token);
    if (!attempt || attempt.state !== 'Running' || attempt.cancelled) return;
    attempt.cancelled = true;
    const delay = attempt.behaviour.ignoresTerm ? attempt.launch.graceMs : Math.min(TERM_MS, attempt.launch.graceMs);
    this.clock.after(delay, () => this.#end(attempt, 'Cancelled', undefined));
  }

  /** The runtime is killed, and its command with it. */
  kill(token: string): void {
    const attempt = this.attempts.get(token);
    if (attempt?.state === 'Running') this.#lose(attempt);
  }

  /** What would run for ever ends now, with its exit code. */
  finish(token: string): void {
    const attempt = this.attempts.get(token);
    if (attempt) this.#exit(attempt);
  }

  /** Forgets the run folder. */
  forget(token: string): void {
    this.attempts.delete(token);
  }

  state(token: string): Observation {
    const attempt = this.attempts.get(token);
    if (!attempt) return this.#withdrawn.has(token) ? withdrawn(token) : { token, state: 'Absent' };
    if (this.#isUnknown(attempt)) return { token, state: 'Unknown', message: 'its node does not answer' };
    switch (attempt.state) {
      case 'HandedOver':
        return { token, state: 'Queued' };
      case 'Withdrawn':
        return withdrawn(token);
      case 'Running':
        return {
          token,
          state: 'Running',
          startTime: attempt.startTime,
          handle: { token },
          directory: attempt.launch.directory,
        };
      case 'Ended':
        return { token, state: 'Ended', exit: attempt.exit as Exit };
      case 'Lost':
        return { token, state: 'Gone', claimed: true, message: 'its supervising process was killed' };
    }
  }

  #isUnknown({ behaviour: { unknown }, startTime, state }: MemoryAttempt): boolean {
    if (!unknown || state === 'HandedOver' || state === 'Withdrawn') return false;
    const since = this.clock.now() - startTime;
    return since >= unknown.afterMs && since < unknown.afterMs + unknown.forMs;
  }

  #claim(attempt: MemoryAttempt): void {
    const { launch, behaviour } = attempt;
    if (attempt.state !== 'HandedOver' || this.attempts.get(launch.token) !== attempt) return this.#leaveLane(attempt);
    if (this.#withdrawn.has(launch.token)) {
      attempt.state = 'Withdrawn';
      return this.#leaveLane(attempt);
    }
    attempt.state = 'Running';
    attempt.startTime = this.clock.now();
    for (const watcher of this.watchers) watcher.started(attempt);
    this.#displace(launch);
    this.#notify(launch.token, behaviour.startNoticeMs);
    const { runMs } = behaviour;
    const walltime = launch.needs.walltimeMs === 0 ? Number.POSITIVE_INFINITY : launch.needs.walltimeMs;
    const readsAt = Number.isFinite(runMs) ? Math.floor(runMs * behaviour.readsAt) : 0;
    if (readsAt === 0) this.#readInputs(attempt);
    else this.clock.after(readsAt, () => this.#readInputs(attempt));
    if (walltime < runMs) this.clock.after(walltime, () => this.#end(attempt, 'WallTime', undefined));
    else if (Number.isFinite(runMs))
      this.clock.after(runMs, () => (behaviour.lost ? this.#lose(attempt) : this.#exit(attempt)));
  }

  #readInputs(attempt: MemoryAttempt): void {
    if (attempt.state !== 'Running') return;
    const { launch, behaviour } = attempt;
    this.#contents.set(launch.token, behaviour.content ?? contentOf(launch, this.files));
    if (behaviour.partial) for (const output of launch.outputs) this.#write(output, `partial ${launch.token}\n`);
  }

  /** An old file must never pass for a new one, and is never thrown away. */
  #displace(launch: Launch): void {
    for (const output of launch.outputs) {
      if (output.form === 'glob' || output.keepPartial || !this.files.exists(output.path)) continue;
      const into = displacedPath(output.displaceInto ?? launch.directory, output.name);
      if (this.files.exists(into)) this.files.move(into, `${into}.${launch.token}`);
      this.files.move(output.path, into);
    }
  }

  #write(output: Launch['outputs'][number], content: string): void {
    const path = output.form === 'glob' ? output.path.replace(/\*+|\?/g, '0') : output.path;
    this.files.write(path, content);
  }

  #exit(attempt: MemoryAttempt): void {
    if (attempt.state !== 'Running') return;
    const { launch, behaviour } = attempt;
    const contents = this.#contents.get(launch.token) ?? contentOf(launch, this.files);
    if (behaviour.exitCode === 0 && behaviour.verdict === 'Exited') {
      for (const output of launch.outputs)
        if (!behaviour.leavesOut.includes(output.name)) this.#write(output, contents(output.name));
    }
    this.#end(attempt, behaviour.verdict, behaviour.exitCode);
  }

  #lose(attempt: MemoryAttempt): void {
    if (attempt.state !== 'Running') return;
    attempt.state = 'Lost';
    this.#over(attempt);
  }

  #end(attempt: MemoryAttempt, verdict: Exclude<Exit['verdict'], 'Problem'>, exitCode: number | undefined): void {
    if (attempt.state !== 'Running') return;
    const { launch, startTime } = attempt;
    const outputs = new Map<string, string>();
    let problem: Exit['problem'];
    if (verdict === 'Exited' && exitCode === 0) {
      for (const { name, path, form, fingerprint, optional } of launch.outputs) {
        const digest = form === 'glob' ? this.files.glob(path, fingerprint) : this.files.digest(path, fingerprint);
        outputs.set(name, digest);
        if (digest === ABSENT_DIGEST && !optional)
          problem = { reason: 'MissingOutput', message: `output ${name} is missing after success` };
      }
    }
    const now = this.clock.now();
    attempt.exit = {
      verdict: problem ? 'Problem' : verdict,
      exitCode,
      problem,
      startTime,
      finishTime: now,
      elapsedMs: now - startTime,
      usage: {},
      outputs,
    };
    attempt.state = 'Ended';
    this.#over(attempt);
  }

  #over(attempt: MemoryAttempt): void {
    const { token } = attempt.launch;
    const { endNoticeMs, repeatMs } = attempt.behaviour;
    this.#contents.delete(token);
    for (const watcher of this.watchers) watcher.over(attempt);
    this.#leaveLane(attempt);
    this.#notify(token, endNoticeMs);
    if (repeatMs === undefined) return;
    const { startTime, launch } = attempt;
    const stale: Observation = { token, state: 'Running', startTime, handle: { token }, directory: launch.directory };
    const again = this.state(token);
    this.clock.after(repeatMs, () => {
      this.#listener?.(stale);
      this.#listener?.(again);
    });
  }

  #notify(token: string, delayMs: number | undefined): void {
    if (delayMs === undefined) return;
    const tell = (): void => {
      const seen = this.state(token);
      if (seen.state === 'Running' || seen.state === 'Ended' || seen.state === 'Gone') this.#listener?.(seen);
    };
    this.clock.after(delayMs, tell);
  }
}

function withdrawn(token: string): Observation {
  return { token, state: 'Gone', claimed: false, message: 'withdrawn before it started' };
}
