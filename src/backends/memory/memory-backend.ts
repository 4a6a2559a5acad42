import type { Clock } from '../../base/clock.ts';
import { keyFileName } from '../../graph/keys.ts';
import type { Backend, Capacity, Handled, Launch, LogFrom, LogPart, Observation, SubmitOutcome } from '../backend.ts';
import { readLog } from '../read-log.ts';
import type { MemoryFiles } from './memory-files.ts';
import type { MemoryWorld } from './memory-world.ts';

/**
 * Attempts in memory, for tests of everything above the port. The adapter is what dies with a daemon; the world goes
 * on, and the next adapter adopts what it finds there, by the same rules as the process backend: a launch is handed
 * over once, a claim decides, notices only say when to look, and a sweep finds what no notice told.
 */
export interface MemoryBackendOptions {
  readonly world: MemoryWorld;
  readonly capacity: Capacity;
  /** The daemon's clock; the world has its own, which goes on when a daemon dies. */
  readonly clock: Clock;
}

/** How often attempts that are ours are looked at although nobody said anything. */
const SWEEP_INTERVAL_MS = 5_000;

export class MemoryBackend implements Backend {
  readonly name = 'memory';
  readonly keepsLanes = true;
  readonly capacity: Capacity;
  readonly files: MemoryFiles;
  readonly #world: MemoryWorld;
  readonly #clock: Clock;
  /** Tokens of attempts to report on, and whether their end was asked for. */
  readonly #open = new Map<string, { cancelling: boolean }>();
  #report: (observation: Observation) => void = () => undefined;
  #detach: () => void = () => undefined;
  #stopSweep: () => void = () => undefined;
  #closed = false;

  constructor({ world, capacity, clock }: MemoryBackendOptions) {
    this.#world = world;
    this.#clock = clock;
    this.capacity = capacity;
    this.files = world.files;
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    this.#detach = this.#world.attach((observation) => this.#noticed(observation));
    this.#scheduleSweep();
  }

  directoryFor(attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>): string {
    return `/runs/${attempt.namespace}+${attempt.workflow}/${keyFileName(attempt.key)}/${attempt.number}-${attempt.token}`;
  }

  async submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]> {
    return launches.map((launch): SubmitOutcome => {
      const { token } = launch;
      const open = this.#open.get(token);
      if (open) return { token, outcome: 'Accepted' };
      const refused = this.#world.handOver(launch);
      if (refused !== undefined) return { token, outcome: 'Refused', message: refused };
      this.#open.set(token, { cancelling: false });
      return { token, outcome: 'Accepted' };
    });
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    return attempts.map(({ token, handle }): Observation => {
      const seen = this.#world.state(token);
      if (seen.state === 'Running' || seen.state === 'Unknown') this.#open.set(token, { cancelling: false });
      // Handed over by a daemon that is gone: as long as nothing claimed it, nobody knows whether it ever will start.
      if (seen.state === 'Queued' && !this.#open.has(token)) return { token, state: 'Absent' };
      if (seen.state === 'Absent' && handle)
        return { token, state: 'Gone', claimed: true, message: 'its run folder is gone' };
      return seen;
    });
  }

  async cancel(attempts: readonly Handled[]): Promise<void> {
    for (const { token } of attempts) {
      const open = this.#open.get(token) ?? { cancelling: false };
      this.#open.set(token, open);
      if (open.cancelling) continue;
      open.cancelling = true;
      if (this.#world.withdraw(token)) this.#look(token);
      else {
        this.#world.terminate(token);
        this.#look(token);
      }
    }
  }

  async withdraw(attempts: readonly Handled[]): Promise<void> {
    for (const { token } of attempts) if (this.#world.withdraw(token)) this.#look(token);
  }

  async readLog({ token }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    const attempt = this.#world.attempts.get(token);
    const bytes = Buffer.from(attempt && attempt.state !== 'HandedOver' ? attempt.behaviour[stream] : '');
    return readLog({ size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) }, from);
  }

  async release(attempts: readonly Handled[], what: 'Displaced' | 'Compacted' | 'Everything'): Promise<void> {
    // There is no scaffolding here that compacting could take away.
    if (what === 'Compacted') return;
    for (const { token, directory } of attempts) {
      if (directory === undefined) continue;
      this.files.remove(what === 'Everything' ? directory : `${directory}/outputs`);
      if (what === 'Everything') this.#world.forget(token);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopSweep();
    this.#detach();
  }

  /** Reports of attempts that are over may come again, late: they are passed on, whoever reads them has the fence. */
  #noticed(observation: Observation): void {
    const { token, state } = observation;
    if (this.#closed) return;
    const open = this.#open.get(token);
    if (state === 'Ended' || state === 'Gone') this.#open.delete(token);
    this.#report(observation);
    if (state === 'Running' && open?.cancelling) this.#world.terminate(token);
  }

  #look(token: string): void {
    if (this.#closed || !this.#open.has(token)) return;
    const seen = this.#world.state(token);
    if (seen.state === 'Absent' || seen.state === 'Queued') return;
    if (seen.state === 'Ended' || seen.state === 'Gone') this.#open.delete(token);
    this.#report(seen);
  }

  #scheduleSweep(): void {
    this.#stopSweep = this.#clock.after(SWEEP_INTERVAL_MS, () => {
      for (const token of Array.from(this.#open.keys())) this.#look(token);
      if (!this.#closed) this.#scheduleSweep();
    });
  }
}
