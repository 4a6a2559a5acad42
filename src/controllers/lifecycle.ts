import { REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Graph } from '../graph/graph.ts';
import type { Batch, Committed } from '../store/store.ts';
import { withoutConditions } from './conditions.ts';
import { INPUTS_CHANGED } from './drift.ts';
import type { HomeError, VerbRequest, WorkflowRef } from './home.ts';
import type { Activity, HomeContext } from './home-context.ts';
import { parseRequest } from './parse-request.ts';
import type { Reconciler } from './reconciler.ts';
import { STORE_RETRY_MS } from './reconciler.ts';
import type { Registry } from './registry.ts';
import { nameKey, requestAnnotations, withMeta, withVersion } from './resource.ts';
import { namesNothing } from './task-selection.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Changes of a resource that are not documents: requests, deletion, and what a source has to say about it. */
export class Lifecycle {
  readonly #context: HomeContext;
  readonly #registry: Registry;
  readonly #activity: Activity;

  constructor(context: HomeContext, registry: Registry, activity: Activity) {
    this.#context = context;
    this.#registry = registry;
    this.#activity = activity;
  }

  async request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>> {
    const found = this.#registry.find(ref);
    if (!found.ok) return found;
    const refused = requestRefusal(ref.name, found.value.state.graph, request);
    if (refused) return fail(refused);
    await this.#change(found.value, () => noteRequest(this.#context, found.value.state, request));
    return ok(withVersion(found.value.state.stored));
  }

  /** The request is durable before it is carried out, and the reconciler takes it from the resource. */
  async annotate(reconciler: Reconciler, name: string, text: string): Promise<void> {
    await this.#change(reconciler, () => annotateResource(this.#context, reconciler.state, name, text));
  }

  /** Those of a resource elsewhere that nobody has noted here: each is durable when this resolves. */
  async takeRequests(reconciler: Reconciler, object: Workflow): Promise<void> {
    for (const [name, text] of requestAnnotations(object)) {
      const { stored } = reconciler.state;
      const isDone = Object.hasOwn(stored.memory.requests, name.slice(REQUEST_ANNOTATION_PREFIX.length));
      const isNoted = stored.object.metadata.annotations?.[name] !== undefined;
      if (!isDone && !isNoted) await this.annotate(reconciler, name, text);
    }
  }

  async #change(reconciler: Reconciler, change: () => Promise<void>): Promise<void> {
    await reconciler.pause(change);
    if (this.#activity === 'Active') await reconciler.turn();
  }

  async delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const found = this.#registry.find(ref);
    if (!found.ok) return found;
    const { state } = found.value;
    await found.value.pause(async () => {
      if (state.stored.object.metadata.deletionTimestamp !== undefined) return;
      const now = this.#context.clock.now();
      const object = withMeta(state.stored.object, { deletionTimestamp: new Date(now).toISOString() });
      const entry = { type: 'WorkflowDeleted' as const, message: 'deletion was asked for' };
      const committed = await this.#context.store.commit({
        time: now,
        workflows: [{ stored: { ...state.stored, object } }],
        entries: [{ workflow: state.uid, entry }],
      });
      const version = committed.outcome === 'Committed' ? committed.version : 0;
      state.stored = { ...state.stored, object, version };
      state.resting = false;
      state.board.markAll();
      this.#context.published(state.stored, 'MODIFIED');
      const seq = committed.outcome === 'Committed' ? (committed.seqs[0] ?? 0) : 0;
      this.#context.journaled([{ seq, time: now, workflow: state.uid, entry }]);
    });
    if (this.#activity === 'Active') await found.value.turn();
    return ok(withVersion(state.stored));
  }

  /** Nothing of a deleted workflow runs any more: it leaves; its records are kept for a while under its name. */
  async removed(uid: string): Promise<void> {
    const reconciler = this.#registry.reconcilers.get(uid);
    if (!reconciler) return;
    // The turn that found it empty ends first; nothing may write the resource after this.
    await reconciler.stop();
    const { state } = reconciler;
    const now = this.#context.clock.now();
    const stored = { ...state.stored, deletedAt: now };
    const { keepsDeleted } = this.#context;
    const committed = await this.#persist({
      time: now,
      ...(keepsDeleted ? { workflows: [{ stored }] } : { forget: [uid] }),
    });
    const gone = { ...stored, version: committed.outcome === 'Committed' ? committed.version : 0 };
    this.#registry.remove(gone);
    if (!keepsDeleted) this.#registry.deleted.delete(nameKey(gone.object.metadata));
    this.#context.published(gone, 'DELETED');
  }

  /** Nobody waits for this one to succeed, so it is tried until the ledger takes it. */
  async #persist(batch: Batch): Promise<Committed> {
    for (;;) {
      try {
        return await this.#context.store.commit(batch);
      } catch (error) {
        this.#context.logger.error({ error: String(error) }, 'the ledger cannot be written; trying again');
        await new Promise<void>((resolve) => this.#context.clock.after(STORE_RETRY_MS, resolve));
      }
    }
  }
}

/** Why this request cannot be noted for this graph; undefined: it can. */
export function requestRefusal(workflow: string, graph: Graph, request: VerbRequest): HomeError | undefined {
  const parsed = parseRequest(request);
  if (!parsed.ok) return { reason: 'Invalid', message: parsed.error, diagnostics: [] };
  const none = namesNothing(graph, request.tasks ?? []);
  return none === undefined ? undefined : { reason: 'NotFound', message: `workflow ${workflow} has no task ${none}` };
}

/** As an annotation, durable before it is carried out. Must run while the reconciler is paused. */
export function noteRequest(home: HomeContext, state: WorkflowState, request: VerbRequest): Promise<void> {
  return annotateResource(home, state, `${REQUEST_ANNOTATION_PREFIX}${request.id}`, JSON.stringify(request));
}

/** One more annotation, durable; whoever is asked for something rests no longer. Must run while the reconciler is paused. */
async function annotateResource(home: HomeContext, state: WorkflowState, name: string, text: string): Promise<void> {
  const { stored } = state;
  const { metadata } = stored.object;
  const object = {
    ...withoutConditions(stored.object, [INPUTS_CHANGED]),
    metadata: { ...metadata, annotations: { ...metadata.annotations, [name]: text } },
  };
  const committed = await home.store.commit({ time: home.clock.now(), workflows: [{ stored: { ...stored, object } }] });
  const version = committed.outcome === 'Committed' ? committed.version : stored.version;
  state.stored = { ...stored, object, version };
  state.resting = false;
  home.published(state.stored, 'MODIFIED');
}
