import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION, REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import { nameTasks } from '../apis/name-tasks.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import type { Backend } from '../backends/backend.ts';
import { Broadcast } from '../base/broadcast.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import type { Json } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { uniqueId } from '../base/unique-id.ts';
import { type BuiltGraph, buildGraph } from '../graph/build.ts';
import type { TaskRecord } from '../planning/record.ts';
import { SOURCE_ANNOTATION } from '../sources/source.ts';
import type { JournalLine, Store, StoredWorkflow } from '../store/store.ts';
import { type Admitted, admitDocument } from './admit-document.ts';
import { CapacityOffer } from './capacity-offer.ts';
import { storeConditions, withoutConditions } from './conditions.ts';
import { INPUTS_CHANGED, restIfDrifted, wake } from './drift.ts';
import type {
  Applied,
  ApplyOptions,
  Home,
  HomeError,
  LogChunk,
  LogOptions,
  VerbRequest,
  WatchEvent,
  WorkflowRef,
} from './home.ts';
import { isWorkflowRef } from './home.ts';
import type { HomeContext } from './home-context.ts';
import { HomeViews, SOURCE_INVALID } from './home-views.ts';
import { mergePatch } from './merge-patch.ts';
import { OutputOwners } from './output-owners.ts';
import { Reconciler } from './reconciler.ts';
import { recover } from './recover.ts';
import { REQUEST_MEMORY_MS } from './requests.ts';
import {
  draft,
  invalid,
  nameKey,
  precondition,
  requestAnnotations,
  sameDocument,
  updated,
  withMeta,
  withoutRequests,
  withVersion,
} from './resource.ts';
import { Slots } from './slots.ts';
import { selectTasks } from './task-selection.ts';
import { type WatchedPaths, watchedPaths } from './watched-paths.ts';
import { WorkflowState } from './workflow-state.ts';

/**
 * A home over a store and a backend: it admits documents, keeps one reconciler per workflow, and answers. What it
 * writes itself are resources; records are the reconcilers' alone.
 */
export interface LocalHomeOptions {
  readonly store: Store;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keepRuns: HomeContext['keepRuns'];
  readonly activity: 'Active' | 'Passive' | 'ReadOnly';
  readonly onClose: () => void;
}

const NO_MEMORY = { sheets: {}, requests: {}, suspended: false, approvedGeneration: 0 } as const;

export class LocalHome implements Home {
  readonly #options: LocalHomeOptions;
  readonly #context: HomeContext;
  readonly #reconcilers = new Map<string, Reconciler>();
  readonly #byName = new Map<string, string>();
  readonly #deleted = new Map<string, StoredWorkflow>();
  readonly #outputs = new OutputOwners();
  readonly #changes = new Broadcast<WatchEvent>();
  readonly #journal = new Broadcast<JournalLine>();
  readonly #views: HomeViews;
  readonly #closing = new AbortController();

  private constructor(options: LocalHomeOptions) {
    this.#options = options;
    const slots = new Slots(options.backend.capacity, () => offer.make());
    const offer = new CapacityOffer(slots, () => this.#reconcilers.values());
    this.#context = {
      ...options,
      slots,
      tokens: new Map(),
      published: (stored, type) => this.#changes.send({ type, object: withVersion(stored) }),
      journaled: (lines) => {
        for (const line of lines) this.#journal.send(line);
      },
      removed: (uid) => void this.#removed(uid),
    };
    this.#views = new HomeViews(this.#context, this.#journal);
  }

  static async open(options: LocalHomeOptions): Promise<LocalHome> {
    const home = new LocalHome(options);
    await home.#load();
    return home;
  }

  async #load(): Promise<void> {
    const { store, backend, clock, activity, logger } = this.#options;
    const forget: string[] = [];
    for (const stored of await store.workflows()) {
      if (stored.deletedAt === undefined) await this.#loadOne(stored, logger);
      else if (clock.now() - stored.deletedAt < REQUEST_MEMORY_MS)
        this.#deleted.set(nameKey(stored.object.metadata), stored);
      else forget.push(stored.uid);
    }
    if (activity !== 'Active') {
      for (const reconciler of this.#reconcilers.values()) await this.#views.judgeOnly(reconciler);
      return;
    }
    if (forget.length > 0) await store.commit({ time: clock.now(), forget });
    await backend.start((observation) => this.#observed(observation));
    for (const reconciler of this.#reconcilers.values()) {
      await recover(this.#context, reconciler.state);
      await restIfDrifted(this.#context, reconciler, (r) => this.#views.judgeOnly(r));
      if (reconciler.state.lookNeeded && !reconciler.state.resting) await this.#holdAtStart(reconciler);
      reconciler.poke();
    }
  }

  /** What waited for approval waits on, and what was noted while nothing ran may have to. */
  async #holdAtStart(reconciler: Reconciler): Promise<void> {
    await this.#views.judgeOnly(reconciler);
    reconciler.state.lookNeeded = false;
    await this.#views.holdIfCostly(reconciler);
  }

  async #loadOne(stored: StoredWorkflow, logger: Logger): Promise<void> {
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
    this.#adopt(stored, built.value, await this.#options.store.records(stored.uid));
  }

  #adopt(stored: StoredWorkflow, built: BuiltGraph, records: Iterable<TaskRecord>): Reconciler {
    const reconciler = new Reconciler(this.#context, new WorkflowState(stored, built, records));
    this.#reconcilers.set(stored.uid, reconciler);
    this.#byName.set(nameKey(stored.object.metadata), stored.uid);
    this.#outputs.set(stored.uid, built.graph);
    return reconciler;
  }

  #observed(observation: Parameters<Parameters<Backend['start']>[0]>[0]): void {
    const place = this.#context.tokens.get(observation.token);
    const reconciler = place && this.#reconcilers.get(place.workflow);
    if (!reconciler) return;
    reconciler.state.inbox.push(observation);
    reconciler.poke();
  }

  #find(ref: WorkflowRef): Result<Reconciler, HomeError> {
    const uid = this.#byName.get(nameKey(ref));
    const found = uid === undefined ? undefined : this.#reconcilers.get(uid);
    return found
      ? ok(found)
      : fail({ reason: 'NotFound', message: `workflow ${ref.name} not found in namespace ${ref.namespace}` });
  }

  async apply(document: WorkflowDocument, options: ApplyOptions = {}): Promise<Result<Applied, HomeError>> {
    const namespace = document.metadata.namespace ?? DEFAULT_NAMESPACE;
    const found = this.#find({ namespace, name: document.metadata.name });
    const existing = found.ok ? found.value : undefined;
    const refused = precondition(existing?.state, options);
    if (refused) return fail(refused);
    const named = nameTasks(document);
    const same = existing !== undefined && sameDocument(existing.state.stored.object, named);
    if (existing && same && !options.look) {
      if (!options.dryRun) await this.#appliedUnchanged(existing);
      return ok({ workflow: withVersion(existing.state.stored), outcome: 'Unchanged', warnings: [] });
    }
    const admitted = await admitDocument(
      { ...named, metadata: { ...named.metadata, namespace } },
      this.#options.backend,
      this.#context.slots.capacity,
    );
    if (!admitted.ok) return fail(invalid(admitted.error));
    const clash = this.#outputs.clash(
      existing?.state.uid,
      admitted.value.built.graph,
      (uid) => this.#reconcilers.get(uid)?.state.stored.object.metadata.name ?? uid,
    );
    if (clash) return fail(invalid([clash]));
    const warnings = admitted.value.built.warnings;
    if (options.dryRun) {
      const outcome = existing ? (same ? 'Unchanged' : 'Configured') : 'Created';
      return ok({
        workflow: existing ? withVersion(existing.state.stored) : draft(admitted.value.document, namespace),
        outcome,
        warnings,
      });
    }
    const reconciler = existing
      ? await this.#update(existing, admitted.value, same)
      : await this.#create(admitted.value, namespace);
    await this.#look(reconciler, admitted.value);
    const outcome = existing ? (same ? 'Unchanged' : 'Configured') : 'Created';
    return ok({ workflow: withVersion(reconciler.state.stored), outcome, warnings });
  }

  /** It looks at nothing; but what a source said against it is over, and a person may mean drift that was shown. */
  async #appliedUnchanged(reconciler: Reconciler): Promise<void> {
    const { state } = reconciler;
    await this.#clear(reconciler, [SOURCE_INVALID]);
    // A folder applies all of its files at every start, which is no wish.
    const fromFolder = state.stored.object.metadata.annotations?.[SOURCE_ANNOTATION] !== undefined;
    if (!state.resting || fromFolder) return;
    await reconciler.pause(() => wake(this.#context, state));
    await reconciler.turn();
  }

  async #clear(reconciler: Reconciler, types: readonly string[]): Promise<void> {
    const { state } = reconciler;
    if (withoutConditions(state.stored.object, types) === state.stored.object) return;
    await reconciler.pause(() => storeConditions(this.#context, state, withoutConditions(state.stored.object, types)));
  }

  /** Looks at the files now, sees whether the plan needs approval, and makes the first turn. */
  async #look(reconciler: Reconciler, admitted: Admitted): Promise<void> {
    if (this.#options.activity !== 'Active') {
      await this.#clear(reconciler, [SOURCE_INVALID]);
      return this.#views.judgeOnly(reconciler);
    }
    await this.#clear(reconciler, [SOURCE_INVALID, INPUTS_CHANGED]);
    const { state } = reconciler;
    for (const [id, digest] of admitted.facts) state.setFact(id, digest);
    for (const [id, digest] of await this.#options.backend.files.look(state.allLooks())) state.setFact(id, digest);
    state.unrestorable.clear();
    state.lookNeeded = false;
    state.resting = false;
    await this.#views.holdIfCostly(reconciler);
    await reconciler.turn();
  }

  async #create(admitted: Admitted, namespace: string): Promise<Reconciler> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const uid = uniqueId();
    const object = withMeta(draft(admitted.document, namespace), {
      uid,
      generation: 1,
      creationTimestamp: new Date(now).toISOString(),
    });
    const past = this.#deleted.get(nameKey(object.metadata));
    const records = past ? await store.records(past.uid) : [];
    const stored = { uid, deletedAt: undefined, object, memory: { ...NO_MEMORY, sheets: admitted.sheets } };
    const entry = {
      type: 'WorkflowApplied' as const,
      generation: 1,
      message: `created with ${admitted.built.graph.tasks.filter((t) => t.kind !== 'Barrier').length} tasks`,
    };
    const committed = await store.commit({
      time: now,
      ...(past ? { inherit: [{ from: past.uid, to: uid }] } : {}),
      workflows: [{ stored }],
      entries: [{ workflow: uid, entry }],
    });
    if (past) this.#deleted.delete(nameKey(object.metadata));
    const reconciler = this.#adopt(
      { ...stored, version: committed.outcome === 'Committed' ? committed.version : 0 },
      admitted.built,
      records,
    );
    this.#announce(reconciler, 'ADDED', now, entry, committed.outcome === 'Committed' ? committed.seqs : []);
    return reconciler;
  }

  async #update(reconciler: Reconciler, admitted: Admitted, same: boolean): Promise<Reconciler> {
    const { state } = reconciler;
    const sheetsSame = canonicalJson(state.stored.memory.sheets) === canonicalJson(admitted.sheets);
    if (same && sheetsSame) return reconciler;
    await reconciler.pause(async () => {
      const now = this.#options.clock.now();
      const before = state.stored.object;
      const generation =
        before.metadata.generation +
        (canonicalJson(before.spec as unknown as Json) === canonicalJson(admitted.document.spec as unknown as Json)
          ? 0
          : 1);
      const object = updated(before, admitted.document, generation);
      const stored = { ...state.stored, object, memory: { ...state.stored.memory, sheets: admitted.sheets } };
      const entry = { type: 'WorkflowApplied' as const, generation, message: `configured, generation ${generation}` };
      const committed = await this.#options.store.commit({
        time: now,
        workflows: [{ stored }],
        entries: [{ workflow: state.uid, entry }],
      });
      const version = committed.outcome === 'Committed' ? committed.version : stored.version;
      state.replaceGraph({ ...stored, version }, admitted.built);
      this.#outputs.set(state.uid, admitted.built.graph);
      this.#announce(reconciler, 'MODIFIED', now, entry, committed.outcome === 'Committed' ? committed.seqs : []);
    });
    return reconciler;
  }

  #announce(
    reconciler: Reconciler,
    type: 'ADDED' | 'MODIFIED',
    time: number,
    entry: JournalLine['entry'],
    seqs: readonly number[],
  ): void {
    const { stored, uid } = reconciler.state;
    this.#context.published(stored, type);
    this.#context.journaled([{ seq: seqs[0] ?? 0, time, workflow: uid, entry }]);
  }

  async patch(ref: WorkflowRef, patch: Json): Promise<Result<Workflow, HomeError>> {
    const found = this.#find(ref);
    if (!found.ok) return found;
    const before = found.value.state.stored.object;
    const merged = mergePatch(before as unknown as Json, patch) as unknown as Workflow;
    if (merged.metadata?.name !== ref.name || merged.metadata.namespace !== ref.namespace)
      return fail({ reason: 'Conflict', message: 'name and namespace cannot change' });
    const requests = requestAnnotations(merged).filter(([name]) => before.metadata.annotations?.[name] === undefined);
    if (!sameDocument(before, merged)) {
      const applied = await this.apply(withoutRequests(merged));
      if (!applied.ok) return applied;
    }
    for (const [name, text] of requests) await this.#annotate(found.value, name, text);
    return ok(withVersion(found.value.state.stored));
  }

  async request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>> {
    const found = this.#find(ref);
    if (!found.ok) return found;
    if (!/^[a-z0-9-]{1,63}$/.test(request.id))
      return fail({ reason: 'Conflict', message: `a request id is 1 to 63 of a-z, 0-9 and -: ${request.id}` });
    const none = request.tasks?.find((t) => selectTasks(found.value.state.graph, { tasks: [t] }).length === 0);
    if (none !== undefined) return fail({ reason: 'NotFound', message: `workflow ${ref.name} has no task ${none}` });
    await this.#annotate(found.value, `${REQUEST_ANNOTATION_PREFIX}${request.id}`, JSON.stringify(request));
    return ok(withVersion(found.value.state.stored));
  }

  /** The request is durable before it is carried out, and the reconciler takes it from the resource. */
  async #annotate(reconciler: Reconciler, name: string, text: string): Promise<void> {
    const { state } = reconciler;
    await reconciler.pause(async () => {
      const { stored } = state;
      const { metadata } = stored.object;
      const object = {
        ...withoutConditions(stored.object, [INPUTS_CHANGED]),
        metadata: { ...metadata, annotations: { ...metadata.annotations, [name]: text } },
      };
      const committed = await this.#options.store.commit({
        time: this.#options.clock.now(),
        workflows: [{ stored: { ...stored, object } }],
      });
      state.stored = {
        ...stored,
        object,
        version: committed.outcome === 'Committed' ? committed.version : stored.version,
      };
      state.resting = false;
      this.#context.published(state.stored, 'MODIFIED');
    });
    if (this.#options.activity === 'Active') await reconciler.turn();
  }

  async delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const found = this.#find(ref);
    if (!found.ok) return found;
    const { state } = found.value;
    await found.value.pause(async () => {
      if (state.stored.object.metadata.deletionTimestamp !== undefined) return;
      const now = this.#options.clock.now();
      const object = withMeta(state.stored.object, { deletionTimestamp: new Date(now).toISOString() });
      const entry = { type: 'WorkflowDeleted' as const, message: 'deletion was asked for' };
      const committed = await this.#options.store.commit({
        time: now,
        workflows: [{ stored: { ...state.stored, object } }],
        entries: [{ workflow: state.uid, entry }],
      });
      const version = committed.outcome === 'Committed' ? committed.version : 0;
      state.stored = { ...state.stored, object, version };
      state.resting = false;
      state.board.markAll();
      this.#announce(found.value, 'MODIFIED', now, entry, committed.outcome === 'Committed' ? committed.seqs : []);
    });
    if (this.#options.activity === 'Active') await found.value.turn();
    return ok(withVersion(state.stored));
  }

  /** Nothing of a deleted workflow runs any more: it leaves; its records are kept for a while under its name. */
  async #removed(uid: string): Promise<void> {
    const reconciler = this.#reconcilers.get(uid);
    if (!reconciler) return;
    this.#reconcilers.delete(uid);
    // The turn that found it empty ends first; nothing may write the resource after this.
    await reconciler.stop();
    const { state } = reconciler;
    const now = this.#options.clock.now();
    const stored = { ...state.stored, deletedAt: now };
    const committed = await this.#options.store.commit({ time: now, workflows: [{ stored }] });
    const gone = { ...stored, version: committed.outcome === 'Committed' ? committed.version : 0 };
    this.#byName.delete(nameKey(stored.object.metadata));
    this.#outputs.remove(uid);
    this.#deleted.set(nameKey(stored.object.metadata), gone);
    this.#context.published(gone, 'DELETED');
  }

  async get(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const found = this.#find(ref);
    return found.ok ? ok(withVersion(found.value.state.stored)) : found;
  }

  async list(namespace?: string): Promise<{ items: readonly Workflow[]; resourceVersion: string }> {
    const items = [...this.#reconcilers.values()]
      .map((r) => withVersion(r.state.stored))
      .filter((w) => namespace === undefined || w.metadata.namespace === namespace)
      .sort((a, b) => (nameKey(a.metadata) < nameKey(b.metadata) ? -1 : 1));
    return { items, resourceVersion: String(this.#options.store.version()) };
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
    const found = this.#find(ref);
    return found.ok ? ok(this.#views.tasks(found.value.state, options.name)) : found;
  }

  async plan(target: WorkflowDocument | WorkflowRef): Promise<Result<Plan, HomeError>> {
    if (isWorkflowRef(target)) {
      const found = this.#find(target);
      return found.ok ? ok(await this.#views.plan(found.value)) : found;
    }
    const namespace = target.metadata.namespace ?? DEFAULT_NAMESPACE;
    const admitted = await admitDocument(
      { ...target, metadata: { ...target.metadata, namespace } },
      this.#options.backend,
      this.#context.slots.capacity,
    );
    if (!admitted.ok) return fail(invalid(admitted.error));
    const found = this.#find({ namespace, name: target.metadata.name });
    const past = this.#deleted.get(nameKey({ namespace, name: target.metadata.name }));
    const records = found.ok
      ? [...found.value.state.book.all()]
      : past
        ? await this.#options.store.records(past.uid)
        : [];
    const object = withMeta(draft(admitted.value.document, namespace), {
      uid: found.ok ? found.value.state.uid : '',
      generation: 0,
    });
    const stored = { uid: object.metadata.uid, version: 0, deletedAt: undefined, object, memory: NO_MEMORY };
    return ok(
      await this.#views.plan(new Reconciler(this.#context, new WorkflowState(stored, admitted.value.built, records))),
    );
  }

  async explain(ref: WorkflowRef, task?: string): Promise<Result<readonly Explanation[], HomeError>> {
    const found = this.#find(ref);
    return found.ok ? this.#views.explain(found.value, task) : found;
  }

  async graph(target: WorkflowDocument | WorkflowRef): Promise<Result<GraphView, HomeError>> {
    if (isWorkflowRef(target)) {
      const found = this.#find(target);
      return found.ok ? ok(this.#views.graph(found.value.state)) : found;
    }
    const admitted = await admitDocument(target, this.#options.backend, this.#context.slots.capacity);
    return admitted.ok ? ok(this.#views.graphOf(admitted.value.built.graph, () => '')) : fail(invalid(admitted.error));
  }

  events(ref: WorkflowRef, options: Parameters<Home['events']>[1]): AsyncIterable<EventLine> {
    const found = this.#find(ref);
    const uid = found.ok ? found.value.state.uid : (this.#deleted.get(nameKey(ref))?.uid ?? '');
    return this.#views.events(uid, ref.name, {
      ...options,
      signal: AbortSignal.any([options.signal, this.#closing.signal]),
    });
  }

  logs(ref: WorkflowRef, options: LogOptions): AsyncIterable<LogChunk> {
    return this.#views.logs(() => this.#find(ref), {
      ...options,
      signal: AbortSignal.any([options.signal, this.#closing.signal]),
    });
  }

  /** What `watchInputs` wants watched; undefined: nothing. The same object until it changes. */
  watchedPaths(ref: WorkflowRef): WatchedPaths | undefined {
    const found = this.#find(ref);
    return found.ok ? watchedPaths(found.value.state) : undefined;
  }

  /** As if the document as it stands were applied by `run`: files and sheets are looked at again. */
  async lookAgain(ref: WorkflowRef): Promise<Result<Applied, HomeError>> {
    const found = this.#find(ref);
    return found.ok ? this.apply(withoutRequests(found.value.state.stored.object), { look: true }) : found;
  }

  /** Launches nothing more of this workflow in this process; what runs goes on. Nothing is written. */
  stopLaunching(ref: WorkflowRef): void {
    const found = this.#find(ref);
    if (!found.ok) return;
    found.value.state.launchesStopped = true;
    found.value.poke();
  }

  /** A source could not read or apply what it has for this workflow: the last good generation stays in force. */
  async reportInvalid(ref: WorkflowRef, message: string): Promise<void> {
    const found = this.#find(ref);
    if (!found.ok) return;
    await found.value.pause(async () => this.#views.noteInvalid(found.value.state, message));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const reconciler of this.#reconcilers.values()) await reconciler.stop();
    await this.#options.backend.close();
    await this.#options.store.close();
    this.#options.onClose();
  }
}
