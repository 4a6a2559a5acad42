import { diagnosticText, shortened } from '../../apis/diagnostic-list.ts';
import { REQUEST_ANNOTATION_PREFIX } from '../../apis/meta.ts';
import type { Workflow } from '../../apis/workflow.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Result } from '../../base/result.ts';
import type { Api } from '../../kubernetes/api.ts';
import { pause } from '../../kubernetes/pause.ts';
import { Reflector } from '../../kubernetes/reflector.ts';
import { type ApiObject, objectKey, type Resource } from '../../kubernetes/resource.ts';
import type { SourceApplied, SourceRef, SourceRefusal } from '../source.ts';

/** Holds a Workflow until nothing of it runs any more. */
export const WORKFLOW_FINALIZER = 'fixpoint.dev/workflow';

/** What a home offers to whoever watches an API server. */
export interface TakingHome {
  /** The resource as the API server has it; it and its requests are durable when this resolves. */
  take(object: Workflow): Promise<Result<SourceApplied, SourceRefusal>>;
  get(ref: SourceRef): Promise<Result<Workflow, SourceRefusal>>;
  delete(ref: SourceRef): Promise<Result<unknown, SourceRefusal>>;
  watch(options: { readonly signal: AbortSignal }): AsyncIterable<{ readonly type: string; readonly object: Workflow }>;
  /** It cannot be admitted: an earlier generation stays in force, if there is one. */
  refuse(object: Workflow, message: string): Promise<void>;
}

export interface WorkflowSourceOptions {
  readonly api: Api;
  readonly resource: Resource;
  /** Undefined: all. */
  readonly namespace: string | undefined;
  readonly home: TakingHome;
  readonly workflowOf: (object: ApiObject) => Workflow;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** After what could not be done; nothing else would have it tried again. */
const RETRY_MS = 2_000;
/** After what was refused. */
const INVALID_RETRY_MS = 60_000;

/**
 * Brings what an API server has of Workflows to the home, each of them in its order, the newest state only.
 *
 * | a Workflow is there | then |
 * |---|---|
 * | without our finalizer, not being deleted | it gets one, and is looked at again |
 * | with it | it is taken in; requests that are durable here are taken off it |
 * | being deleted, known to the home | it is deleted there; when nothing of it runs any more it is let go |
 * | being deleted, unknown to the home | it is let go |
 */
export class WorkflowSource {
  readonly #options: WorkflowSourceOptions;
  readonly #reflector: Reflector<Workflow>;
  readonly #closing = new AbortController();
  /** By key: the newest state that nobody has looked at. */
  readonly #waiting = new Map<string, Workflow>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #ends: Promise<void>;

  constructor(options: WorkflowSourceOptions) {
    this.#options = options;
    const { api, resource, namespace, clock, logger, workflowOf } = options;
    this.#reflector = new Reflector<Workflow>({
      api,
      resource,
      selection: { namespace },
      project: workflowOf,
      onEvent: (event) => {
        if (event.kind === 'Put') this.#look(event.key, event.object);
        // Somebody took our finalizer off: what runs of it is ended all the same.
        if (event.kind === 'Gone') this.#look(event.key, { ...event.last, metadata: gone(event.last) });
      },
      clock,
      logger,
      seed: `workflows ${process.pid}`,
    });
    this.#reflector.start();
    this.#ends = this.#watchEnds();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reflector.stop();
    await Promise.all([...this.#working.values(), this.#ends]);
  }

  #look(key: string, object: Workflow): void {
    this.#waiting.set(key, object);
    if (!this.#working.has(key)) this.#working.set(key, this.#work(key));
  }

  async #work(key: string): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      for (let next = this.#waiting.get(key); next && !this.#closing.signal.aborted; next = this.#waiting.get(key)) {
        this.#waiting.delete(key);
        const problem = await this.#bring(next).catch((error: unknown) => String(error));
        if (problem === undefined) continue;
        logger.warn({ workflow: key, error: problem }, 'a workflow could not be taken in; trying again');
        if (!this.#waiting.has(key)) this.#waiting.set(key, next);
        await pause(clock, RETRY_MS, this.#closing.signal);
      }
    } finally {
      this.#working.delete(key);
    }
  }

  /** What went wrong and may go better later. */
  async #bring(object: Workflow): Promise<string | undefined> {
    const { home } = this.#options;
    const { metadata } = object;
    const known = await home.get(metadata);
    if (known.ok && known.value.metadata.uid !== metadata.uid) {
      await home.delete(metadata);
      return 'another workflow of this name is still being ended';
    }
    if (metadata.deletionTimestamp !== undefined) {
      const deleted = await home.delete(metadata);
      if (deleted.ok) return undefined;
      return deleted.error.reason === 'NotFound' ? await this.#letGo(object) : deleted.error.message;
    }
    if (!metadata.finalizers?.includes(WORKFLOW_FINALIZER)) return await this.#hold(object);
    const taken = await home.take(object);
    if (taken.ok) return await this.#takeRequestsOff(object);
    if (taken.error.reason !== 'Invalid') return taken.error.message;
    await home.refuse(object, messageOf(taken.error));
    // What it lacks may come: a file, or room that another workflow leaves.
    const key = objectKey(metadata);
    this.#later(() => this.#look(key, this.#reflector.get(key) ?? object));
    return known.ok ? await this.#takeRequestsOff(object) : undefined;
  }

  #later(then: () => void): void {
    const { clock } = this.#options;
    const cancel = clock.after(INVALID_RETRY_MS, then);
    this.#closing.signal.addEventListener('abort', cancel, { once: true });
  }

  async #hold({ metadata }: Workflow): Promise<string | undefined> {
    const { name, namespace, resourceVersion, finalizers = [] } = metadata;
    return await this.#patch({ name, namespace }, { resourceVersion, finalizers: [...finalizers, WORKFLOW_FINALIZER] });
  }

  async #letGo({ metadata }: Workflow): Promise<string | undefined> {
    const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata;
    if (!finalizers.includes(WORKFLOW_FINALIZER)) return undefined;
    const left = finalizers.filter((one) => one !== WORKFLOW_FINALIZER);
    return await this.#patch({ name, namespace }, { uid, resourceVersion, finalizers: left });
  }

  async #takeRequestsOff({ metadata }: Workflow): Promise<string | undefined> {
    const { name, namespace, uid, annotations = {} } = metadata;
    const done = Object.keys(annotations).filter((key) => key.startsWith(REQUEST_ANNOTATION_PREFIX));
    if (done.length === 0) return undefined;
    return await this.#patch(
      { name, namespace },
      { uid, annotations: Object.fromEntries(done.map((key) => [key, null])) },
    );
  }

  async #patch(ref: SourceRef, metadata: object): Promise<string | undefined> {
    const { api, resource } = this.#options;
    const patched = await api.patch(resource, ref, { type: 'merge', body: { metadata } });
    if (patched.ok) return undefined;
    // Somebody was faster: the watch brings what there is now.
    return ['NotFound', 'Conflict'].includes(patched.error.kind) ? undefined : patched.error.message;
  }

  /** What the home has ended is let go, in whatever state the watch has it by now. */
  async #watchEnds(): Promise<void> {
    const { signal } = this.#closing;
    for await (const { type, object } of this.#options.home.watch({ signal })) {
      if (type !== 'DELETED') continue;
      const { namespace, name, uid } = object.metadata;
      const key = objectKey({ namespace, name });
      const newest = this.#reflector.get(key);
      if (newest?.metadata.uid === uid) this.#look(key, newest);
    }
  }
}

function messageOf({ message, diagnostics = [] }: SourceRefusal): string {
  return diagnostics.length === 0 ? message : shortened(diagnostics.map(diagnosticText));
}

/** It has no finalizers, and is on its way out. */
function gone({ metadata }: Workflow): Workflow['metadata'] {
  const { finalizers: _, ...rest } = metadata;
  return { ...rest, deletionTimestamp: metadata.deletionTimestamp ?? metadata.creationTimestamp };
}
