import { DEFAULT_NAMESPACE } from '../apis/meta.ts';
import { nameTasks } from '../apis/name-tasks.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { Semaphore } from '../base/semaphore.ts';
import { uniqueId } from '../base/unique-id.ts';
import { SOURCE_ANNOTATION } from '../sources/source.ts';
import type { JournalLine } from '../store/store.ts';
import { type Admitted, admitAgain, admitDocument } from './admit-document.ts';
import { storeConditions, withoutConditions } from './conditions.ts';
import { INPUTS_CHANGED, wake } from './drift.ts';
import type { Applied, ApplyOptions, HomeError, WorkflowRef } from './home.ts';
import type { Activity, HomeContext } from './home-context.ts';
import type { HomeViews } from './home-views.ts';
import { LaunchScope, untilRefusal } from './launch-scope.ts';
import { noteRequest, requestRefusal } from './lifecycle.ts';
import { lookAtAll } from './look-around.ts';
import type { Reconciler } from './reconciler.ts';
import type { Registry } from './registry.ts';
import {
  draft,
  invalid,
  NO_MEMORY,
  nameKey,
  precondition,
  sameDocument,
  updated,
  withMeta,
  withVersion,
} from './resource.ts';
import { SOURCE_INVALID } from './source-reports.ts';

/** Taken in; the first turn is still to be made. */
interface CarriedOut {
  readonly applied: () => Applied;
  readonly turn: (() => Promise<void>) | undefined;
}

/**
 * Takes documents in: admission, then what they change of the resource, then the first look and turn. Changes are made
 * one at a time, so two documents cannot both be the first of a name, or both take an output path.
 */
export class Applier {
  readonly #context: HomeContext;
  readonly #registry: Registry;
  readonly #views: HomeViews;
  readonly #activity: Activity;
  readonly #changing = new Semaphore(1);

  constructor(context: HomeContext, registry: Registry, views: HomeViews, activity: Activity) {
    this.#context = context;
    this.#registry = registry;
    this.#views = views;
    this.#activity = activity;
  }

  async apply(document: WorkflowDocument, options: ApplyOptions = {}): Promise<Result<Applied, HomeError>> {
    const namespace = document.metadata.namespace ?? DEFAULT_NAMESPACE;
    const ref = { namespace, name: document.metadata.name };
    const named = nameTasks(document);
    const before = this.#existing(ref);
    const refused = precondition(before?.state, options);
    if (refused) return fail(refused);
    const same = before && sameDocument(before.state.stored.object, named) ? before.state : undefined;
    const asBefore = same && isGenerationOf(same.stored.object, options.identity);
    if (before && asBefore && !options.look && !options.request && !options.until) {
      if (!options.dryRun) await this.#appliedUnchanged(before, options);
      return ok({ workflow: withVersion(same.stored), outcome: 'Unchanged', warnings: [] });
    }
    const inNamespace = { ...named, metadata: { ...named.metadata, namespace } };
    const again =
      same &&
      (await admitAgain(
        { document: inNamespace, built: same.built, sheets: same.stored.memory.sheets },
        this.#context,
      ));
    const admitted = again ?? (await admitDocument(inNamespace, this.#context, before?.state));
    if (!admitted.ok) return fail(invalid(admitted.error));
    const carried = await this.#changing.run(() => this.#carryOut(ref, named, admitted.value, options));
    // Not one of the changes: a turn may take as long as the ledger refuses to write.
    if (carried.ok && carried.value.turn) await carried.value.turn();
    return carried.ok ? ok(carried.value.applied()) : carried;
  }

  /** Admission took time: who exists and what it says is asked again. */
  async #carryOut(
    ref: WorkflowRef,
    named: WorkflowDocument,
    admitted: Admitted,
    options: ApplyOptions,
  ): Promise<Result<CarriedOut, HomeError>> {
    const existing = this.#existing(ref);
    const refused = precondition(existing?.state, options);
    if (refused) return fail(refused);
    const same = existing !== undefined && sameDocument(existing.state.stored.object, named);
    const nameOf = (uid: string): string =>
      this.#registry.reconcilers.get(uid)?.state.stored.object.metadata.name ?? uid;
    const clash = this.#registry.outputs.clash(existing?.state.uid, admitted.built.graph, nameOf);
    if (clash) return fail(invalid([clash]));
    const unwanted = this.#unwanted(ref, admitted, options);
    if (unwanted) return fail(unwanted);
    const { warnings } = admitted.built;
    const outcome = existing ? (same ? 'Unchanged' : 'Configured') : 'Created';
    if (options.dryRun) {
      const workflow = existing ? withVersion(existing.state.stored) : draft(admitted.document, ref.namespace);
      return ok({ applied: () => ({ workflow, outcome, warnings }), turn: undefined });
    }
    const reconciler = existing
      ? await this.#update(existing, admitted, same, options.identity)
      : await this.#create(admitted, ref.namespace, options.identity);
    try {
      await this.#look(reconciler, options);
    } catch (error) {
      // The document is in force: its turns must not rest for ever because a look failed.
      reconciler.state.resting = false;
      reconciler.state.lookNeeded = true;
      reconciler.poke();
      throw error;
    }
    return ok({
      applied: () => ({ workflow: withVersion(reconciler.state.stored), outcome, warnings }),
      turn: this.#activity === 'Active' ? () => reconciler.turn() : undefined,
    });
  }

  /** What comes with the document must make sense for it. */
  #unwanted({ name }: WorkflowRef, { built }: Admitted, { request, until }: ApplyOptions): HomeError | undefined {
    return (request && requestRefusal(name, built.graph, request)) ?? (until && untilRefusal(built.graph, until));
  }

  #existing(ref: WorkflowRef): Reconciler | undefined {
    const found = this.#registry.find(ref);
    return found.ok ? found.value : undefined;
  }

  /** It looks at nothing; but what a source said against it is over, and a person may mean drift that was shown. */
  async #appliedUnchanged(reconciler: Reconciler, { identity }: ApplyOptions): Promise<void> {
    const { state } = reconciler;
    await this.#clear(reconciler, [SOURCE_INVALID]);
    // A folder, and an API server, bring all that they have at every start, which is no wish.
    const fromFolder = state.stored.object.metadata.annotations?.[SOURCE_ANNOTATION] !== undefined;
    if (!state.resting || fromFolder || identity) return;
    await reconciler.pause(() => wake(this.#context, state));
    await reconciler.turn();
  }

  async #clear(reconciler: Reconciler, types: readonly string[]): Promise<void> {
    const { state } = reconciler;
    if (withoutConditions(state.stored.object, types) === state.stored.object) return;
    await reconciler.pause(() => storeConditions(this.#context, state, withoutConditions(state.stored.object, types)));
  }

  /** Looks at the files now, and sees whether the plan needs approval. */
  async #look(reconciler: Reconciler, { request, until }: ApplyOptions): Promise<void> {
    const { state } = reconciler;
    if (this.#activity !== 'Active') {
      await this.#clear(reconciler, [SOURCE_INVALID]);
      if (request) await reconciler.pause(() => noteRequest(this.#context, state, request));
      return this.#views.judgeOnly(reconciler);
    }
    await this.#clear(reconciler, [SOURCE_INVALID, INPUTS_CHANGED]);
    // No turn meanwhile: an attempt that ended in it would have its stamps overwritten by an older look.
    await reconciler.pause(async () => {
      if (until) state.launchOnly = new LaunchScope(state.graph, until);
      if (request) await noteRequest(this.#context, state, request);
      // Not what admission saw: somebody may have looked later.
      await lookAtAll(this.#context, state);
      state.unrestorable.clear();
      state.unmovable.clear();
      state.lookNeeded = false;
      state.resting = false;
      await this.#views.holdIfCostly(reconciler);
    });
  }

  async #create(admitted: Admitted, namespace: string, identity: ApplyOptions['identity']): Promise<Reconciler> {
    const { store, clock } = this.#context;
    const now = clock.now();
    const { uid, generation, creationTimestamp } = identity ?? {
      uid: uniqueId(),
      generation: 1,
      creationTimestamp: new Date(now).toISOString(),
    };
    const object = withMeta(draft(admitted.document, namespace), { uid, generation, creationTimestamp });
    const past = this.#registry.deleted.get(nameKey(object.metadata));
    // One that an API server has may be known to the ledger all the same: no number is given out twice.
    const known = identity ? uid : past?.uid;
    const records = known === undefined ? [] : await store.records(known);
    const stored = { uid, deletedAt: undefined, object, memory: { ...NO_MEMORY, sheets: admitted.sheets } };
    const entry = {
      type: 'WorkflowApplied' as const,
      generation,
      message: `created with ${admitted.built.graph.tasks.filter((t) => t.kind !== 'Barrier').length} tasks`,
    };
    const committed = await store.commit({
      time: now,
      ...(past ? { inherit: [{ from: past.uid, to: uid }] } : {}),
      workflows: [{ stored }],
      entries: [{ workflow: uid, entry }],
    });
    if (past) this.#registry.deleted.delete(nameKey(object.metadata));
    const reconciler = this.#registry.add(
      this.#context,
      { ...stored, version: committed.outcome === 'Committed' ? committed.version : 0 },
      admitted.built,
      records,
    );
    this.#announce(reconciler, 'ADDED', now, entry, committed.outcome === 'Committed' ? committed.seqs : []);
    return reconciler;
  }

  async #update(
    reconciler: Reconciler,
    admitted: Admitted,
    same: boolean,
    identity: ApplyOptions['identity'],
  ): Promise<Reconciler> {
    const { state } = reconciler;
    const sheetsSame = canonicalJson(state.stored.memory.sheets) === canonicalJson(admitted.sheets);
    if (same && sheetsSame && isGenerationOf(state.stored.object, identity)) return reconciler;
    await reconciler.pause(async () => {
      const now = this.#context.clock.now();
      const before = state.stored.object;
      const generation = identity?.generation ?? nextGeneration(before, admitted.document);
      const object = updated(before, admitted.document, generation);
      const stored = { ...state.stored, object, memory: { ...state.stored.memory, sheets: admitted.sheets } };
      const entry = { type: 'WorkflowApplied' as const, generation, message: `configured, generation ${generation}` };
      const committed = await this.#context.store.commit({
        time: now,
        workflows: [{ stored }],
        entries: [{ workflow: state.uid, entry }],
      });
      const version = committed.outcome === 'Committed' ? committed.version : stored.version;
      state.replaceGraph({ ...stored, version }, admitted.built);
      // No turn under the new graph before it is known whether the plan needs approval.
      state.resting = this.#activity === 'Active';
      this.#registry.outputs.set(state.uid, admitted.built.graph);
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
}

function isGenerationOf({ metadata }: Workflow, identity: ApplyOptions['identity']): boolean {
  return identity === undefined || identity.generation === metadata.generation;
}

function nextGeneration({ metadata, spec }: Workflow, document: WorkflowDocument): number {
  const same = canonicalJson(spec as unknown as Json) === canonicalJson(document.spec as unknown as Json);
  return metadata.generation + (same ? 0 : 1);
}
