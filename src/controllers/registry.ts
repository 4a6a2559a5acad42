import { fail, ok, type Result } from '../base/result.ts';
import type { BuiltGraph } from '../graph/build.ts';
import type { TaskRecord } from '../planning/record.ts';
import type { StoredWorkflow } from '../store/store.ts';
import type { HomeError, WorkflowRef } from './home.ts';
import type { HomeContext } from './home-context.ts';
import { OutputOwners } from './output-owners.ts';
import { Reconciler } from './reconciler.ts';
import { nameKey } from './resource.ts';
import { WorkflowState } from './workflow-state.ts';

/** The workflows of a home: one reconciler each, by uid and by name, and what is remembered of deleted ones. */
export class Registry {
  readonly reconcilers = new Map<string, Reconciler>();
  /** By name: the last deleted workflow whose records are still kept. */
  readonly deleted = new Map<string, StoredWorkflow>();
  readonly outputs = new OutputOwners();
  readonly #byName = new Map<string, string>();

  find(ref: WorkflowRef): Result<Reconciler, HomeError> {
    const uid = this.#byName.get(nameKey(ref));
    const found = uid === undefined ? undefined : this.reconcilers.get(uid);
    return found
      ? ok(found)
      : fail({ reason: 'NotFound', message: `workflow ${ref.name} not found in namespace ${ref.namespace}` });
  }

  add(context: HomeContext, stored: StoredWorkflow, built: BuiltGraph, records: Iterable<TaskRecord>): Reconciler {
    // What another process prunes meanwhile, under a home that only reads, is unknown there from then on.
    const read = (key: string): TaskRecord | undefined => context.store.record(stored.uid, key);
    const reconciler = new Reconciler(context, new WorkflowState(stored, built, records, read));
    this.reconcilers.set(stored.uid, reconciler);
    this.#byName.set(nameKey(stored.object.metadata), stored.uid);
    this.outputs.set(stored.uid, built.graph);
    return reconciler;
  }

  /** It is gone; its records are kept under its name. */
  remove(gone: StoredWorkflow): void {
    this.reconcilers.get(gone.uid)?.state.release();
    this.reconcilers.delete(gone.uid);
    this.#byName.delete(nameKey(gone.object.metadata));
    this.outputs.remove(gone.uid);
    this.deleted.set(nameKey(gone.object.metadata), gone);
  }
}
