import { type Backoff, backoffDelay } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { Logger } from '../base/logger.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Api, Selection } from './api.ts';
import { type ApiFailure, failureOfStatus } from './api-failure.ts';
import { OwnWrites } from './own-writes.ts';
import { pause } from './pause.ts';
import { type ApiObject, keyOf, type Resource } from './resource.ts';
import { compareResourceVersions } from './resource-version.ts';
import { Silence } from './silence.ts';
import { linesOf } from './watch-lines.ts';

/**
 * Keeps a projection of all objects of a resource, and tells its owner what changes.
 *
 * | doing   | what happens                                              | next                                     |
 * |---------|-----------------------------------------------------------|------------------------------------------|
 * | list    | read whole, page by page                                  | watch from the list's version            |
 * | list    | a page's moment is too old (410)                          | list without pages, once                 |
 * | list    | any other failure                                         | list after a pause                       |
 * | watch   | an event, a bookmark                                      | watch, its version is where to resume    |
 * | watch   | the server closes it, as it does after `timeoutSeconds`   | watch from there at once                 |
 * | watch   | cut off, refused connection, silent for too long          | watch from there after a pause           |
 * | watch   | 429, by answer or event                                   | watch from there after the pause asked   |
 * | watch   | 410, any other answer or ERROR event, an unreadable line  | list after a pause                       |
 * | any     | `stop()`                                                  | nothing more                             |
 *
 * Pauses grow while nothing is heard and begin anew with the first event, bookmark or ordinary close. The first 410 of
 * a watch has a short one. Deletions that happened while nobody watched are found by the next list.
 */
export type ReflectorEvent<P> =
  /** New or changed. */
  | { readonly kind: 'Put'; readonly key: string; readonly object: P; readonly resourceVersion: string }
  /** `last`: the object as it was when it ended, or as it was last seen when the end was found by a list. */
  | { readonly kind: 'Gone'; readonly key: string; readonly last: P }
  /** A list was taken in whole: what there is has been told, and what was told and is not there any more is gone. */
  | { readonly kind: 'Relisted'; readonly resourceVersion: string };

export interface ReflectorTimings {
  /** How long one watch lasts at most; the server closes it at a moment between the two. */
  readonly watchMs: readonly [least: number, most: number];
  /** A watch that says nothing for so long is dead, whatever the connection says. Bookmarks come every minute. */
  readonly silenceMs: number;
  readonly pauses: Backoff;
}

export interface ReflectorOptions<P> {
  readonly api: Pick<Api, 'list' | 'watch'>;
  readonly resource: Resource;
  readonly selection?: Selection;
  /** What is kept of an object. It is called as soon as an object is decoded, so that nothing else of it stays. */
  readonly project: (object: ApiObject) => P;
  /** Called in order, one at a time. What it throws is logged, and the next event follows. */
  readonly onEvent: (event: ReflectorEvent<P>) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes the moments of this process's pauses differ from those of others. */
  readonly seed: string;
  readonly timings?: Partial<ReflectorTimings>;
}

export interface ReflectorHealth {
  /** A list has been taken in since the start. */
  readonly synced: boolean;
  /** Monotonic; of the last event, bookmark or list. */
  readonly heardAt: number | undefined;
  readonly lists: number;
  readonly watches: number;
  readonly failures: number;
  readonly lastFailure: ApiFailure | undefined;
}

export const REFLECTOR_TIMINGS: ReflectorTimings = {
  watchMs: [300_000, 600_000],
  silenceMs: 150_000,
  pauses: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.5 },
};

/** A watch that ended sooner than this without an event was none. */
const SHORT_WATCH_MS = 1_000;

interface Kept<P> {
  readonly object: P;
  readonly uid: string;
  readonly resourceVersion: string;
}

interface WatchEvent {
  readonly type?: unknown;
  readonly object?: ApiObject;
}

/** How a watch went: its failure, if it did not simply end, and where to go on. */
interface WatchEnd {
  readonly next: 'Resume' | 'List';
  readonly failure?: ApiFailure;
}

export class Reflector<P> {
  readonly #options: ReflectorOptions<P>;
  readonly #timings: ReflectorTimings;
  readonly #kept = new Map<string, Kept<P>>();
  readonly #own = new OwnWrites();
  readonly #stopping = new AbortController();
  readonly #synced = deferred<boolean>();
  #running: Promise<void> | undefined;
  /** Everything up to this version is known. */
  #at: string | undefined;
  #listNeeded = true;
  #pauses = 0;
  #heardAt: number | undefined;
  #lists = 0;
  #watches = 0;
  #failures = 0;
  #lastFailure: ApiFailure | undefined;

  constructor(options: ReflectorOptions<P>) {
    this.#options = options;
    this.#timings = { ...REFLECTOR_TIMINGS, ...options.timings };
  }

  /** True when the first list has been taken in, false when the reflector was stopped before that. */
  get synced(): Promise<boolean> {
    return this.#synced.promise;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string): P | undefined {
    return this.#kept.get(key)?.object;
  }

  *entries(): IterableIterator<readonly [key: string, object: P]> {
    for (const [key, { object }] of this.#kept) yield [key, object];
  }

  health(): ReflectorHealth {
    return {
      synced: this.#lists > 0,
      heardAt: this.#heardAt,
      lists: this.#lists,
      watches: this.#watches,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when no event will come any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#synced.resolve(false);
  }

  /**
   * The server's answer to a write of ours: it counts from now on, without an event, and older copies that the watch still
   * has to show are left out.
   */
  wrote(object: ApiObject): void {
    const { uid = '', resourceVersion = '' } = object.metadata;
    // The watch was faster than the answer, and may be further.
    if (this.#at !== undefined && compareResourceVersions(resourceVersion, this.#at) <= 0) return;
    const key = keyOf(object);
    if (this.#own.isOld(key, uid, resourceVersion)) return;
    const projected = this.#project(object);
    if (projected === undefined) return;
    this.#own.wrote(key, uid, resourceVersion);
    this.#kept.set(key, projected);
  }

  /** We know that this object is gone for good: it is forgotten, without an event. */
  removed(key: string, uid: string): void {
    if (this.#kept.get(key)?.uid !== uid) return;
    this.#kept.delete(key);
    this.#own.removed(key, uid);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#listNeeded) {
        const failure = await this.#list();
        if (failure !== undefined) {
          await this.#pause(failure);
          continue;
        }
      }
      const { next, failure } = await this.#watch();
      this.#listNeeded = next === 'List';
      await this.#pause(failure);
    }
  }

  async #list(): Promise<ApiFailure | undefined> {
    this.#own.clear();
    const paged = await this.#readList({});
    // The server keeps a moment for minutes: who is slower than that reads everything in one answer.
    return paged?.kind === 'Gone' ? await this.#readList({ pageItems: 0 }) : paged;
  }

  async #readList(pages: { readonly pageItems?: number }): Promise<ApiFailure | undefined> {
    const { api, resource, selection } = this.#options;
    const listed = new Set<string>();
    let moment = '';
    for await (const page of api.list(resource, selection, { ...pages, signal: this.#stopping.signal })) {
      if (!page.ok) return page.error;
      moment = page.value.resourceVersion;
      for (const object of page.value.items) {
        listed.add(keyOf(object));
        this.#put(object);
      }
    }
    for (const [key, { object }] of this.#kept) {
      if (listed.has(key) || this.#own.isAfter(key, moment)) continue;
      this.#kept.delete(key);
      this.#tell({ kind: 'Gone', key, last: object });
    }
    this.#at = moment;
    this.#listNeeded = false;
    this.#lists++;
    this.#heardAt = this.#options.clock.monotonic();
    this.#tell({ kind: 'Relisted', resourceVersion: moment });
    this.#synced.resolve(true);
    return undefined;
  }

  async #watch(): Promise<WatchEnd> {
    const { api, resource, selection, clock } = this.#options;
    const silence = new Silence(clock, this.#timings.silenceMs, this.#stopping.signal);
    const beganAt = clock.monotonic();
    this.#watches++;
    try {
      const from = { resourceVersion: this.#at ?? '', timeoutSeconds: this.#timeoutSeconds() };
      const stream = await api.watch(resource, selection ?? {}, from, silence.signal);
      if (!stream.ok) return endOf(stream.error);
      for await (const line of linesOf(silence.listen(stream.value))) {
        const taken = line.ok ? this.#take(line.value) : line;
        if (!taken.ok) return endOf(taken.error);
      }
      if (clock.monotonic() - beganAt >= SHORT_WATCH_MS) this.#pauses = 0;
      return { next: 'Resume' };
    } finally {
      silence.end();
    }
  }

  /** One event of the watch. */
  #take(line: string): Result<void, ApiFailure> {
    const event = parsed(line);
    const version = event?.object?.metadata?.resourceVersion;
    if (event?.type === 'ERROR') return fail(failureOfStatus(event.object));
    if (event?.object === undefined || version === undefined)
      return fail({ kind: 'Invalid', message: `not an event of a watch: ${line.slice(0, 200)}` });
    if (event.type === 'DELETED') this.#end(event.object);
    else if (event.type !== 'BOOKMARK') this.#put(event.object);
    this.#at = version;
    this.#pauses = 0;
    this.#heardAt = this.#options.clock.monotonic();
    return ok(undefined);
  }

  #put(object: ApiObject): void {
    const key = keyOf(object);
    const { uid = '', resourceVersion = '' } = object.metadata;
    const old = this.#own.isOld(key, uid, resourceVersion);
    this.#own.shown(key, resourceVersion);
    const before = this.#kept.get(key);
    if (old || before?.resourceVersion === resourceVersion) return;
    const projected = this.#project(object);
    if (projected === undefined) return;
    if (before !== undefined && before.uid !== uid) this.#tell({ kind: 'Gone', key, last: before.object });
    this.#kept.set(key, projected);
    this.#tell({ kind: 'Put', key, object: projected.object, resourceVersion });
  }

  #end(object: ApiObject): void {
    const key = keyOf(object);
    const { uid = '' } = object.metadata;
    this.#own.shownGone(key, uid);
    const before = this.#kept.get(key);
    if (before?.uid !== uid) return;
    this.#kept.delete(key);
    this.#tell({ kind: 'Gone', key, last: this.#project(object)?.object ?? before.object });
  }

  /** Undefined: the projection has thrown, and what it was made for is left out. */
  #project(object: ApiObject): Kept<P> | undefined {
    const { uid = '', resourceVersion = '' } = object.metadata;
    try {
      return { object: this.#options.project(object), uid, resourceVersion };
    } catch (error) {
      this.#options.logger.error({ key: keyOf(object), error }, 'an object could not be read and is left out');
      return undefined;
    }
  }

  #tell(event: ReflectorEvent<P>): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.logger.error({ event: event.kind, error }, 'an event could not be handled');
    }
  }

  /** Between two tries. After an ordinary close there is none, unless the server does nothing else. */
  async #pause(failure: ApiFailure | undefined): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { clock, logger, resource, seed } = this.#options;
    if (failure !== undefined) {
      this.#failures++;
      this.#lastFailure = failure;
      logger.warn({ resource: resource.plural, failure }, this.#listNeeded ? 'will list again' : 'will watch again');
    }
    const tries = this.#pauses++;
    if (failure === undefined && tries === 0) return;
    const waitMs = backoffDelay(
      this.#timings.pauses,
      tries + 1,
      `${seed}/${resource.plural}/${this.#watches}/${tries}`,
    );
    await pause(clock, Math.max(waitMs, failure?.retryAfterMs ?? 0), this.#stopping.signal);
  }

  #timeoutSeconds(): number {
    const [least, most] = this.#timings.watchMs;
    const { seed, resource } = this.#options;
    const spread = { initialMs: (least + most) / 2, factor: 1, maxMs: most, jitter: (most - least) / (most + least) };
    return Math.ceil(backoffDelay(spread, 1, `${seed}/${resource.plural}/${this.#watches}`) / 1000);
  }
}

function endOf(failure: ApiFailure): WatchEnd {
  const unanswered = failure.kind === 'Unavailable' && failure.status === undefined;
  return { next: unanswered || failure.kind === 'Throttled' ? 'Resume' : 'List', failure };
}

function parsed(line: string): WatchEvent | undefined {
  try {
    return JSON.parse(line) as WatchEvent;
  } catch {
    return undefined;
  }
}
