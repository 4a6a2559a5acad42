import type { Clock } from '../base/clock.ts';
import { MAX_EVENT_NOTE_BYTES, MAX_EVENT_SERIES } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { Result } from '../base/result.ts';
import { type Rate, TokenBucket } from '../base/token-bucket.ts';
import { uniqueId } from '../base/unique-id.ts';
import type { Api } from './api.ts';
import type { ApiFailure } from './api-failure.ts';
import { pause } from './pause.ts';
import { type ApiObject, EVENTS } from './resource.ts';

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** A word in CamelCase that scripts may look for. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly api: Pick<Api, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shown under `From`. */
  readonly component: string;
  /** Which process of the component. */
  readonly instance: string;
  readonly rate?: Rate;
}

/** Events are for people: what happens faster than this is counted, not told one by one. */
const RATE: Rate = { perSecond: 1, burst: 25 };
/** What happens again after so long is told anew. */
const SERIES_MS = 600_000;
/** A failure that may pass is met so often before the news is given up. */
const MAX_TRIES = 3;
const RETRY_MS = 1_000;

interface Series {
  readonly subject: EventSubject;
  readonly type: EventNote['type'];
  readonly reason: string;
  /** The newest. */
  message: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** Of the object at the API server, when there is one. */
  name: string | undefined;
  unsent: boolean;
  tries: number;
}

/**
 * Tells what happened to an object, for `kubectl describe` and `kubectl get events`. Events of core/v1, not of
 * events.k8s.io: only there may the text of a series change, so that the newest is the one that is read.
 *
 * What is equal in object, reason and type becomes one event with a count. `record` never throws and never waits; news
 * wait for their turn (`RATE`), are counted up meanwhile, and of more than `MAX_EVENT_SERIES` the oldest are dropped.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #bucket: TokenBucket;
  /** In the order of their last news. */
  readonly #series = new Map<string, Series>();
  readonly #stopping = new AbortController();
  #sending: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.rate ?? RATE, options.clock);
  }

  record(subject: EventSubject, note: EventNote): void {
    if (this.#stopping.signal.aborted) return;
    const now = this.#options.clock.now();
    const key = JSON.stringify([subject.uid, note.reason, note.type]);
    const before = this.#series.get(key);
    const series = before !== undefined && now - before.lastAt < SERIES_MS ? before : begun(subject, note, now);
    series.message = cut(note.message);
    series.count++;
    series.lastAt = now;
    series.unsent = true;
    series.tries = 0;
    this.#series.delete(key);
    this.#series.set(key, series);
    this.#forgetOldest();
    this.#wake();
  }

  /** News that never arrived: pushed out by newer ones, or refused. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends nothing more; what waits is dropped. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
  }

  #wake(): void {
    if (this.#sending !== undefined || this.#stopping.signal.aborted || this.#next() === undefined) return;
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
      this.#wake();
    });
  }

  async #send(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopping;
    for (let next = this.#next(); next !== undefined && !signal.aborted; next = this.#next()) {
      const waitMs = this.#bucket.take(Number.POSITIVE_INFINITY) ?? 0;
      if (waitMs > 0) await pause(clock, waitMs, signal);
      if (signal.aborted) return;
      next.unsent = false;
      const sent = await this.#write(next);
      if (sent.ok) continue;
      if (mayPass(sent.error) && ++next.tries < MAX_TRIES) {
        next.unsent = true;
        await pause(clock, sent.error.retryAfterMs ?? RETRY_MS, signal);
        continue;
      }
      this.#dropped++;
      logger.debug({ reason: next.reason, failure: sent.error }, 'an event was not taken');
    }
  }

  #next(): Series | undefined {
    for (const series of this.#series.values()) if (series.unsent) return series;
    return undefined;
  }

  async #write(series: Series): Promise<Result<ApiObject, ApiFailure>> {
    const { api } = this.#options;
    const { namespace } = series.subject;
    if (series.name !== undefined) {
      const body = { count: series.count, lastTimestamp: timestamp(series.lastAt), message: series.message };
      const patched = await api.patch(EVENTS, { namespace, name: series.name }, { type: 'merge', body });
      if (patched.ok || patched.error.kind !== 'NotFound') return patched;
      // It never arrived, or the API server has forgotten it, as it does after an hour.
    }
    series.name = `${series.subject.name.slice(0, 200)}.${uniqueId().replaceAll('-', '').slice(0, 16)}`;
    return await api.create(EVENTS, this.#event(series, series.name));
  }

  #event(series: Series, name: string): ApiObject & Readonly<Record<string, unknown>> {
    const { component, instance } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: series.subject.namespace, name },
      involvedObject: series.subject,
      type: series.type,
      reason: series.reason,
      message: series.message,
      count: series.count,
      firstTimestamp: timestamp(series.firstAt),
      lastTimestamp: timestamp(series.lastAt),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }

  #forgetOldest(): void {
    while (this.#series.size > MAX_EVENT_SERIES) {
      const [oldest] = this.#series;
      if (oldest === undefined) return;
      if (oldest[1].unsent) this.#dropped++;
      this.#series.delete(oldest[0]);
    }
  }
}

function begun(subject: EventSubject, { type, reason }: EventNote, now: number): Series {
  return {
    subject,
    type,
    reason,
    message: '',
    count: 0,
    firstAt: now,
    lastAt: now,
    name: undefined,
    unsent: false,
    tries: 0,
  };
}

function mayPass({ kind }: ApiFailure): boolean {
  return kind === 'Throttled' || kind === 'Unavailable' || kind === 'UnknownOutcome';
}

/** Whole characters within `MAX_EVENT_NOTE_BYTES`. */
function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= MAX_EVENT_NOTE_BYTES) return message;
  return `${new TextDecoder('utf-8').decode(bytes.subarray(0, MAX_EVENT_NOTE_BYTES - 4)).replace(/\uFFFD$/, '')}…`;
}

function timestamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
