import type { Rate } from '../../base/token-bucket.ts';
import { within } from '../../base/within.ts';
import type {
  Backend,
  Capacity,
  FileSpace,
  Handled,
  Launch,
  LogFrom,
  LogPart,
  Observation,
  SubmitOutcome,
} from '../backend.ts';
import { readRunLog } from '../process/read-run-log.ts';
import { makeRunFolder, readClaim } from '../process/run-folder.ts';
import { releaseRunFolders } from '../process/tidy-run-folder.ts';
import { refusedLaunch } from '../refused-launch.ts';
import { runDirectory } from '../run-directory.ts';
import { AttemptBook, newlyOpen, type OpenAttempt } from './attempt-book.ts';
import { AttemptLooks } from './attempt-looks.ts';
import { Availability } from './availability.ts';
import { Canceller } from './canceller.ts';
import { type Capabilities, probe } from './capabilities.ts';
import { directivesOf } from './directives.ts';
import { isSettled, readFolder } from './folder-state.ts';
import { inParts } from './in-parts.ts';
import { pollIntervalMs } from './poll-interval.ts';
import { QueueRound } from './queue-round.ts';
import { QueueWatch } from './queue-watch.ts';
import type { SlurmBackendOptions } from './slurm-backend-options.ts';
import { SlurmFolder } from './slurm-folder.ts';
import { readSubmissions, removeSubmission, type Submission, type SubmittedTask } from './submission.ts';
import { Submitter } from './submitter.ts';
import { CommandLineTools, CountedTools, SBATCH_LIFE_MS, type ToolName } from './tools.ts';

const RATE: Rate = { perSecond: 1, burst: 10 };
/** Attribute caches of network file systems are that old. */
const END_GRACE_MS = 30_000;
/** Of `MaxJobCount`, which all users share. */
const QUEUE_SHARE = 0.5;
/** Before the capabilities are known. */
const DEFAULT_MAX_QUEUED = 5_000;
/** How often marks of elements are looked for, and what waits for time to pass is looked at. */
const TICK_MS = 500;
/** Launches of one turn of the home come in several calls: they go together. */
const GATHER_MS = 50;
/** A start waits so long for a first answer of Slurm's. */
const OBSERVE_MS = 15_000;
/** An answer of squeue that is so young is good enough for who asks about attempts of an earlier daemon. */
const FRESH_MS = 3_000;
const PROBE_PAUSE_MS = 10_000;

/**
 * Attempts as jobs of a Slurm cluster, by its command line tools. Run folders lie where every node sees them; whether an
 * attempt has started and how it ended is read there. Slurm is asked what the folders cannot tell: why nothing starts, and
 * what became of those that left no record.
 *
 * | file | what |
 * |---|---|
 * | `submission.ts`, `submitter.ts` | attempts go to Slurm together, durably first; an unclear answer is looked up |
 * | `element.sh` | on the node: finds the run folder, becomes the attempt runtime |
 * | `queue-watch.ts`, `queue-round.ts` | one question for all, and what its answer means |
 * | `judge-attempt.ts` | what becomes of an attempt: the table |
 * | `attempt-looks.ts` | reads folders, judges, reports |
 * | `canceller.ts` | ends elements, many in one call |
 */
export class SlurmBackend implements Backend {
  readonly name: string;
  readonly keepsLanes = false;
  readonly files: FileSpace;
  readonly #options: SlurmBackendOptions;
  readonly #tools: CountedTools;
  readonly #folder: SlurmFolder;
  readonly #book = new AttemptBook();
  readonly #availability: Availability;
  readonly #watch: QueueWatch;
  readonly #round: QueueRound;
  readonly #submitter: Submitter;
  readonly #canceller: Canceller;
  readonly #looks: AttemptLooks;
  /** Run folders that could not be made for want of something that may come back. */
  readonly #unmade = new Map<string, Launch>();
  #report: (observation: Observation) => void = () => undefined;
  #runtime = '';
  #capabilities: Capabilities | undefined;
  #nextProbe = 0;
  #polling: Promise<void> | undefined;
  #polledAt = Number.NEGATIVE_INFINITY;
  #changedAt: number;
  #stopTick: () => void = () => undefined;
  #closed = false;

  constructor(options: SlurmBackendOptions) {
    const { clock, runsDir } = options;
    this.name = options.name;
    this.files = options.files;
    this.#options = options;
    this.#tools = new CountedTools(options.tools ?? new CommandLineTools(options.env));
    this.#folder = new SlurmFolder(runsDir);
    this.#changedAt = clock.monotonic();
    this.#availability = new Availability(clock, (since, message) => {
      if (since !== undefined) options.logger.warn({ backend: options.name, message }, 'Slurm does not answer');
      options.onUnavailable?.(since, message);
    });
    const rate = options.rate ?? RATE;
    const parts = { tools: this.#tools, clock, availability: this.#availability };
    this.#watch = new QueueWatch(parts);
    this.#canceller = new Canceller(this.#tools, clock, rate);
    this.#submitter = new Submitter({
      ...parts,
      rate,
      folder: this.#folder,
      placed: (submission) => {
        if (submission.state === 'Made') this.#book.remove(submission);
        else this.#book.add(submission);
        this.#changed();
      },
      refused: (tasks, message) => this.#rejected(tasks, message),
      isWanted: (token) => this.#book.open.has(token),
      room: () => this.#maxQueued - this.#book.submitted,
    });
    this.#round = new QueueRound(
      this.#book,
      this.#canceller,
      () => this.#capabilities?.cluster ?? '',
      (submission) => this.#repeat(submission),
    );
    this.#looks = new AttemptLooks({
      clock,
      book: this.#book,
      folder: this.#folder,
      canceller: this.#canceller,
      graceMs: options.endGraceMs ?? END_GRACE_MS,
      report: (observation) => {
        this.#changed();
        if (!this.#closed) this.#report(observation);
      },
      cluster: () => this.#capabilities?.cluster ?? '',
    });
  }

  /** Cores, memory and GPUs are the cluster's business: only the queue's ceiling bounds what is submitted. */
  get capacity(): Capacity {
    const any = Number.MAX_SAFE_INTEGER;
    return { cpu: any, memoryBytes: any, gpu: any, attempts: this.#maxQueued };
  }

  /** How often each tool was called. */
  get calls(): ReadonlyMap<ToolName, number> {
    return this.#tools.calls;
  }

  get #maxQueued(): number {
    const known = this.#capabilities;
    return this.#options.maxQueued ?? (known ? Math.floor(known.maxJobCount * QUEUE_SHARE) : DEFAULT_MAX_QUEUED);
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    this.#runtime = await this.#folder.prepare();
    // An sbatch of an earlier daemon may still be at it.
    const settledFrom = this.#options.clock.monotonic() + SBATCH_LIFE_MS;
    for (const submission of await readSubmissions(this.#folder, settledFrom)) await this.#takeOver(submission);
    this.#schedule();
  }

  /** What was withdrawn may wait in the queue still, and nobody will ask about it; what is not over will be asked about. */
  async #takeOver(submission: Submission): Promise<void> {
    this.#book.add(submission);
    const states = await inParts(submission.tasks, ({ directory, token }) => readFolder(directory, token));
    for (const [index, state] of states.entries()) {
      if (state.kind === 'Withdrawn') this.#book.drop({ submission, index });
      else if (!isSettled(state)) this.#book.unasked.add(submission.tasks[index]?.token ?? '');
    }
  }

  directoryFor(attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>): string {
    return runDirectory(this.#options.runsDir, attempt);
  }

  async submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]> {
    const made = await inParts(launches, (launch) => this.#prepare(launch));
    // In the order in which they came, not in that in which their folders were made.
    for (const { ready } of made)
      if (ready && this.#book.open.get(ready.token) === ready) this.#submitter.add(ready, ready.directives ?? []);
    this.#changed();
    this.#options.clock.after(GATHER_MS, () => this.#meanwhile(this.#handOver()));
    return made.map(({ outcome }) => outcome);
  }

  /** Makes the run folder. `ready`: it is to be submitted. */
  async #prepare(launch: Launch): Promise<{ readonly outcome: SubmitOutcome; readonly ready?: OpenAttempt }> {
    const { token, directory } = launch;
    this.#book.unasked.delete(token);
    const accepted = { token, outcome: 'Accepted' } as const;
    const refused = (message: string) => ({ token, outcome: 'Refused', message }) as const;
    if (this.#book.open.has(token)) return { outcome: accepted };
    const directives = directivesOf(launch);
    if (!directives.ok) return { outcome: { ...refused(directives.error), reason: 'Rejected' } };
    const open = newlyOpen(token, directory, launch.graceMs, directives.value);
    this.#book.open.set(token, open);
    const made = await makeRunFolder(launch, { oomKills: undefined, gpuIds: undefined });
    if (!made.ok && made.error.transient) {
      this.#unmade.set(token, launch);
      return { outcome: accepted };
    }
    if (!made.ok) {
      this.#book.open.delete(token);
      return { outcome: refused(made.error.message) };
    }
    // Submitted by an earlier daemon, or over: it is only told of again. Or cancelled while its folder was being made.
    if (!this.#book.place(token) && (await readClaim(directory)).kind === 'Absent')
      return { outcome: accepted, ready: open };
    void this.#looks.look(token);
    return { outcome: accepted };
  }

  /** A submission that surely came to nothing. */
  async #repeat(submission: Submission): Promise<void> {
    if (submission.tasks.some(({ token }) => this.#book.open.has(token))) return this.#submitter.repeat(submission);
    await this.#forget(submission);
  }

  async #forget(submission: Submission): Promise<void> {
    this.#canceller.forget(submission);
    this.#book.remove(submission);
    await removeSubmission(submission);
  }

  /** Not by us, and not again: whoever asked for it has to ask for something else. */
  #rejected(tasks: readonly SubmittedTask[], message: string): void {
    for (const { token } of tasks) {
      if (!this.#book.open.delete(token) || this.#closed) continue;
      this.#report(refusedLaunch(token, message, this.#options.clock.now(), 'Rejected'));
    }
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    for (const { token } of attempts) this.#book.unasked.delete(token);
    const known = attempts.filter(({ token }) => this.#book.place(token));
    if (known.length > 0) {
      this.#changed();
      for (const { token, directory } of known)
        if (directory !== undefined && !this.#book.open.has(token))
          this.#book.open.set(token, newlyOpen(token, directory, 0));
      if (this.#options.clock.monotonic() - this.#polledAt > FRESH_MS)
        await within(this.#options.clock, OBSERVE_MS, this.#poll());
    }
    return inParts(attempts, (attempt) => this.#looks.observe(attempt));
  }

  async cancel(attempts: readonly Handled[]): Promise<void> {
    await inParts(attempts, async ({ token, directory }) => {
      if (directory === undefined) return;
      const open = this.#book.open.get(token) ?? newlyOpen(token, directory, 0);
      this.#book.open.set(token, open);
      if (open.cancelledAt !== undefined) return;
      open.cancelledAt = this.#options.clock.monotonic();
      await this.#takeBack({ token, directory });
      if (this.#book.open.has(token)) await this.#looks.look(token);
    });
    this.#changed();
  }

  async withdraw(attempts: readonly Handled[]): Promise<void> {
    await inParts(attempts, async ({ token, directory }) => {
      if (directory !== undefined) await this.#takeBack({ token, directory });
    });
  }

  /** Makes sure that what has not started never will. */
  async #takeBack({ token, directory }: SubmittedTask): Promise<void> {
    this.#book.unasked.delete(token);
    this.#unmade.delete(token);
    const directives = this.#book.open.get(token)?.directives;
    if (directives) this.#submitter.remove(token, directives);
    await this.#looks.withdraw(token, directory);
  }

  readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    return readRunLog(directory, stream, from);
  }

  async release(attempts: readonly Handled[], what: Parameters<Backend['release']>[1]): Promise<void> {
    await releaseRunFolders(this.#options.runsDir, attempts, what);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTick();
    this.#submitter.close();
    await this.#looks.settled();
  }

  #changed(): void {
    this.#changedAt = this.#options.clock.monotonic();
  }

  #schedule(): void {
    this.#stopTick = this.#options.clock.after(TICK_MS, () => {
      this.#meanwhile(
        this.#tick().finally(() => {
          if (!this.#closed) this.#schedule();
        }),
      );
    });
  }

  /** Nobody waits for it, and whatever it is comes again. */
  #meanwhile(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#options.logger.warn({ backend: this.name, error }, 'a look at Slurm failed'));
  }

  async #tick(): Promise<void> {
    if (this.#book.open.size === 0 && this.#book.dropped.size === 0 && !this.#canceller.waits) return;
    await this.#makeAgain();
    await this.#looks.readNews();
    await this.#looks.lookAtUnsettled();
    this.#meanwhile(this.#handOver());
    this.#meanwhile(this.#canceller.cancelOne((submission) => this.#round.isSeen(submission)));
    if (this.#pollIsDue()) this.#meanwhile(this.#poll());
  }

  async #makeAgain(): Promise<void> {
    const again = [...this.#unmade.values()];
    this.#unmade.clear();
    for (const { token } of again) this.#book.open.delete(token);
    if (again.length === 0) return;
    for (const outcome of await this.submit(again))
      if (outcome.outcome === 'Refused')
        this.#report(refusedLaunch(outcome.token, outcome.message, this.#options.clock.now(), outcome.reason));
  }

  async #handOver(): Promise<void> {
    if (!this.#submitter.waits || this.#closed) return;
    const capabilities = await this.#known();
    if (capabilities === undefined) return;
    while (!this.#closed && (await this.#submitter.submitOne(capabilities, this.#runtime)));
  }

  async #known(): Promise<Capabilities | undefined> {
    const now = this.#options.clock.monotonic();
    if (this.#capabilities || now < this.#nextProbe) return this.#capabilities;
    this.#nextProbe = now + PROBE_PAUSE_MS;
    const probed = await probe(this.#tools);
    if (probed.ok) {
      this.#capabilities = probed.value;
      this.#availability.up('scontrol show config');
    } else this.#availability.down('scontrol show config', probed.error);
    return this.#capabilities;
  }

  #pollIsDue(): boolean {
    if (this.#polling || this.#watch.waitMs() > 0) return false;
    const { open, dropped } = this.#book;
    const submitted = dropped.size > 0 || [...open.keys()].some((token) => this.#book.place(token));
    if (!submitted && !this.#canceller.waits) return false;
    const now = this.#options.clock.monotonic();
    const quiet = this.#looks.unsettled > 0 || this.#canceller.waits ? 0 : now - this.#changedAt;
    return now - this.#polledAt >= pollIntervalMs(quiet, open.size, this.#watch.failures);
  }

  /** One question at a time; whoever asks meanwhile hears the same answer. */
  #poll(): Promise<void> {
    this.#polling ??= this.#pollOnce().finally(() => {
      this.#polledAt = this.#options.clock.monotonic();
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #pollOnce(): Promise<void> {
    const capabilities = await this.#known();
    if (capabilities === undefined) return;
    const jobs = await this.#watch.queue();
    if (this.#closed) return;
    if (jobs === undefined) return this.#round.forgetAbsences();
    // It is the same controller that answers.
    this.#availability.up('sbatch');
    this.#submitter.resume();
    const { clock } = this.#options;
    const { unclear, idle } = await this.#round.apply(jobs, clock.monotonic());
    for (const submission of idle) await this.#forget(submission);
    if (unclear.length > 0) {
      const said = await this.#watch.accounting(unclear, capabilities);
      if (said !== undefined) await this.#round.applyAccounting(unclear, said, clock.monotonic());
    }
    const nodes = this.#looks.nodesToAsk();
    if (nodes.length > 0) this.#looks.tellNodes(await this.#watch.nodes(nodes));
    if (!this.#closed) await this.#looks.lookAfterAnswer();
  }
}
