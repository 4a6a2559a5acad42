import type { Json } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { Api } from '../../kubernetes/api.ts';
import type { ApiFailure } from '../../kubernetes/api-failure.ts';
import { type ApiObject, PODS } from '../../kubernetes/resource.ts';
import type { Launch } from '../backend.ts';
import { LABELS, MANAGER, OUTCOME_FINALIZER, podName } from './pod-names.ts';
import { namespaceOf, type PodPlace, podOf } from './pod-template.ts';
import { type SeenPod, seenPod } from './seen-pod.ts';

export type PodApi = Pick<Api, 'create' | 'get' | 'patch' | 'delete' | 'list' | 'watch' | 'log'>;

/** What a later daemon needs to find a pod. */
export type PodHandle = Pick<SeenPod, 'namespace' | 'name' | 'uid'>;

/**
 * | made | meaning |
 * |---|---|
 * | There | the pod of this attempt exists: made now, or before |
 * | Refused | the cluster will never take it |
 * | NotNow | no answer, no room, too many requests: nobody can say yet, or it may be tried again |
 */
export type Made =
  | { readonly made: 'There'; readonly pod: ApiObject }
  | ({ readonly made: 'Refused' } & Refusal)
  | { readonly made: 'NotNow'; readonly message: string };

/** Why an attempt will never have a pod. */
export interface Refusal {
  readonly message: string;
  readonly reason: 'LaunchFailed' | 'Rejected';
}

/** Pods of attempts at the API server: each is known by its labels, and ended as the very object that was seen. */
export class TaskPods {
  readonly #api: PodApi;
  readonly #place: Omit<PodPlace, 'runtime'>;
  readonly #logger: Logger;

  constructor(api: PodApi, place: Omit<PodPlace, 'runtime'>, logger: Logger) {
    this.#api = api;
    this.#place = place;
    this.#logger = logger;
  }

  async make(launch: Launch, runtime: string): Promise<Made> {
    const created = await this.#api.create(PODS, podOf(launch, { ...this.#place, runtime }));
    if (created.ok) return { made: 'There', pod: created.value };
    const { kind, message } = created.error;
    if (kind === 'AlreadyExists' || kind === 'UnknownOutcome') return await this.#adopt(launch, message);
    if (kind === 'Invalid' || kind === 'TooLarge' || kind === 'Forbidden') {
      // Rights that are ours to have, and may be given yet; the rest is what the task asked for.
      const reason = / cannot create resource /.test(message) ? 'LaunchFailed' : 'Rejected';
      return { made: 'Refused', reason, message: `the cluster refused the pod: ${message}` };
    }
    return { made: 'NotNow', message };
  }

  /** There is one of that name, or there may be: the object itself, not a copy of it, says whether it is this attempt's. */
  async #adopt(launch: Launch, why: string): Promise<Made> {
    const name = podName(launch);
    const found = await this.#api.get(PODS, { namespace: namespaceOf(launch, this.#place), name });
    if (!found.ok) return { made: 'NotNow', message: why };
    const { labels, deletionTimestamp } = found.value.metadata;
    if (labels?.[LABELS.token] !== launch.token || labels[LABELS.managedBy] !== MANAGER)
      return { made: 'Refused', reason: 'LaunchFailed', message: `a pod ${name} exists that is not this attempt's` };
    return deletionTimestamp === undefined ? { made: 'There', pod: found.value } : { made: 'NotNow', message: why };
  }

  /** As it is now. The watch may be behind: that something is not there is never taken from it. */
  async find(token: string): Promise<Result<SeenPod | undefined, ApiFailure>> {
    const labelSelector = `${LABELS.managedBy}=${MANAGER},${LABELS.token}=${token}`;
    for await (const page of this.#api.list(PODS, { namespace: this.#place.namespace, labelSelector })) {
      if (!page.ok) return page;
      for (const object of page.value.items) return ok(seenPod(object));
    }
    return ok(undefined);
  }

  /** Asks for its end. `NotFound`: it is gone. */
  async remove({ namespace, name, uid }: PodHandle): Promise<Result<void, ApiFailure>> {
    const removed = await this.#api.delete(PODS, { namespace, name }, uid === '' ? {} : { uid });
    if (removed.ok) return ok(undefined);
    // Another of the same name: this one is gone.
    return removed.error.kind === 'Conflict' ? fail({ ...removed.error, kind: 'NotFound' }) : removed;
  }

  /** What became of it is in the ledger, and its log in its run folder: it has nothing more to tell. */
  async letGo({ namespace, name, uid }: PodHandle): Promise<void> {
    const reference = { namespace, name };
    const steps = [
      () => this.#api.delete(PODS, reference, { uid, gracePeriodSeconds: 0 }),
      () => this.#api.patch(PODS, reference, { type: 'strategic', body: withoutFinalizer(uid) }),
    ];
    for (const step of steps) {
      const done = await step();
      if (done.ok) continue;
      const { kind, message } = done.error;
      if (kind !== 'NotFound' && kind !== 'Conflict')
        this.#logger.warn({ pod: name, problem: message }, 'a pod that is over could not be let go');
      return;
    }
  }
}

/** Ours alone; others may hold it too. */
function withoutFinalizer(uid: string): Json {
  return { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [OUTCOME_FINALIZER] } };
}
