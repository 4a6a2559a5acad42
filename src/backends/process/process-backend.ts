import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import { keyFileName } from '../../graph/keys.ts';
import type {
  Backend,
  Capacity,
  Exit,
  Handled,
  Launch,
  LogFrom,
  LogPart,
  Observation,
  SubmitOutcome,
} from '../backend.ts';
import { readLog } from '../read-log.ts';
import { type AttemptState, AttemptStates, fromClaim } from './attempt-state.ts';
import { oomKills } from './capacity.ts';
import type { DigestsFile } from './digests-log.ts';
import { HostFiles } from './file-space.ts';
import { GpuSlots } from './gpu-slots.ts';
import { hostIdentity, isAlive, type ProcessHandle, sameHost } from './host-identity.ts';
import { Leftovers } from './leftovers.ts';
import { limitLog } from './log-limit.ts';
import { MemorySampler } from './memory-sampler.ts';
import { claimTime, makeRunFolder, readClaim, readGpus, withdraw } from './run-folder.ts';
import { Spawner } from './spawner.ts';
import { tidyRunFolder } from './tidy-run-folder.ts';

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
}

/** How often attempts that should be running are looked at although nobody said anything. */
const SWEEP_INTERVAL_MS = 5_000;
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
  /** Attempts that are ours to report on, by token. */
  readonly #open = new Map<string, OpenAttempt>();
  #report: (observation: Observation) => void = () => undefined;
  #stopSweep: () => void = () => undefined;
  #closed = false;

  constructor(options: ProcessBackendOptions) {
    this.#options = options;
    this.capacity = options.capacity;
    this.files = new HostFiles(options.clock, options.digestsFile, [options.runsDir]);
    this.#gpus = new GpuSlots(options.capacity.gpu);
    this.#sampler = new MemorySampler(options.clock);
    this.#leftovers = new Leftovers(options.clock);
    this.#states = new AttemptStates(options.clock, options.runsDir);
    this.#spawner = new Spawner(
      {
        started: (token, pid, startTicks) => void this.#started(token, pid, startTicks),
        ended: (token) => void this.#look(token),
        died: () => this.#resubmit(),
      },
      options.clock,
      options.env,
    );
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    await this.#leftovers.addFrom(this.#options.runsDir);
    this.#scheduleSweep();
  }

  directoryFor(attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>): string {
    const workflow = attempt.namespace === 'default' ? attempt.workflow : `${attempt.namespace}+${attempt.workflow}`;
    return join(this.#options.runsDir, workflow, keyFileName(attempt.key), `${attempt.number}-${attempt.token}`);
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
    const known = this.#open.get(token);
    if (known) return { token, outcome: 'Accepted' };
    const open = newlyOpen(token, directory);
    this.#open.set(token, open);
    return this.#handOver(open, launch, this.#gpus.take(token, launch.needs.gpu));
  }

  async #handOver(open: OpenAttempt, launch: Launch, gpuIds: string | undefined): Promise<SubmitOutcome> {
    const { token, directory } = launch;
    const made = await makeRunFolder(launch, { oomKills: oomKills(), gpuIds });
    if (!made.ok && made.error.transient) {
      open.waiting = () => this.#handOver(open, launch, gpuIds);
      return { token, outcome: 'Accepted' };
    }
    open.waiting = undefined;
    if (!made.ok) {
      this.#forget(token);
      return { token, outcome: 'Refused', message: made.error.message };
    }
    open.handedOverAt = this.#options.clock.monotonic();
    // Cancelled while the folder was being made: the claim is taken, the runtime would turn back anyway.
    if (!open.cancelling) this.#spawner.launch(token, directory);
    return { token, outcome: 'Accepted' };
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    return Promise.all(
      attempts.map(async (attempt) => {
        const { token, directory } = attempt;
        if (directory === undefined) return { token, state: 'Absent' as const };
        const first = await this.#read(token, directory);
        const handle = attempt.handle as ProcessHandle | undefined;
        const lost = first.state === 'Absent' && handle;
        const seen = lost
          ? this.#observation(token, await this.#states.withoutFolder(directory, token, handle))
          : first;
        if (seen.state === 'Running' || seen.state === 'Unknown')
          this.#open.set(token, {
            ...newlyOpen(token, directory),
            handle: seen.state === 'Running' ? (seen.handle as unknown as ProcessHandle) : undefined,
          });
        if (seen.state === 'Running') this.#sampler.watch(token, directory);
        if (seen.state === 'Running' || seen.state === 'Unknown') this.#gpus.keep(token, await readGpus(directory));
        return seen;
      }),
    );
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
    await this.#end(open);
  }

  async #end({ token, directory }: OpenAttempt): Promise<void> {
    if (await withdraw(directory, token)) return this.#look(token);
    const claim = await readClaim(directory);
    // The runtime itself sends TERM, waits the grace, kills, confirms and writes the record.
    const handle = claim.kind === 'There' && claim.value.pid > 0 ? fromClaim(claim.value) : undefined;
    if (handle && sameHost(handle) && isAlive(handle)) signal(handle.pid);
    else await this.#look(token);
  }

  async readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    const nothing = { text: '', next: typeof from === 'number' ? Math.max(0, from) : 0 };
    if (directory === undefined) return nothing;
    const file = await open(join(directory, stream), 'r').catch(() => undefined);
    if (!file) return nothing;
    try {
      const { size } = await file.stat();
      const read = async (at: number, length: number): Promise<Buffer> => {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
        return buffer.subarray(0, bytesRead);
      };
      return await readLog({ size, read }, from);
    } finally {
      await file.close();
    }
  }

  async release(attempts: readonly Handled[], what: Parameters<Backend['release']>[1]): Promise<void> {
    for (const { directory } of attempts) {
      if (directory === undefined || !directory.startsWith(`${this.#options.runsDir}/`)) continue;
      await tidyRunFolder(directory, what);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopSweep();
    this.#sampler.close();
    this.#spawner.close();
    await this.#leftovers.close();
  }

  async #started(token: string, pid: number, startTicks: number): Promise<void> {
    const open = this.#open.get(token);
    if (!open || this.#closed) return;
    const handle = { ...hostIdentity(), pid, startTicks };
    open.handle = handle;
    this.#sampler.watch(token, open.directory);
    if (open.cancelling) signal(pid);
    const startTime = (await claimTime(open.directory)) ?? this.#options.clock.now();
    // It may have ended meanwhile: its end says when it started.
    if (this.#open.get(token) !== open || this.#closed) return;
    this.#report({ token, state: 'Running', startTime, handle: handle as unknown as Json, directory: open.directory });
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
    const seen = await this.#read(token, directory).catch(
      (error: unknown): Observation => ({ token, state: 'Unknown', message: String(error) }),
    );
    if (this.#closed || this.#open.get(token) !== open) return;
    if (seen.state === 'Ended' || seen.state === 'Gone') {
      this.#forget(token);
      this.#leftovers.add(directory);
      this.#report(seen);
    } else if (seen.state === 'Unknown') this.#report(seen);
  }

  async #read(token: string, directory: string): Promise<Observation> {
    return this.#observation(token, await this.#states.read(directory, token));
  }

  #observation(token: string, state: AttemptState): Observation {
    if (state.state === 'Unclaimed') return { token, state: this.#open.has(token) ? 'Queued' : 'Absent' };
    return state.state === 'Ended' ? this.#ended(token, state.exit) : { token, ...state };
  }

  #ended(token: string, exit: Exit): Observation {
    const sampled = this.#sampler.peakBytes(token);
    const usage = sampled === undefined ? exit.usage : { ...exit.usage, maxRssBytes: sampled, maxRssSource: 'sampled' };
    return { token, state: 'Ended', exit: { ...exit, usage } };
  }

  /**
   * A new spawner gets everything that was handed over and that no runtime has claimed; the claim makes a second launch
   * harmless. A folder that is still being made is not handed over: whoever makes it does that.
   */
  #resubmit(): void {
    for (const open of this.#open.values())
      if (open.handedOverAt !== undefined && !open.handle) void this.#handOverAgain(open).catch(() => undefined);
  }

  async #handOverAgain(open: OpenAttempt): Promise<void> {
    if ((await readClaim(open.directory)).kind !== 'Absent') return this.#look(open.token);
    open.handedOverAt = this.#options.clock.monotonic();
    if (!open.cancelling) this.#spawner.launch(open.token, open.directory);
  }

  #forget(token: string): void {
    this.#open.delete(token);
    this.#gpus.giveBack(token);
    this.#sampler.forget(token);
  }

  async #sweepOne(open: OpenAttempt): Promise<void> {
    const { token, directory, handedOverAt } = open;
    const waits = open.handle === undefined && handedOverAt !== undefined;
    if (open.waiting && !open.cancelling) return this.#waitedFor(open, open.waiting);
    // Neither could the claim be taken for nobody, on a full disk.
    if (open.cancelling && open.handle === undefined) await this.#end(open);
    // A frame may be lost or a fork refused (EAGAIN): nobody else would ever say so.
    else if (waits && this.#options.clock.monotonic() - handedOverAt > UNCLAIMED_MS) await this.#handOverAgain(open);
    else await this.#look(token);
    for (const name of ['stdout', 'stderr'] as const) await limitLog(directory, name).catch(() => undefined);
  }

  /** What could not be made for want of room is tried again; a refusal now is an end like any other. */
  async #waitedFor({ token }: OpenAttempt, again: () => Promise<SubmitOutcome>): Promise<void> {
    const outcome = await again();
    if (outcome.outcome === 'Refused') this.#report({ token, state: 'Gone', claimed: false, message: outcome.message });
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

interface OpenAttempt {
  readonly token: string;
  readonly directory: string;
  /** Monotonic milliseconds: its folder is whole and a spawner was told of it; undefined: not by us, or not yet. */
  handedOverAt: number | undefined;
  /** Its folder could not be made for want of something that may come back: tries again. */
  waiting: (() => Promise<SubmitOutcome>) | undefined;
  handle: ProcessHandle | undefined;
  cancelling: boolean;
  /** Looks asked for and not yet answered. */
  looks: number;
}

function newlyOpen(token: string, directory: string): OpenAttempt {
  return {
    token,
    directory,
    handedOverAt: undefined,
    waiting: undefined,
    handle: undefined,
    cancelling: false,
    looks: 0,
  };
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It ended in between: the record or the sweep will tell.
  }
}
