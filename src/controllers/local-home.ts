import type { Diagnostic } from '../apis/diagnostic.ts';
import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION } from '../apis/meta.ts';
import { nameTasks } from '../apis/name-tasks.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import { validateWorkflow } from '../apis/validate.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import type { Backend } from '../backends/backend.ts';
import { Backends } from '../backends/backends.ts';
import { Broadcast } from '../base/broadcast.ts';
import { nextEventLoopTurn } from '../base/event-loop.ts';
import type { Json } from '../base/json.ts';
import { MAX_PATCH_TRIES } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { NONE } from '../base/none.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { buildGraph } from '../graph/build.ts';
import type { JournalLine, StoredWorkflow } from '../store/store.ts';
import { type Admitted, admitAgain, admitDocument } from './admit-document.ts';
import { Applier } from './applier.ts';
import { BackendSlots } from './backend-slots.ts';
import { CapacityOffer } from './capacity-offer.ts';
import { restIfDrifted } from './drift.ts';
import type {
  Applied,
  ApplyOptions,
  Home,
  HomeError,
  LogChunk,
  LogOptions,
  PlanOptions,
  VerbRequest,
  WatchEvent,
  WorkflowRef,
} from './home.ts';
import { isWorkflowRef } from './home.ts';
import type { HomeContext } from './home-context.ts';
import { HomeViews } from './home-views.ts';
import type { Reached } from './launch-scope.ts';
import { Lifecycle } from './lifecycle.ts';
import type { LocalHomeOptions } from './local-home-options.ts';
import { isTooDeep, mergePatch, versionNamedBy } from './merge-patch.ts';
import type { Reconciler } from './reconciler.ts';
import { recover, takeRecords } from './recover.ts';
import { Registry } from './registry.ts';
import { REQUEST_MEMORY_MS } from './requests.ts';
import {
  draft,
  invalid,
  NO_MEMORY,
  nameKey,
  precondition,
  requestAnnotations,
  sameDocument,
  withMeta,
  withoutRequests,
  withVersion,
} from './resource.ts';
import { noteSource, SOURCE_INVALID, SOURCE_SUSPECT } from './source-reports.ts';
import { type WatchedPaths, watchedPaths } from './watched-paths.ts';
import { WorkflowState } from './workflow-state.ts';

function refOf({ metadata: { namespace = DEFAULT_NAMESPACE, name } }: WorkflowDocument): WorkflowRef {
  return { namespace, name };
}

/**
 * A home over a store and a backend: it admits documents, keeps one reconciler per workflow, and answers. What it
 * writes itself are resources; records are the reconcilers' alone.
 */
export class LocalHome implements Home {
  readonly #options: LocalHomeOptions;
  readonly #context: HomeContext;
  readonly #registry = new Registry();
  readonly #applier: Applier;
  readonly #lifecycle: Lifecycle;
  readonly #changes = new Broadcast<WatchEvent>();
  readonly #journal = new Broadcast<JournalLine>();
  readonly #views: HomeViews;
  readonly #closing = new AbortController();

  private constructor(options: LocalHomeOptions) {
    this.#options = options;
    const backends = new Backends(options.backends);
    const slots = new BackendSlots(options.backends, () => offer.make());
    const hasRoom = (name: string | undefined): boolean => {
      const backend = backends.named(name);
      return backend !== undefined && !slots.of(backend.name).isFull;
    };
    const offer = new CapacityOffer(hasRoom, () => this.#registry.reconcilers.values());
    this.#context = {
      ...options,
      keepsDeleted: options.keepsDeleted ?? true,
      backends,
      files: backends.first.files,
      slots,
      tokens: new Map(),
      othersGoFirst: (uid) => offer.othersGoFirst(uid),
      published: (stored, type) => this.#changes.send({ type, object: withVersion(stored) }),
      journaled: (lines) => {
        for (const line of lines) this.#journal.send(line);
        options.onJournaled?.(lines);
      },
      removed: (uid) => void this.#lifecycle.removed(uid),
    };
    this.#views = new HomeViews(this.#context, this.#journal);
    this.#applier = new Applier(this.#context, this.#registry, this.#views, options.activity);
    this.#lifecycle = new Lifecycle(this.#context, this.#registry, options.activity);
  }

  static async open(options: LocalHomeOptions): Promise<LocalHome> {
    const home = new LocalHome(options);
    await home.#load();
    return home;
  }

  async #load(): Promise<void> {
    const { store, clock, activity, logger } = this.#options;
    const forget: string[] = [];
    for (const stored of await store.workflows()) {
      if (stored.deletedAt === undefined) await this.#loadOne(stored, logger);
      else if (clock.now() - stored.deletedAt < REQUEST_MEMORY_MS)
        this.#registry.deleted.set(nameKey(stored.object.metadata), stored);
      else forget.push(stored.uid);
    }
    if (activity !== 'Active') {
      for (const reconciler of this.#registry.reconcilers.values()) await this.#views.judgeOnly(reconciler);
      return;
    }
    if (forget.length > 0) await store.commit({ time: clock.now(), forget });
    await this.#context.backends.start((observation) => this.#observed(observation));
    const reconcilers = [...this.#registry.reconcilers.values()];
    // Reports come in already: no turn before the workflow is judged, none before all that lives holds its capacity.
    for (const { state } of reconcilers) state.resting = true;
    for (const reconciler of reconcilers) await reconciler.pause(() => recover(this.#context, reconciler.state));
    for (const reconciler of reconcilers) {
      if (this.#isAwaited(reconciler.state)) continue;
      await reconciler.pause(async () => {
        reconciler.state.resting = false;
        await restIfDrifted(this.#context, reconciler, (r) => this.#views.judgeOnly(r));
        if (reconciler.state.lookNeeded && !reconciler.state.resting) await this.#holdAtStart(reconciler);
      });
      reconciler.poke();
    }
  }

  #isAwaited({ stored: { object } }: WorkflowState): boolean {
    const { awaited } = this.#options;
    const named = awaited !== undefined && nameKey(awaited) === nameKey(object.metadata);
    return named && object.metadata.deletionTimestamp === undefined;
  }

  /** What waited for approval waits on, and what was noted while nothing ran may have to. */
  async #holdAtStart(reconciler: Reconciler): Promise<void> {
    await this.#views.judgeOnly(reconciler);
    reconciler.state.lookNeeded = false;
    await this.#views.holdIfCostly(reconciler);
  }

  async #loadOne(stored: StoredWorkflow, logger: Logger): Promise<void> {
    const { store } = this.#options;
    const built = buildGraph({
      name: stored.object.metadata.name,
      namespace: stored.object.metadata.namespace,
      spec: stored.object.spec,
      folder: stored.object.metadata.annotations?.[FOLDER_ANNOTATION] ?? '/',
      sheets: new Map(Object.entries(stored.memory.sheets)),
    });
    if (!built.ok) {
      logger.error(
        { workflow: stored.object.metadata.name, problems: built.error.slice(0, 3) },
        'a stored workflow cannot be read by this version',
      );
      return;
    }
    const { state } = this.#registry.add(this.#context, stored, built.value, NONE);
    await takeRecords(this.#context, state, store.eachRecord(stored.uid));
  }

  #observed(observation: Parameters<Parameters<Backend['start']>[0]>[0]): void {
    const place = this.#context.tokens.get(observation.token);
    const reconciler = place && this.#registry.reconcilers.get(place.workflow);
    reconciler?.observed(observation);
  }

  apply(document: WorkflowDocument, options: ApplyOptions = {}): Promise<Result<Applied, HomeError>> {
    return this.#applier.apply(document, options);
  }

  /** The resource as an API server has it: its document, and the requests in its annotations. */
  async take(object: Workflow): Promise<Result<Applied, HomeError>> {
    const before = this.#registry.find(refOf(object));
    // Who asks for a suspension together with a change wants nothing launched, and a bad change keeps nobody from a cancel.
    if (before.ok) await this.#lifecycle.takeRequests(before.value, object);
    const applied = await this.apply(withoutRequests(object), { identity: object.metadata });
    const after = this.#registry.find(refOf(object));
    if (after.ok) await this.#lifecycle.takeRequests(after.value, object);
    return applied;
  }

  request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>> {
    return this.#lifecycle.request(ref, request);
  }

  delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    return this.#lifecycle.delete(ref);
  }

  async patch(ref: WorkflowRef, patch: Json): Promise<Result<Workflow, HomeError>> {
    if (isTooDeep(patch)) return fail({ reason: 'Invalid', message: 'the patch is nested too deep', diagnostics: [] });
    const named = versionNamedBy(patch);
    for (let tries = 1; ; tries++) {
      const patched = await this.#patchOnce(ref, patch, named);
      // Nobody's change is undone: what changed while this one was checked is patched again.
      const again = !patched.ok && patched.error.reason === 'Conflict' && named === undefined;
      if (!again || tries >= MAX_PATCH_TRIES) return patched;
    }
  }

  async #patchOnce(ref: WorkflowRef, patch: Json, named: string | undefined): Promise<Result<Workflow, HomeError>> {
    const found = this.#registry.find(ref);
    if (!found.ok) return found;
    const refused = precondition(found.value.state, named === undefined ? {} : { resourceVersion: named });
    if (refused) return fail(refused);
    const before = found.value.state.stored.object;
    const merged = mergePatch(before as unknown as Json, patch) as unknown as Workflow | null;
    if (merged?.metadata?.name !== ref.name || merged.metadata.namespace !== ref.namespace)
      return fail({ reason: 'Invalid', message: 'name and namespace cannot change', diagnostics: [] });
    const wrong = validateWorkflow(merged).filter((d) => d.severity === 'error');
    if (wrong.length > 0) return fail(invalid(wrong));
    const requests = requestAnnotations(merged).filter(([name]) => before.metadata.annotations?.[name] === undefined);
    if (!sameDocument(before, merged)) {
      const applied = await this.apply(withoutRequests(merged), { over: before });
      if (!applied.ok) return applied;
    }
    for (const [name, text] of requests) await this.#lifecycle.annotate(found.value, name, text);
    return ok(withVersion(found.value.state.stored));
  }

  async get(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const found = this.#registry.find(ref);
    return found.ok ? ok(withVersion(found.value.state.stored)) : found;
  }

  async list(namespace?: string): Promise<{ items: readonly Workflow[]; resourceVersion: string }> {
    // Whatever is committed is published by then: a watch from this version on would miss what came in between.
    await nextEventLoopTurn();
    const items = [...this.#registry.reconcilers.values()]
      .map((r) => withVersion(r.state.stored))
      .filter((w) => namespace === undefined || w.metadata.namespace === namespace)
      .sort((a, b) => (nameKey(a.metadata) < nameKey(b.metadata) ? -1 : 1));
    return { items, resourceVersion: String(this.#context.store.version()) };
  }

  async *watch(options: Parameters<Home['watch']>[0]): AsyncIterable<WatchEvent> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const changes = this.#changes.listen(signal);
    const wanted = ({ metadata }: Workflow): boolean =>
      (options.namespace === undefined || metadata.namespace === options.namespace) &&
      (options.name === undefined || metadata.name === options.name);
    const after = Number(options.resourceVersion ?? 0);
    let seen = after;
    for (const object of (await this.list(options.namespace)).items) {
      const version = Number(object.metadata.resourceVersion);
      if (version > after && wanted(object)) yield { type: 'MODIFIED', object };
      seen = Math.max(seen, version);
    }
    for await (const change of changes)
      if (wanted(change.object) && (Number(change.object.metadata.resourceVersion) > seen || change.type === 'DELETED'))
        yield change;
  }

  async tasks(
    ref: WorkflowRef,
    options: { readonly name?: string } = {},
  ): Promise<Result<readonly TaskItem[], HomeError>> {
    const found = this.#registry.find(ref);
    return found.ok ? ok(this.#views.tasks(found.value.state, options.name)) : found;
  }

  async plan(target: WorkflowDocument | WorkflowRef, options: PlanOptions = {}): Promise<Result<Plan, HomeError>> {
    const found = this.#registry.find(isWorkflowRef(target) ? target : refOf(target));
    const base = found.ok ? found.value.state : undefined;
    if (isWorkflowRef(target))
      return base ? ok(await this.#planUnchanged(base, options)) : (found as Result<never, HomeError>);
    const { namespace } = refOf(target);
    const document = { ...target, metadata: { ...target.metadata, namespace } };
    const again = base && (await this.#admittedAgain(base, document));
    if (base && again?.ok) return ok(await this.#planUnchanged(base, options));
    const admitted = again ?? (await admitDocument(document, this.#context, base));
    if (!admitted.ok) return fail(invalid(admitted.error));
    const { built } = admitted.value;
    const object = withMeta(draft(admitted.value.document, namespace), { uid: base?.uid ?? '', generation: 0 });
    const stored = { uid: object.metadata.uid, version: 0, deletedAt: undefined, object, memory: NO_MEMORY };
    if (base) return ok(await this.#views.plan({ base, stored, built }, options));
    const past = this.#registry.deleted.get(nameKey(refOf(target)));
    const records = past ? await this.#context.store.records(past.uid) : [];
    return ok(await this.#planUnchanged(new WorkflowState(stored, built, records), options));
  }

  #planUnchanged(base: WorkflowState, options: PlanOptions): Promise<Plan> {
    return this.#views.plan({ base, stored: base.stored, built: base.built }, options);
  }

  /** Undefined: the document says something else than the one in force. */
  async #admittedAgain(
    { stored, built }: WorkflowState,
    document: WorkflowDocument,
  ): Promise<Result<Admitted, readonly Diagnostic[]> | undefined> {
    const named = nameTasks(document);
    if (!sameDocument(stored.object, named)) return undefined;
    return admitAgain({ document: named, built, sheets: stored.memory.sheets }, this.#context);
  }

  async explain(ref: WorkflowRef, task?: string): Promise<Result<readonly Explanation[], HomeError>> {
    const found = this.#registry.find(ref);
    return found.ok ? this.#views.explain(found.value, task) : found;
  }

  async graph(target: WorkflowDocument | WorkflowRef): Promise<Result<GraphView, HomeError>> {
    if (isWorkflowRef(target)) {
      const found = this.#registry.find(target);
      return found.ok ? ok(this.#views.graph(found.value.state)) : found;
    }
    const admitted = await admitDocument(target, this.#context);
    return admitted.ok ? ok(this.#views.graphOf(admitted.value.built.graph, () => '')) : fail(invalid(admitted.error));
  }

  events(ref: WorkflowRef, options: Parameters<Home['events']>[1]): AsyncIterable<EventLine> {
    const found = this.#registry.find(ref);
    const uid = found.ok ? found.value.state.uid : (this.#registry.deleted.get(nameKey(ref))?.uid ?? '');
    return this.#views.events(uid, ref.name, {
      ...options,
      signal: AbortSignal.any([options.signal, this.#closing.signal]),
    });
  }

  logs(ref: WorkflowRef, options: LogOptions): AsyncIterable<LogChunk> {
    return this.#views.logs(() => this.#registry.find(ref), {
      ...options,
      signal: AbortSignal.any([options.signal, this.#closing.signal]),
    });
  }

  /** What `watchInputs` wants watched; undefined: nothing. The same object until it changes. */
  watchedPaths(ref: WorkflowRef): WatchedPaths | undefined {
    const found = this.#registry.find(ref);
    return found.ok ? watchedPaths(found.value.state) : undefined;
  }

  /** As if the document as it stands were applied by `run`: files and sheets are looked at again. */
  async lookAgain(ref: WorkflowRef): Promise<Result<Applied, HomeError>> {
    const found = this.#registry.find(ref);
    return found.ok ? this.apply(withoutRequests(found.value.state.stored.object), { look: true }) : found;
  }

  /** Launches nothing more of this workflow in this process; what runs goes on. Nothing is written. */
  stopLaunching(ref: WorkflowRef): void {
    const found = this.#registry.find(ref);
    if (!found.ok) return;
    found.value.state.launchesStopped = true;
    found.value.poke();
  }

  /** How far the tasks are that the last apply's `until` named, and what is upstream of them. */
  reached(ref: WorkflowRef): Reached {
    const found = this.#registry.find(ref);
    if (!found.ok) return 'Moving';
    const { launchOnly, board, stored } = found.value.state;
    // What was asked for is not carried out yet, or something happened that is not judged yet.
    if (!launchOnly || !board.isClean || requestAnnotations(stored.object).length > 0) return 'Moving';
    return launchOnly.reached(board);
  }

  /** A source could not read or apply what it has for this workflow: the last good generation stays in force. */
  async reportInvalid(ref: WorkflowRef, message: string, generation?: number): Promise<void> {
    const found = this.#registry.find(ref);
    if (!found.ok) return;
    await found.value.pause(() => noteSource(this.#context, found.value.state, SOURCE_INVALID, message, generation));
  }

  /** A source lost many files at once and deletes nothing; undefined: that is over. */
  async reportSuspect(ref: WorkflowRef, message: string | undefined): Promise<void> {
    const found = this.#registry.find(ref);
    if (!found.ok) return;
    await found.value.pause(() => noteSource(this.#context, found.value.state, SOURCE_SUSPECT, message));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const reconciler of this.#registry.reconcilers.values()) await reconciler.stop();
    await this.#context.backends.close();
    await this.#context.store.close();
    this.#options.onClose();
  }
}
