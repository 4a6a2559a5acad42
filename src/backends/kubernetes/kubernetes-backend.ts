import type { PodOverlay } from '../../apis/pod-overlay.ts';
import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { within } from '../../base/within.ts';
import { Reflector, type ReflectorEvent } from '../../kubernetes/reflector.ts';
import { PODS } from '../../kubernetes/resource.ts';
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
import { makeRunFolder, readClaim, readExit, withdraw } from '../process/run-folder.ts';
import { releaseRunFolders } from '../process/tidy-run-folder.ts';
import { refusedLaunch } from '../refused-launch.ts';
import { runDirectory } from '../run-directory.ts';
import { type Awaited, attemptOf } from './attempt-of.ts';
import { LABELS, MANAGER, podName } from './pod-names.ts';
import { namespaceOf, type PodPlace } from './pod-template.ts';
import { installRuntime } from './runtime-file.ts';
import { type SeenPod, seenPod } from './seen-pod.ts';
import { serviceAccountProblem } from './service-account-problem.ts';
import { type PodApi, type PodHandle, type Refusal, TaskPods } from './task-pods.ts';

/**
 * Attempts as pods, on a volume that they share with this process. The name of a pod is made of its token, so it is made
 * at most once while it exists; what runs in it claims its run folder, as everywhere, which covers the time after.
 *
 * | an attempt here | its pod | left by |
 * |---|---|---|
 * | to be made | not there as far as we know: no answer yet, no room, too many requests | an answer; a cancel, which takes the claim first |
 * | there | is known by its labels | its end; it is gone |
 * | over | is held by our finalizer | `recorded`: the ledger has its outcome |
 *
 * A pod that is gone before its end was seen left a record in its run folder, or is lost. That it is gone is never taken
 * from the watch: the API server is asked.
 */
export interface KubernetesBackendOptions {
  readonly name: string;
  readonly api: PodApi;
  readonly place: Omit<PodPlace, 'runtime'>;
  /** On the volume. */
  readonly runsDir: string;
  readonly files: FileSpace;
  /** Asked before what is done to run folders: whoever leads no more does not know what is still asked for. */
  readonly mayAct: () => boolean;
  /** As which tasks may ask to run, and whose token they may have. Undefined: nobody here knows. */
  readonly serviceAccounts: readonly string[] | undefined;
  /** Pods at a time. */
  readonly maxPods: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly close: () => Promise<void>;
}

/** Between two tries of what the cluster refuses for now, and two looks at what is not clear yet. */
const RETRY_MS = 2_000;
/** How often pods are looked for that nobody holds any more; by then whoever opens has asked about what it knows. */
const SWEEP_MS = 60_000;
/** How long a question about attempts of an earlier daemon may take. */
const OBSERVE_MS = 10_000;

interface Open extends Awaited {
  readonly token: string;
  readonly directory: string;
  /** Of its pod; undefined: none is known to be there. */
  pod: PodHandle | undefined;
  /** Until there is an answer, nobody can say that it is not there. */
  making: Promise<unknown> | undefined;
  told: string;
}

export class KubernetesBackend implements Backend {
  readonly name: string;
  readonly keepsLanes = false;
  readonly runsImages = true;
  readonly capacity: Capacity;
  readonly files: FileSpace;
  readonly #options: KubernetesBackendOptions;
  readonly #pods: TaskPods;
  readonly #watch: Reflector<SeenPod>;
  readonly #open = new Map<string, Open>();
  /** Pods that are there, as the watch has them. */
  readonly #byToken = new Map<string, SeenPod>();
  /** Their ends were told, and are not in the ledger yet as far as we know. */
  readonly #unrecorded = new Set<string>();
  readonly #timers = new Set<() => void>();
  #runtime = '';
  #report: (observation: Observation) => void = () => undefined;
  #closed = false;

  constructor(options: KubernetesBackendOptions) {
    const { api, clock, logger, place } = options;
    this.#options = options;
    this.name = options.name;
    this.files = options.files;
    const plenty = Number.MAX_SAFE_INTEGER;
    this.capacity = { cpu: plenty, memoryBytes: plenty, gpu: plenty, attempts: options.maxPods };
    this.#pods = new TaskPods(api, place, logger);
    const labelSelector = `${LABELS.managedBy}=${MANAGER},${LABELS.home}=${place.home}`;
    this.#watch = new Reflector<SeenPod>({
      api,
      resource: PODS,
      selection: { namespace: place.namespace, labelSelector },
      project: seenPod,
      onEvent: (event) => this.#happened(event),
      clock,
      logger,
      seed: place.home,
    });
  }

  podProblem(pod: PodOverlay): string | undefined {
    const { serviceAccounts, place } = this.#options;
    return serviceAccounts && serviceAccountProblem(pod, serviceAccounts, place.serviceAccount ?? 'default');
  }

  sees(path: string): boolean {
    const { mountPath } = this.#options.place.volume;
    return path === mountPath || path.startsWith(`${mountPath}/`);
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    this.#runtime = await installRuntime(this.#options.runsDir);
    this.#watch.start();
    this.#after(SWEEP_MS, () => this.#sweep());
  }

  directoryFor(attempt: Parameters<Backend['directoryFor']>[0]): string {
    return runDirectory(this.#options.runsDir, attempt);
  }

  async submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]> {
    return Promise.all(launches.map((launch) => this.#submitOne(launch)));
  }

  async #submitOne(launch: Launch): Promise<SubmitOutcome> {
    const { token, directory } = launch;
    if (this.#open.has(token)) return { token, outcome: 'Accepted' };
    const open = newlyOpen(token, directory);
    this.#open.set(token, open);
    const refused = await this.#make(open, launch);
    if (refused === undefined) return { token, outcome: 'Accepted' };
    this.#open.delete(token);
    return { token, outcome: 'Refused', ...refused };
  }

  /** Undefined: the pod is there, or will be tried again. */
  #make(open: Open, launch: Launch): Promise<Refusal | undefined> {
    const making = this.#made(open, launch);
    open.making = making;
    return making;
  }

  async #made(open: Open, launch: Launch): Promise<Refusal | undefined> {
    if (open.cancelling || this.#closed || !this.#options.mayAct()) return undefined;
    // The list may have changed since the workflow was admitted.
    const forbidden = launch.pod && this.podProblem(launch.pod);
    if (forbidden !== undefined) return { reason: 'Rejected', message: forbidden };
    const facts = { oomKills: undefined, gpuIds: undefined, asksForShell: true };
    const folder = await makeRunFolder(launch, facts);
    if (!folder.ok && !folder.error.transient) return { reason: 'LaunchFailed', message: folder.error.message };
    const claim = await readClaim(launch.directory);
    // It was withdrawn before it came: no pod is needed to say so.
    if (claim.kind === 'There' && claim.value.pid === 0) {
      this.#settle(open);
      return undefined;
    }
    const result = folder.ok ? await this.#pods.make(launch, this.#runtime) : undefined;
    if (result?.made === 'Refused') return { reason: result.reason, message: result.message };
    if (result?.made === 'There') {
      this.#watch.wrote(result.pod);
      const { namespace = namespaceOf(launch, this.#options.place), uid = '' } = result.pod.metadata;
      open.pod = { namespace, name: podName(launch), uid };
      this.#settle(open);
    } else this.#after(RETRY_MS, () => void this.#makeAgain(open, launch));
    return undefined;
  }

  async #makeAgain(open: Open, launch: Launch): Promise<void> {
    if (this.#open.get(open.token) !== open || open.pod) return;
    const refused = await this.#make(open, launch);
    if (refused)
      this.#over(open, refusedLaunch(open.token, refused.message, this.#options.clock.now(), refused.reason));
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    // A cluster that does not answer must not keep the home from opening.
    const synced = await within(this.#options.clock, OBSERVE_MS, this.#watch.synced);
    return Promise.all(attempts.map((attempt) => this.#observeOne(attempt, synced === true)));
  }

  async #observeOne({ token, directory, handle }: Handled, synced: boolean): Promise<Observation> {
    if (directory === undefined) return { token, state: 'Absent' };
    const open = newlyOpen(token, directory);
    open.pod = this.#handleOf(handle);
    const seen = synced ? await this.#look(open) : await this.#recorded(open);
    if (seen && isOver(seen)) this.#unrecorded.add(token);
    if (seen && (isOver(seen) || seen.state === 'Absent')) return seen;
    this.#open.set(token, open);
    if (seen === undefined) this.#after(RETRY_MS, () => this.#settle(open));
    // Its pod is over, and its record may still come; or nobody can say anything.
    const pending = this.#byToken.has(token) ? ({ token, state: 'Queued' } as const) : unheard(token);
    open.told = (seen ?? pending).state;
    return seen ?? pending;
  }

  async cancel(attempts: readonly Handled[]): Promise<void> {
    await Promise.all(attempts.map((attempt) => this.#cancelOne(attempt)));
  }

  async #cancelOne({ token, directory, handle }: Handled): Promise<void> {
    if (directory === undefined || !this.#options.mayAct()) return;
    const open = this.#open.get(token) ?? newlyOpen(token, directory);
    this.#open.set(token, open);
    open.pod ??= this.#handleOf(handle);
    open.cancelling = true;
    // Whatever is still on its way finds the claim taken.
    await withdraw(directory, token);
    await open.making;
    this.#settle(open);
  }

  withdraw(attempts: readonly Handled[]): Promise<void> {
    return this.cancel(attempts.filter(({ token }) => this.#byToken.get(token)?.container?.state !== 'Running'));
  }

  async recorded(attempts: readonly Handled[]): Promise<void> {
    for (const { token } of attempts) this.#unrecorded.delete(token);
    const pods = attempts.map(({ token, handle }) => this.#byToken.get(token) ?? this.#handleOf(handle));
    await Promise.all(pods.map(async (pod) => pod && this.#pods.letGo(pod)));
  }

  readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    return readRunLog(directory, stream, from);
  }

  async release(attempts: readonly Handled[], what: Parameters<Backend['release']>[1]): Promise<void> {
    for (const attempt of attempts)
      if (this.#options.mayAct()) await releaseRunFolders(this.#options.runsDir, [attempt], what);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    await this.#watch.stop();
    await this.#options.close();
  }

  #happened(event: ReflectorEvent<SeenPod>): void {
    // What went while nobody watched, and what was asked about while nobody answered.
    if (event.kind === 'Relisted') return [...this.#open.values()].forEach((open) => this.#settle(open));
    const pod = event.kind === 'Put' ? event.object : event.last;
    if (event.kind === 'Put') this.#byToken.set(pod.token, pod);
    else if (this.#byToken.get(pod.token)?.uid === pod.uid) this.#byToken.delete(pod.token);
    const open = this.#open.get(pod.token);
    if (open) this.#settle(open);
  }

  /** Finds out how it is with this attempt, and tells it if that is news. */
  #settle(open: Open): void {
    void this.#settled(open).catch((error: unknown) => {
      this.#options.logger.warn({ token: open.token, error }, 'an attempt could not be looked at, will be tried again');
      this.#after(RETRY_MS, () => this.#settle(open));
    });
  }

  async #settled(open: Open): Promise<void> {
    const seen = await this.#look(open);
    if (this.#closed || this.#open.get(open.token) !== open) return;
    if (seen === undefined) return this.#after(RETRY_MS, () => this.#settle(open));
    if (isOver(seen)) return this.#over(open, seen);
    if (open.cancelling) await this.#end(open);
    if (seen.state === open.told || seen.state === 'Queued') return;
    open.told = seen.state;
    this.#report(seen);
  }

  /** Undefined: nobody can say now. */
  async #look(open: Open): Promise<Observation | undefined> {
    const { api, clock } = this.#options;
    let pod = this.#byToken.get(open.token);
    if (!pod) {
      if (open.making && !open.pod && !open.cancelling) return { token: open.token, state: 'Queued' };
      const found = await this.#pods.find(open.token);
      if (!found.ok) return undefined;
      pod = found.value;
      if (!pod) return (await this.#recorded(open)) ?? (await this.#withoutPod(open));
    }
    open.pod = { namespace: pod.namespace, name: pod.name, uid: pod.uid };
    return await attemptOf(open, pod, { api, now: clock.monotonic(), time: clock.now() });
  }

  async #recorded({ token, directory }: Open): Promise<Observation | undefined> {
    const record = await readExit(directory, token);
    return record.kind === 'There' ? { token, state: 'Ended', exit: record.value.exit } : undefined;
  }

  /** There is no pod, and no record. */
  async #withoutPod({ token, directory, pod, cancelling }: Open): Promise<Observation> {
    const claim = await readClaim(directory);
    if (claim.kind === 'There' && claim.value.pid === 0)
      return { token, state: 'Gone', claimed: pod !== undefined, message: 'it was withdrawn' };
    if (claim.kind === 'Absent' && !pod && !cancelling) return { token, state: 'Absent' };
    return { token, state: 'Gone', claimed: true, message: 'its pod is gone, and left no record' };
  }

  async #end(open: Open): Promise<void> {
    const seen = this.#byToken.get(open.token);
    if (!open.pod || seen?.deleting === true) return;
    const removed = await this.#pods.remove(open.pod);
    if (!removed.ok) this.#after(RETRY_MS, () => this.#settle(open));
  }

  /** Pods whose outcome is in the ledger, and that a daemon before us, or an outage, left behind. */
  #sweep(): void {
    for (const pod of this.#byToken.values()) {
      const isLeft = !this.#open.has(pod.token) && !this.#unrecorded.has(pod.token);
      if (isLeft && (pod.phase === 'Succeeded' || pod.phase === 'Failed')) void this.#pods.letGo(pod);
    }
    this.#after(SWEEP_MS, () => this.#sweep());
  }

  #over(open: Open, seen: Observation): void {
    if (this.#open.get(open.token) === open) this.#open.delete(open.token);
    this.#unrecorded.add(open.token);
    this.#report(seen);
  }

  /** One of an earlier version says nothing of its namespace: there was one for all. */
  #handleOf(handle: Json | undefined): PodHandle | undefined {
    if (handle === undefined) return undefined;
    return {
      namespace: this.#options.place.namespace ?? '',
      ...(handle as unknown as Partial<PodHandle>),
    } as PodHandle;
  }

  #after(ms: number, then: () => void): void {
    if (this.#closed) return;
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      if (!this.#closed) then();
    });
    this.#timers.add(cancel);
  }
}

function newlyOpen(token: string, directory: string): Open {
  return {
    token,
    directory,
    pod: undefined,
    making: undefined,
    cancelling: false,
    told: '',
    waitsForImageSince: undefined,
    recordAwaitedSince: undefined,
  };
}

function unheard(token: string): Observation {
  return { token, state: 'Unknown', message: 'the cluster does not answer' };
}

function isOver({ state }: Observation): boolean {
  return state === 'Ended' || state === 'Gone';
}
