import { existsSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import { keyFileName } from '../../graph/keys.ts';
import type { Backend, Capacity, Exit, Handled, Launch, LogPart, Observation, SubmitOutcome } from '../backend.ts';
import { oomKills } from './capacity.ts';
import { endSession } from './end-session.ts';
import type { Claim } from './exit-record.ts';
import { HostFiles } from './file-space.ts';
import { GpuSlots } from './gpu-slots.ts';
import { hostIdentity, isAlive, type ProcessHandle, sameHost } from './host-identity.ts';
import { Leftovers } from './leftovers.ts';
import { limitLog } from './log-limit.ts';
import { MemorySampler } from './memory-sampler.ts';
import { forksOfRuntime } from './processes.ts';
import { makeRunFolder, readClaim, readExit, withdraw } from './run-folder.ts';
import { Spawner } from './spawner.ts';

/**
 * Attempts as processes of this host.
 *
 * A launch is a run folder and a line to the spawner. Whether an attempt lives is read from the folder: its exit
 * record, else its claim and the process that the claim names. Notices only say when to look.
 *
 * | folder | the claim's process | state |
 * |---|---|---|
 * | no claim | | Queued if handed over by us, else Absent |
 * | exit record whole | | Ended |
 * | claim | alive | Running |
 * | claim of nobody (withdrawn) | | Gone |
 * | claim | gone, same host and boot | what is left of it is ended, then Gone |
 * | claim | rebooted since | Gone |
 * | claim | another host or pid namespace | Unknown |
 * | claim made, nothing in it | no fork of a runtime for this folder | Gone |
 * | cannot be read | | Unknown |
 * | folder gone, the handle is known | as by its claim | as by its claim |
 */
export interface ProcessBackendOptions {
  readonly runsDir: string;
  readonly capacity: Capacity;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
}

/** How often attempts that should be running are looked at although nobody said anything. */
const SWEEP_INTERVAL_MS = 5_000;
/** What no runtime has claimed after so long is handed over again. */
const UNCLAIMED_MS = 30_000;
/** A record may appear a moment after its process has gone. */
const RECORD_GRACE_MS = 500;

export class ProcessBackend implements Backend {
  readonly name = 'process';
  readonly capacity: Capacity;
  readonly files: HostFiles;
  readonly #options: ProcessBackendOptions;
  readonly #spawner: Spawner;
  readonly #gpus: GpuSlots;
  readonly #sampler: MemorySampler;
  readonly #leftovers: Leftovers;
  /** Attempts that are ours to report on, by token. */
  readonly #open = new Map<string, OpenAttempt>();
  #report: (observation: Observation) => void = () => undefined;
  #stopSweep: () => void = () => undefined;
  #closed = false;

  constructor(options: ProcessBackendOptions) {
    this.#options = options;
    this.capacity = options.capacity;
    this.files = new HostFiles(() => BigInt(Math.round(options.clock.now() * 1e6)));
    this.#gpus = new GpuSlots(options.capacity.gpu);
    this.#sampler = new MemorySampler(options.clock);
    this.#leftovers = new Leftovers(options.clock);
    this.#spawner = new Spawner(
      {
        started: (token, pid, startTicks, began) => this.#started(token, pid, startTicks, Math.floor(began * 1000)),
        ended: (token) => void this.#look(token),
        died: () => this.#resubmit(),
      },
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
    return Promise.all(launches.map((launch) => this.#submitOne(launch)));
  }

  async #submitOne(launch: Launch): Promise<SubmitOutcome> {
    const { token, directory } = launch;
    const known = this.#open.get(token);
    if (known) return { token, outcome: 'Accepted' };
    const open = newlyOpen(token, directory);
    this.#open.set(token, open);
    const gpuIds = this.#gpus.take(token, launch.needs.gpu);
    const made = await makeRunFolder(launch, { oomKills: oomKills(), gpuIds });
    if (!made.ok) {
      this.#forget(token);
      return { token, outcome: 'Refused', message: made.error };
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
        const seen = first.state === 'Absent' && handle ? await this.#withoutFolder(token, directory, handle) : first;
        if (seen.state === 'Running' || seen.state === 'Unknown')
          this.#open.set(token, {
            ...newlyOpen(token, directory),
            handle: seen.state === 'Running' ? (seen.handle as unknown as ProcessHandle) : undefined,
          });
        if (seen.state === 'Running') this.#sampler.watch(token, directory);
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
    if (await withdraw(directory, token)) {
      await this.#look(token);
      return;
    }
    const claim = await readClaim(directory);
    // The runtime itself sends TERM, waits the grace, kills, confirms and writes the record.
    const handle = claim.kind === 'There' && claim.value.pid > 0 ? fromClaim(claim.value) : undefined;
    if (handle && sameHost(handle) && isAlive(handle)) signal(handle.pid);
    else await this.#look(token);
  }

  async readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: number): Promise<LogPart> {
    if (directory === undefined) return { text: '', next: from };
    const file = await open(join(directory, stream), 'r').catch(() => undefined);
    if (!file) return { text: '', next: from };
    try {
      const at = from < 0 ? Math.max(0, (await file.stat()).size + from) : from;
      const buffer = Buffer.alloc(MAX_LOG_READ_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      return { text: buffer.toString('utf8', 0, bytesRead), next: at + bytesRead };
    } finally {
      await file.close();
    }
  }

  async release(attempts: readonly Handled[], what: 'Displaced' | 'Everything'): Promise<void> {
    for (const { directory } of attempts) {
      if (directory === undefined || !directory.startsWith(`${this.#options.runsDir}/`)) continue;
      for (const name of RELEASED[what])
        await rm(join(directory, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopSweep();
    this.#sampler.close();
    this.#leftovers.close();
    this.#spawner.close();
  }

  #started(token: string, pid: number, startTicks: number, startTime: number): void {
    const open = this.#open.get(token);
    if (!open || this.#closed) return;
    open.handle = { ...hostIdentity(), pid, startTicks };
    this.#sampler.watch(token, open.directory);
    this.#report({
      token,
      state: 'Running',
      startTime,
      handle: open.handle as unknown as Json,
      directory: open.directory,
    });
    if (open.cancelling) signal(pid);
  }

  /** Reads the folder and reports if the attempt is over. A call during a look makes another look follow. */
  async #look(token: string): Promise<void> {
    const open = this.#open.get(token);
    if (!open) return;
    open.looks++;
    if (open.looks > 1) return;
    while (open.looks > 0 && !this.#closed) {
      open.looks = 1;
      const seen = await this.#read(token, open.directory);
      if (this.#closed || this.#open.get(token) !== open) return;
      if (seen.state === 'Ended' || seen.state === 'Gone') {
        this.#forget(token);
        this.#leftovers.add(open.directory);
        this.#report(seen);
        return;
      }
      if (seen.state === 'Unknown') this.#report(seen);
      open.looks--;
    }
  }

  async #read(token: string, directory: string): Promise<Observation> {
    const exit = await readExit(directory, token);
    if (exit.kind === 'There') return this.#ended(token, exit.value);
    const claim = await readClaim(directory);
    if (claim.kind === 'Absent') return this.#unclaimed(token);
    if (claim.kind === 'Torn') return this.#torn(token, directory);
    const unreadable = claim.kind === 'Unreadable' ? claim : exit;
    if (unreadable.kind === 'Unreadable') return { token, state: 'Unknown', message: unreadable.message };
    return claim.kind === 'There' ? this.#claimed(token, directory, claim.value) : this.#unclaimed(token);
  }

  async #claimed(token: string, directory: string, claim: Claim): Promise<Observation> {
    const handle = fromClaim(claim);
    if (claim.pid === 0) return { token, state: 'Gone', claimed: false, message: 'withdrawn before it started' };
    const here = hostIdentity();
    if (handle.host !== here.host) return { token, state: 'Unknown', message: `it was started on ${handle.host}` };
    if (handle.bootId !== here.bootId)
      return { token, state: 'Gone', claimed: true, message: 'the machine was started again since' };
    if (handle.pidNamespace !== here.pidNamespace)
      return { token, state: 'Unknown', message: 'it was started in another pid namespace of this host' };
    if (isAlive(handle)) {
      const startTime = await stat(join(directory, 'claim')).then(
        (s) => Math.floor(s.mtimeMs),
        () => 0,
      );
      return { token, state: 'Running', startTime, handle: handle as unknown as Json, directory };
    }
    return this.#leftBehind(token, directory);
  }

  /** Whoever made the claim is about to write into it, or died in between: then nothing was started, and nothing will. */
  async #torn(token: string, directory: string): Promise<Observation> {
    await pause(this.#options.clock, RECORD_GRACE_MS);
    const again = await readClaim(directory);
    if (again.kind === 'There') return this.#claimed(token, directory, again.value);
    if (again.kind === 'Unreadable') return { token, state: 'Unknown', message: again.message };
    if ((await forksOfRuntime(directory)).length > 0) return { token, state: 'Queued' };
    return { token, state: 'Gone', claimed: true, message: 'it died while it claimed its run folder' };
  }

  /** The runtime is gone and left no record: what it started is ended, and confirmed gone, before anything else. */
  async #leftBehind(token: string, directory: string): Promise<Observation> {
    await pause(this.#options.clock, RECORD_GRACE_MS);
    const exit = await readExit(directory, token);
    if (exit.kind === 'There') return this.#ended(token, exit.value);
    if (exit.kind === 'Unreadable') return { token, state: 'Unknown', message: exit.message };
    await endSession(this.#options.clock, directory);
    return { token, state: 'Gone', claimed: true, message: 'its supervising process was killed' };
  }

  /** It was seen running and its folder is gone: what is left of it has nowhere to report to. */
  async #withoutFolder(token: string, directory: string, handle: ProcessHandle): Promise<Observation> {
    // The folder of all runs is gone as well: more likely a file system that is not mounted.
    if (!existsSync(this.#options.runsDir))
      return { token, state: 'Unknown', message: `${this.#options.runsDir} is not there` };
    return this.#claimed(token, directory, {
      token,
      host: handle.host,
      boot: handle.bootId,
      pidns: handle.pidNamespace,
      pid: handle.pid,
      start: handle.startTicks,
    });
  }

  #unclaimed(token: string): Observation {
    return { token, state: this.#open.has(token) ? 'Queued' : 'Absent' };
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
      if (open.handedOverAt !== undefined && !open.handle) void this.#handOverAgain(open);
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
    // A frame may be lost or a fork refused (EAGAIN): nobody else would ever say so.
    if (waits && this.#options.clock.monotonic() - handedOverAt > UNCLAIMED_MS) await this.#handOverAgain(open);
    else await this.#look(token);
    for (const name of ['stdout', 'stderr'] as const) await limitLog(directory, name).catch(() => undefined);
  }

  #scheduleSweep(): void {
    this.#stopSweep = this.#options.clock.after(SWEEP_INTERVAL_MS, () => {
      void Promise.all([...this.#open.values()].map((open) => this.#sweepOne(open))).finally(() => {
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
  handle: ProcessHandle | undefined;
  cancelling: boolean;
  /** Looks asked for and not yet answered. */
  looks: number;
}

function newlyOpen(token: string, directory: string): OpenAttempt {
  return { token, directory, handedOverAt: undefined, handle: undefined, cancelling: false, looks: 0 };
}

/** The claim of a folder that stays must stay: without it a launch that comes late would run the attempt again. */
const RELEASED: Readonly<Record<Parameters<Backend['release']>[1], readonly string[]>> = {
  Displaced: ['outputs'],
  Compacted: ['launch', 'script', 'argv', 'inputs', 'results', 'files', 'work', 'runtime.log', '.glob'],
  Everything: ['.'],
};

const MAX_LOG_READ_BYTES = 256 * 1024;

function fromClaim(claim: Claim): ProcessHandle {
  return { host: claim.host, bootId: claim.boot, pidNamespace: claim.pidns, pid: claim.pid, startTicks: claim.start };
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It ended in between: the record or the sweep will tell.
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
