import type { Clock } from '../../base/clock.ts';
import { failPoint } from '../../base/fail-point.ts';
import type { Json } from '../../base/json.ts';
import { MAX_LOG_BYTES } from '../../base/limits.ts';
import { within } from '../../base/within.ts';
import type { Backend, Capacity, Handled, Launch, LogFrom, LogPart, Observation, SubmitOutcome } from '../backend.ts';
import { refusedLaunch } from '../refused-launch.ts';
import { runDirectory } from '../run-directory.ts';
import { type AttemptState, AttemptStates, fromClaim } from './attempt-state.ts';
import type { DigestsFile } from './digests-log.ts';
import { type ExitRecord, parseExitRecord } from './exit-record.ts';
import { HostFiles } from './file-space.ts';
import { GpuSlots } from './gpu-slots.ts';
import { hostIdentity, isAlive, type ProcessHandle, sameHost } from './host-identity.ts';
import { laneNow } from './lane-now.ts';
import { Leftovers } from './leftovers.ts';
import { limitLogs } from './log-limit.ts';
import { MemorySampler } from './memory-sampler.ts';
import { isPlain, nativeOrder } from './native-order.ts';
import { OomKills } from './oom-kills.ts';
import { newlyOpen, type OpenAttempt, type Order } from './open-attempt.ts';
import { readRunLog } from './read-run-log.ts';
import { claimTime, makeRunFolder, readClaim, readGpus, withdraw } from './run-folder.ts';
import { Spawner } from './spawner.ts';
import { releaseRunFolders } from './tidy-run-folder.ts';

/**
 * Attempts as processes of this host.
 *
 * A launch is a run folder and a line to the spawner. Whether an attempt lives is read from the folder: its exit
 * record, else its claim and the process that the claim names (`attempt-state.ts`). Notices only say when to look.
 */
export interface ProcessBackendOptions {
  readonly runsDir: string;
  readonly capacity: Capacity;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Where digests of files are kept between two homes; undefined: in memory only. */
  readonly digestsFile?: DigestsFile | undefined;
  /** The native spawner; undefined: the shell's. */
  readonly nativeSpawner?: string | undefined;
}

/** How often attempts that should be running are looked at although nobody said anything. */
const SWEEP_INTERVAL_MS = 5_000;
/** A start waits so long for what became of an attempt before it goes on without. */
const OBSERVE_MS = 200;
/** What no runtime has claimed after so long is handed over again. */
const UNCLAIMED_MS = 30_000;

export class ProcessBackend implements Backend {
  readonly name = 'process';
  readonly capacity: Capacity;
  readonly files: HostFiles;
  readonly #options: ProcessBackendOptions;
  readonly #spawner: Spawner;
  readonly #gpus: GpuSlots;
  readonly #sampler: MemorySampler;
  readonly #leftovers: Leftovers;
  readonly #states: AttemptStates;
  readonly #oomKills: OomKills;
  /** Attempts that are ours to report on, by token. */
  readonly #open = new Map<string, OpenAttempt>();
  /** Logs that are being cut. */
  readonly #cuts = new Set<Promise<void>>();
  #report: (observation: Observation) => void = () => undefined;
  #stopSweep: () => void = () => undefined;
  #closed = false;

  constructor(options: ProcessBackendOptions) {
    this.#options = options;
    this.capacity = options.capacity;
    this.files = new HostFiles(options.clock, { digests: options.digestsFile, reserved: [options.runsDir] });
    this.#gpus = new GpuSlots(options.capacity.gpu);
    this.#sampler = new MemorySampler(options.clock);
    this.#leftovers = new Leftovers(options.clock);
    this.#states = new AttemptStates(options.clock, options.runsDir);
    this.#oomKills = new OomKills(options.clock);
    this.#spawner = new Spawner(
      {
        started: (token, pid, startTicks, claimedAt) => void this.#started(token, pid, startTicks, claimedAt),
        ended: (token, claimedAt, record) => this.#endedNow(token, claimedAt, record),
        refused: (token, why) => this.#refused(token, why),
        died: () => void this.#resubmit(),
      },
      options.clock,
      options.env,
      options.nativeSpawner,
    );
  }

  /** The shell's spawner starts everything at once. */
  get keepsLanes(): boolean {
    return this.#spawner.isNative;
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    await this.#leftovers.addFrom(this.#options.runsDir);
    this.#scheduleSweep();
  }

  directoryFor(attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>): string {
    return runDirectory(this.#options.runsDir, attempt);
  }

  async submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]> {
    // One that cannot be handed over must not take the answers for the others with it.
    const refused = ({ token }: Launch, error: unknown): SubmitOutcome => {
      this.#forget(token);
      return { token, outcome: 'Refused', message: String(error) };
    };
    return Promise.all(
      launches.map((launch) => this.#submitOne(launch).catch((error: unknown) => refused(launch, error))),
    );
  }

  async #submitOne(launch: Launch): Promise<SubmitOutcome> {
    const { token, directory } = launch;
    if (this.#open.has(token)) return { token, outcome: 'Accepted' };
    const open = newlyOpen(token, directory);
    open.order = { launch, gpuIds: this.#gpus.take(token, launch.needs.gpu) };
    this.#open.set(token, open);
    return this.#handOver(open, open.order);
  }

  async #handOver(open: OpenAttempt, { launch, gpuIds }: Order): Promise<SubmitOutcome> {
    const { token, directory } = launch;
    const accepted = { token, outcome: 'Accepted' } as const;
    const facts = { oomKills: this.#oomKills.count(), gpuIds };
    const plain = this.#spawner.isNative && isPlain(launch);
    if (!plain) {
      const made = await makeRunFolder(launch, facts);
      open.waiting = !made.ok && made.error.transient;
      if (open.waiting) return accepted;
      if (!made.ok) {
        this.#forget(token);
        return { token, outcome: 'Refused', message: made.error.message };
      }
    }
    const lane = laneNow(open, launch, this.#open.values(), this.#spawner.incarnation);
    if (open.waiting) return accepted;
    open.handedOverAt = this.#options.clock.monotonic();
    // Cancelled while the folder was being made: the claim is taken, the runtime would turn back anyway.
    if (open.cancelling) return accepted;
    if (plain) this.#spawner.order(token, nativeOrder(launch, facts), lane);
    else this.#spawner.launch(token, directory, lane);
    return accepted;
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    return Promise.all(attempts.map((attempt) => this.#observeOne(attempt)));
  }

  /** What takes a while, because something has to be ended first, holds up nobody: it is reported when it is known. */
  async #observeOne(attempt: Handled): Promise<Observation> {
    const { token, directory } = attempt;
    if (directory === undefined) return { token, state: 'Absent' };
    const handle = attempt.handle as ProcessHandle | undefined;
    const pending = this.#stateOf(directory, token, handle);
    const state = await within(this.#options.clock, OBSERVE_MS, pending);
    const open = { ...newlyOpen(token, directory), handle };
    if (state === undefined) {
      this.#open.set(token, open);
      void pending.then(
        (seen) => this.#settle(open, seen),
        () => undefined,
      );
    }
    const seen = state === undefined ? { token, state: 'Queued' as const } : this.#observation(token, state);
    if (seen.state === 'Running' || seen.state === 'Unknown')
      this.#open.set(token, {
        ...newlyOpen(token, directory),
        handle: seen.state === 'Running' ? (seen.handle as unknown as ProcessHandle) : undefined,
      });
    if (seen.state === 'Running') this.#sampler.watch(token, directory);
    if (this.#open.has(token)) this.#gpus.keep(token, await readGpus(directory));
    return seen;
  }

  async cancel(attempts: readonly Handled[]): Promise<void> {
    await Promise.all(attempts.map((attempt) => this.#cancelOne(attempt)));
  }

  async #cancelOne({ token, directory }: Handled): Promise<void> {
    if (directory === undefined) return;
    const open = this.#open.get(token) ?? newlyOpen(token, directory);
    this.#open.set(token, open);
    if (open.cancelling) return;
    open.cancelling = true;
    failPoint('cancel.before');
    await this.#end(open);
    failPoint('cancel.after');
  }

  async #end({ token, directory }: OpenAttempt): Promise<void> {
    if (await withdraw(directory, token)) return this.#look(token);
    const claim = await readClaim(directory);
    // The runtime itself sends TERM, waits the grace, kills, confirms and writes the record.
    const handle = claim.kind === 'There' && claim.value.pid > 0 ? fromClaim(claim.value) : undefined;
    if (handle && sameHost(handle) && isAlive(handle)) signal(handle.pid);
    else await this.#look(token);
  }

  async withdraw(attempts: readonly Handled[]): Promise<void> {
    await Promise.all(
      attempts.map(async ({ token, directory }) => {
        if (directory !== undefined && (await withdraw(directory, token))) await this.#look(token);
      }),
    );
  }

  readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    return readRunLog(directory, stream, from);
  }

  async release(attempts: readonly Handled[], what: Parameters<Backend['release']>[1]): Promise<void> {
    await releaseRunFolders(this.#options.runsDir, attempts, what);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopSweep();
    this.#sampler.close();
    this.#spawner.close();
    await Promise.all([this.#leftovers.close(), ...this.#cuts]);
  }

  async #started(token: string, pid: number, startTicks: number, claimedAt: number | undefined): Promise<void> {
    const open = this.#open.get(token);
    if (!open || this.#closed) return;
    const handle = { ...hostIdentity(), pid, startTicks };
    open.handle = handle;
    open.order = undefined;
    this.#sampler.watch(token, open.directory);
    if (open.cancelling) signal(pid);
    const startTime = claimedAt ?? (await claimTime(open.directory)) ?? this.#options.clock.now();
    // It may have ended meanwhile: its end says when it started.
    if (this.#open.get(token) !== open || this.#closed) return;
    this.#report({ token, state: 'Running', startTime, handle: handle as unknown as Json, directory: open.directory });
  }

  /** With its record in hand nothing has to be read. */
  #endedNow(token: string, claimedAt: number | undefined, text: string): void {
    const open = this.#open.get(token);
    const record = claimedAt === undefined ? undefined : parseExitRecord(`${text}\n`, token, claimedAt);
    if (!open || !record || this.#closed) return void this.#look(token);
    this.#over(open, this.#ended(token, record), record);
  }

  #refused(token: string, why: string): void {
    if (this.#closed || !this.#open.has(token)) return;
    this.#forget(token);
    this.#report(refusedLaunch(token, why, this.#options.clock.now()));
  }

  /** Reads the folder and reports if the attempt is over. A call during a look makes another look follow. */
  async #look(token: string): Promise<void> {
    const open = this.#open.get(token);
    if (!open) return;
    open.looks++;
    if (open.looks > 1) return;
    while (open.looks > 0 && !this.#closed) {
      open.looks = 1;
      await this.#lookOnce(open);
      open.looks--;
    }
  }

  async #lookOnce(open: OpenAttempt): Promise<void> {
    const { token, directory } = open;
    const state = await this.#stateOf(directory, token, open.handle).catch(
      (error: unknown): AttemptState => ({ state: 'Unknown', message: String(error) }),
    );
    this.#settle(open, state);
  }

  #settle(open: OpenAttempt, state: AttemptState): void {
    const { token } = open;
    if (this.#closed || this.#open.get(token) !== open) return;
    if (state.state === 'Ended') this.#over(open, this.#ended(token, state.record), state.record);
    else if (state.state === 'Gone') this.#over(open, { token, ...state });
    else if (state.state === 'Unknown') this.#report({ token, ...state });
  }

  #over({ token, directory }: OpenAttempt, seen: Observation, record?: ExitRecord): void {
    failPoint('observe.before');
    this.#forget(token);
    if (!record?.alone) this.#leftovers.add(directory);
    // What was written since the last sweep, or while nobody watched.
    if ((record?.logBytes ?? Number.POSITIVE_INFINITY) > MAX_LOG_BYTES) {
      const cut: Promise<void> = limitLogs(directory, true).finally(() => this.#cuts.delete(cut));
      this.#cuts.add(cut);
    }
    this.#report(seen);
    failPoint('observe.after');
  }

  /** One that has run has a claim: without it, its folder was taken away, perhaps by its own command. */
  async #stateOf(directory: string, token: string, handle: ProcessHandle | undefined): Promise<AttemptState> {
    const state = await this.#states.read(directory, token);
    return state.state === 'Unclaimed' && handle ? this.#states.withoutFolder(directory, token, handle) : state;
  }

  #observation(token: string, state: AttemptState): Observation {
    if (state.state === 'Unclaimed') return { token, state: this.#open.has(token) ? 'Queued' : 'Absent' };
    return state.state === 'Ended' ? this.#ended(token, state.record) : { token, ...state };
  }

  #ended(token: string, { exit }: ExitRecord): Observation {
    const sampled = this.#sampler.peakBytes(token);
    if (sampled === undefined || sampled < (exit.usage.maxRssBytes ?? 0)) return { token, state: 'Ended', exit };
    return {
      token,
      state: 'Ended',
      exit: { ...exit, usage: { ...exit.usage, maxRssBytes: sampled, maxRssSource: 'sampled' } },
    };
  }

  /**
   * A new spawner gets everything that was handed over and that no runtime has claimed; the claim makes a second launch
   * harmless. A folder that is still being made is not handed over: whoever makes it does that.
   */
  async #resubmit(): Promise<void> {
    const told = [...this.#open.values()].filter((o) => o.handedOverAt !== undefined && !o.handle);
    const claims = await Promise.all(told.map(({ directory }) => readClaim(directory)));
    // Whoever has started keeps its place in its lane, the others come anew.
    told.forEach((open, i) => {
      if (claims[i]?.kind === 'Absent') open.lane = undefined;
    });
    await Promise.all(told.map((open) => this.#handOverAgain(open).catch(() => undefined)));
  }

  async #handOverAgain(open: OpenAttempt): Promise<void> {
    if ((await readClaim(open.directory)).kind !== 'Absent' || !open.order) return this.#look(open.token);
    const outcome = await this.#handOver(open, open.order);
    if (outcome.outcome === 'Refused')
      this.#report(refusedLaunch(open.token, outcome.message, this.#options.clock.now()));
  }

  #forget(token: string): void {
    this.#open.delete(token);
    this.#gpus.giveBack(token);
    this.#sampler.forget(token);
  }

  async #sweepOne(open: OpenAttempt): Promise<void> {
    const { token, directory, handedOverAt } = open;
    const waits = open.handle === undefined && handedOverAt !== undefined;
    // What could not be made for want of room is tried again.
    if (open.waiting && !open.cancelling) return this.#handOverAgain(open);
    // Neither could the claim be taken for nobody, on a full disk.
    if (open.cancelling && open.handle === undefined) await this.#end(open);
    // A frame may be lost or a fork refused (EAGAIN): nobody else would ever say so.
    else if (waits && this.#options.clock.monotonic() - handedOverAt > UNCLAIMED_MS) await this.#handOverAgain(open);
    else await this.#look(token);
    await limitLogs(directory, false);
  }

  #scheduleSweep(): void {
    this.#stopSweep = this.#options.clock.after(SWEEP_INTERVAL_MS, () => {
      const sweeps = [...this.#open.values()].map((open) => this.#sweepOne(open).catch(() => undefined));
      void Promise.all(sweeps).finally(() => {
        if (!this.#closed) this.#scheduleSweep();
      });
    });
  }
}

function signal(pid: number): void {
  try {
    failPoint('signal.before');
    process.kill(pid, 'SIGTERM');
    failPoint('signal.after');
  } catch {
    // It ended in between: the record or the sweep will tell.
  }
}
