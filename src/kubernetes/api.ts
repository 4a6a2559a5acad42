import { ok, type Result } from '../base/result.ts';
import type { ApiFailure } from './api-failure.ts';
import type { Call, Chunks, Requests } from './call.ts';
import { type ApiObject, collectionPath, type ObjectReference, objectPath, PODS, type Resource } from './resource.ts';

/** Which objects of a resource. Without a namespace: of all namespaces. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Of the whole list: all its pages show the same moment. */
  readonly resourceVersion: string;
}

export type Patch =
  /** RFC 7386. A `metadata.resourceVersion` in it is a precondition. */
  | { readonly type: 'merge'; readonly body: unknown }
  /** Kubernetes' own: a merge patch with directives such as `$deleteFromPrimitiveList`; for built-in kinds only. */
  | { readonly type: 'strategic'; readonly body: unknown }
  /** RFC 6902; `test` operations are preconditions. */
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  /** Server-side apply. With `force`, fields that others own are taken over. */
  | { readonly type: 'apply'; readonly body: unknown; readonly fieldManager: string; readonly force?: boolean };

export interface WriteOptions {
  readonly subresource?: 'status';
  readonly dryRun?: boolean;
  /** Whom `managedFields` names; the program of the user agent, when left out. */
  readonly fieldManager?: string;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  /** Only this very object, not one of the same name made later. */
  readonly uid?: string;
  /** Only in the state that was looked at. */
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly timestamps?: boolean;
  /** The log of the container's previous life. */
  readonly previous?: boolean;
  readonly signal?: AbortSignal;
}

/** Items of a page. */
const LIST_PAGE_ITEMS = 500;
/** For a list in one answer, which may be all of a cluster. */
const WHOLE_LIST_MS = 120_000;

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/**
 * What the rest of Fixpoint asks of an API server. Every call has a deadline, every failure is a value, and nothing is
 * written twice: what may be repeated the transport repeats, the rest is the caller's to decide.
 *
 * `T` is what the caller says that the objects look like; nothing here looks.
 */
export class Api {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** The object as it is now: never from the server's cache. */
  async get<T extends ApiObject>(
    resource: Resource,
    reference: ObjectReference,
    signal?: AbortSignal,
  ): Promise<Result<T, ApiFailure>> {
    return await this.#requests.json<T>({ verb: 'get', path: objectPath(resource, reference), ...also(signal) });
  }

  /**
   * A list, page by page (`LIST_PAGE_ITEMS`), all of one moment. A failure is the last that comes; `Gone` means that
   * reading took longer than the server keeps the moment: begin again, with a larger `pageItems` or 0 for one page.
   */
  async *list<T extends ApiObject>(
    resource: Resource,
    selection: Selection = {},
    options: { readonly pageItems?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Result<Page<T>, ApiFailure>, void> {
    let next = '';
    do {
      const query = selectionQuery(selection);
      const limit = options.pageItems ?? LIST_PAGE_ITEMS;
      const whole = limit > 0 ? {} : { deadlineMs: WHOLE_LIST_MS };
      if (limit > 0) query.set('limit', String(limit));
      if (next !== '') query.set('continue', next);
      const path = collectionPath(resource, selection.namespace);
      const page = await this.#requests.json<ReceivedList<T>>({
        verb: 'list',
        path,
        query,
        ...whole,
        ...also(options.signal),
      });
      if (!page.ok) {
        yield page;
        return;
      }
      const { items, metadata } = page.value;
      yield ok({ items: items ?? [], resourceVersion: metadata?.resourceVersion ?? '' });
      next = metadata?.continue ?? '';
    } while (next !== '');
  }

  /** `metadata.name` may be left out for a `generateName`. */
  async create<T extends ApiObject>(
    resource: Resource,
    object: T,
    options: WriteOptions = {},
  ): Promise<Result<T, ApiFailure>> {
    const path = collectionPath(resource, object.metadata.namespace);
    return await this.#requests.json<T>({ verb: 'create', path, body: object, ...written(options) });
  }

  /** Writes the whole object. With a `metadata.resourceVersion` only over that version, otherwise `Conflict`. */
  async replace<T extends ApiObject>(
    resource: Resource,
    object: T,
    options: WriteOptions = {},
  ): Promise<Result<T, ApiFailure>> {
    const { namespace, name } = object.metadata;
    const path = objectPath(resource, { namespace, name: name ?? '' }, options.subresource);
    return await this.#requests.json<T>({ verb: 'replace', path, body: object, ...written(options) });
  }

  async patch<T extends ApiObject>(
    resource: Resource,
    reference: ObjectReference,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<Result<T, ApiFailure>> {
    const call = written(patch.type === 'apply' ? { ...options, fieldManager: patch.fieldManager } : options);
    if (patch.type === 'apply' && patch.force === true) call.query.set('force', 'true');
    const path = objectPath(resource, reference, options.subresource);
    return await this.#requests.json<T>({
      verb: 'patch',
      path,
      body: patch.body,
      contentType: PATCH_TYPES[patch.type],
      ...call,
    });
  }

  /**
   * Asks for the end of an object. The value is the object that is on its way out (finalizers, grace) or that is gone, as
   * the server has it; `undefined` where the server sends none. `NotFound`: there is nothing; `Conflict`: a precondition
   * does not hold.
   */
  async delete<T extends ApiObject>(
    resource: Resource,
    reference: ObjectReference,
    options: DeleteOptions = {},
  ): Promise<Result<T | undefined, ApiFailure>> {
    const { uid, resourceVersion } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: options.gracePeriodSeconds,
      propagationPolicy: options.propagation,
      preconditions: uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion },
    };
    const path = objectPath(resource, reference);
    const answer = await this.#requests.json<T>({ verb: 'delete', path, body, ...also(options.signal) });
    return answer.ok && answer.value.kind === 'Status' ? ok(undefined) : answer;
  }

  /**
   * The log of a container as it comes. The iteration ends with the log, or with a failure as its last element; leaving it
   * early closes the connection.
   */
  async log(
    pod: ObjectReference,
    options: LogOptions = {},
  ): Promise<Result<AsyncIterable<Result<Buffer, ApiFailure>>, ApiFailure>> {
    const { signal, ...wishes } = options;
    const query = new URLSearchParams();
    for (const [name, wish] of Object.entries(wishes)) if (wish !== undefined) query.set(name, String(wish));
    return await this.#requests.stream({ verb: 'log', path: objectPath(PODS, pod, 'log'), query, ...also(signal) });
  }

  /** The raw stream of a watch, one JSON event a line; `reflector.ts` is how to use it. */
  async watch(
    resource: Resource,
    selection: Selection,
    from: { readonly resourceVersion: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<Result<Chunks, ApiFailure>> {
    const query = selectionQuery(selection);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('resourceVersion', from.resourceVersion);
    query.set('timeoutSeconds', String(from.timeoutSeconds));
    return await this.#requests.stream({
      verb: 'watch',
      path: collectionPath(resource, selection.namespace),
      query,
      signal,
    });
  }
}

interface ReceivedList<T> {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

function selectionQuery(selection: Selection): URLSearchParams {
  const query = new URLSearchParams();
  if (selection.labelSelector !== undefined) query.set('labelSelector', selection.labelSelector);
  if (selection.fieldSelector !== undefined) query.set('fieldSelector', selection.fieldSelector);
  return query;
}

function written(options: WriteOptions): { query: URLSearchParams } & Pick<Call, 'signal'> {
  const query = new URLSearchParams();
  if (options.dryRun === true) query.set('dryRun', 'All');
  if (options.fieldManager !== undefined) query.set('fieldManager', options.fieldManager);
  return { query, ...also(options.signal) };
}

function also(signal: AbortSignal | undefined): Pick<Call, 'signal'> {
  return signal === undefined ? {} : { signal };
}
