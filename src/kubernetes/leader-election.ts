import { backoffDelay } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { fail, type Result } from '../base/result.ts';
import type { Api } from './api.ts';
import type { ApiFailure } from './api-failure.ts';
import {
  firstLease,
  type Holder,
  holderOf,
  type Lease,
  leaseMark,
  releasedLease,
  renewedLease,
  takenLease,
} from './lease-record.ts';
import { pause } from './pause.ts';
import { LEASES, type ObjectReference } from './resource.ts';
import type { WriteGate } from './transport.ts';

/**
 * Leader election by a Lease. Each holder renews; who sees a record unchanged for as long as it says, by its own
 * monotonic clock, takes it. Times in the record are for people: no clock of another host is believed.
 *
 * | state     | what is seen                                        | next      | what is done                  |
 * |-----------|-----------------------------------------------------|-----------|-------------------------------|
 * | Following | no lease                                            | Leading   | made                          |
 * | Following | a lease without a holder, or with our own name      | Leading   | taken                         |
 * | Following | another's, changed since the last look              | Following | its time begins anew          |
 * | Following | another's, unchanged for its duration               | Leading   | taken                         |
 * | Following | taking it fails, for whatever reason                | Following | another look                  |
 * | Leading   | renewed                                             | Leading   | the time left begins anew     |
 * | Leading   | renewing fails, there is time left                  | Leading   | another try; after 409 a look |
 * | Leading   | no time left, by either clock                       | Following | `onLost`                      |
 * | Leading   | another's name, or no lease                         | Following | `onLost`                      |
 * | any       | `stop()`                                            | Stopped   | released, if it was ours      |
 *
 * Every write carries the resourceVersion of the record it is based on, so of two takers one fails. Leading counts from
 * before the write was *sent* and ends `durationMs - renewMs` before anybody may take over: what was sent in time has
 * that long to arrive. It is judged by both clocks, because a suspended machine may stop the monotonic one.
 *
 * A leadership that lapsed is over, also if nobody took the lease: the next one is taken anew.
 */
export interface LeaseTimings {
  /** After so long without a renewal others may take over. Whole seconds. */
  readonly durationMs: number;
  /** After so long without a renewal the holder itself stops. */
  readonly renewMs: number;
  /** Between two looks or renewals. */
  readonly retryMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = { durationMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

export interface LeaderElectionOptions {
  /** On `Transport.forLease`, so that a renewal waits for nothing. */
  readonly api: Pick<Api, 'get' | 'create' | 'replace'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: ObjectReference;
  /** Of this process and no other, also not of an earlier one in the same pod. */
  readonly identity: string;
  readonly timings?: Partial<LeaseTimings>;
  readonly onLeading: () => void;
  /** Nothing of ours goes out any more; somebody else may be at work. */
  readonly onLost: () => void;
}

/** Part of a retry time by which it varies, so that two who wait do not always meet. */
const JITTER = 0.2;
/** How far the wall clock may fall behind the monotonic one before it is not believed: it was set back. */
const SET_BACK_MS = 1_000;

interface Grant {
  readonly monotonic: number;
  readonly now: number;
}

export class LeaderElection implements WriteGate {
  readonly #options: LeaderElectionOptions;
  readonly #timings: LeaseTimings;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #rounds = 0;
  /** Of the last renewal, from before it was sent; undefined: not leading. */
  #grant: Grant | undefined;
  /** The record as last read or written; undefined: look first. */
  #record: Lease | undefined;
  #seen: { readonly mark: string; readonly at: number } | undefined;
  #holder: string | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timings = { ...LEASE_TIMINGS, ...options.timings };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops leading at once, then releases the lease. What the caller wants finished as leader it finishes before. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    this.#grant = undefined;
    if (this.#running === undefined) return;
    await this.#running;
    await this.#release();
  }

  /** Who leads, as last seen; undefined: nobody, or not known. */
  get holder(): string | undefined {
    return this.#holder;
  }

  /**
   * Whether this process may act as the leader at this moment, and for how many milliseconds, if nothing is renewed. A
   * process that was paused sees by its first call that time has passed.
   */
  leading(): { readonly untilMs: number } | undefined {
    if (this.#grant === undefined) return undefined;
    const { clock } = this.#options;
    const wall = clock.now() - this.#grant.now;
    // Set back, it would hide that the machine was suspended. The next renewal settles it.
    if (wall < clock.monotonic() - this.#grant.monotonic - SET_BACK_MS) return undefined;
    const untilMs = this.#leftMs(this.#grant);
    return untilMs > 0 ? { untilMs } : undefined;
  }

  mayWrite(): ApiFailure | undefined {
    if (this.leading() !== undefined) return undefined;
    const who = this.#holder === undefined ? 'nobody known' : this.#holder;
    return { kind: 'NotLeader', message: `${this.#options.identity} is not the leader; the leader is ${who}` };
  }

  writeTimeoutMs(): number {
    return this.leading()?.untilMs ?? 0;
  }

  async #run(): Promise<void> {
    const { clock, identity } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const again = await this.#round();
      const { retryMs } = this.#timings;
      const steady = { initialMs: retryMs, factor: 1, maxMs: retryMs, jitter: JITTER };
      const waitMs = again === 'AtOnce' ? 0 : backoffDelay(steady, 1, `${identity}/${this.#rounds++}`);
      // Not later than the moment from which on nothing may be written: whoever leads must learn of it then.
      const leftMs = this.#grant === undefined ? waitMs : Math.max(0, this.#leftMs(this.#grant));
      if (waitMs > 0) await pause(clock, Math.min(waitMs, leftMs), this.#stopping.signal);
    }
  }

  async #round(): Promise<'AtOnce' | 'Later'> {
    if (this.#grant !== undefined && this.#leftMs(this.#grant) <= 0) this.#lose('it could not be renewed in time');
    if (this.#record === undefined || this.#grant === undefined) {
      const looked = await this.#look();
      if (!looked) return 'Later';
    }
    if (this.#stopping.signal.aborted) return 'Later';
    const record = this.#record;
    return record === undefined || this.#grant === undefined ? await this.#take() : await this.#renew(record);
  }

  /** Reads the record. False: it could not be read, or it is somebody's whose time is not over. */
  async #look(): Promise<boolean> {
    const { api, lease, clock, identity, logger } = this.#options;
    const read = await this.#inTime((signal) => api.get<Lease>(LEASES, lease, signal));
    if (!read.ok && read.error.kind !== 'NotFound') {
      logger.warn({ lease: lease.name, failure: read.error }, 'the lease could not be read');
      return false;
    }
    this.#record = read.ok ? read.value : undefined;
    this.#holder = read.ok ? holderOf(read.value) || undefined : undefined;
    if (this.#grant !== undefined && this.#holder !== identity)
      this.#lose(`it is now with ${this.#holder ?? 'nobody'}`);
    if (!read.ok || this.#holder === undefined || this.#holder === identity) return true;
    const mark = leaseMark(read.value);
    if (this.#seen?.mark !== mark) this.#seen = { mark, at: clock.monotonic() };
    const durationMs = (read.value.spec?.leaseDurationSeconds ?? 0) * 1000 || this.#timings.durationMs;
    return clock.monotonic() - this.#seen.at >= durationMs;
  }

  async #take(): Promise<'AtOnce' | 'Later'> {
    const { lease, clock, logger, identity } = this.#options;
    const grant = this.#moment();
    const wanted =
      this.#record === undefined
        ? firstLease(lease, this.#self(), clock.now())
        : takenLease(this.#record, this.#self(), clock.now());
    const written = await this.#write(wanted);
    if (!written.ok || this.#stopping.signal.aborted || this.#leftMs(grant) <= 0) {
      if (!written.ok) logger.info({ lease: lease.name, failure: written.error }, 'the lease could not be taken');
      return 'Later';
    }
    this.#grant = grant;
    this.#holder = identity;
    logger.info({ lease: lease.name, identity }, 'leading');
    this.#call(this.#options.onLeading);
    return 'Later';
  }

  async #renew(record: Lease): Promise<'AtOnce' | 'Later'> {
    const { clock, logger, lease } = this.#options;
    const grant = this.#moment();
    const written = await this.#write(renewedLease(record, this.#self(), clock.now()));
    if (written.ok) {
      if (this.#grant !== undefined) this.#grant = grant;
      return 'Later';
    }
    logger.warn({ lease: lease.name, failure: written.error }, 'the lease could not be renewed');
    return written.error.kind === 'Conflict' ? 'AtOnce' : 'Later';
  }

  /** Keeps the record that came of it; after a failure it is looked at again. */
  async #write(lease: Lease): Promise<Result<Lease, ApiFailure>> {
    const { api } = this.#options;
    const fresh = lease.metadata.resourceVersion === undefined;
    const written = await this.#inTime((signal) =>
      fresh ? api.create(LEASES, lease, { signal }) : api.replace(LEASES, lease, { signal }),
    );
    this.#record = written.ok ? written.value : undefined;
    return written;
  }

  async #release(): Promise<void> {
    const { api, clock, lease, logger, identity } = this.#options;
    const deadline = new AbortController();
    const cancel = clock.after(this.#timings.retryMs, () => deadline.abort(new Error('no answer in time')));
    const { signal } = deadline;
    const record = this.#record === undefined ? await api.get<Lease>(LEASES, lease, signal) : undefined;
    const last = record?.ok === true ? record.value : this.#record;
    if (last !== undefined && holderOf(last) === identity) {
      const written = await api.replace(LEASES, releasedLease(last, clock.now()), { signal });
      if (!written.ok) logger.warn({ lease: lease.name, failure: written.error }, 'the lease could not be released');
    }
    cancel();
  }

  /** Half of the renewal time for one try, so that a dead connection leaves time for another. */
  async #inTime<T>(call: (signal: AbortSignal) => Promise<Result<T, ApiFailure>>): Promise<Result<T, ApiFailure>> {
    const { clock } = this.#options;
    const { renewMs, retryMs } = this.#timings;
    const tryMs = Math.max(retryMs, renewMs / 2);
    const leftMs = this.#grant === undefined ? tryMs : Math.min(tryMs, this.#leftMs(this.#grant));
    if (leftMs <= 0) return fail({ kind: 'Unavailable', message: 'no time is left to renew the lease' });
    const deadline = new AbortController();
    const stop = (): void => deadline.abort(new Error('stopped'));
    this.#stopping.signal.addEventListener('abort', stop);
    const cancel = clock.after(leftMs, () => deadline.abort(new Error('no answer in time')));
    const answer = await call(deadline.signal);
    cancel();
    this.#stopping.signal.removeEventListener('abort', stop);
    return answer;
  }

  #lose(why: string): void {
    this.#grant = undefined;
    this.#options.logger.warn({ lease: this.#options.lease.name, why }, 'leading no more');
    this.#call(this.#options.onLost);
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.logger.error({ error }, 'a change of leadership could not be handled');
    }
  }

  /** Time left by whichever clock has gone further. */
  #leftMs(grant: Grant): number {
    const { clock } = this.#options;
    const gone = Math.max(clock.monotonic() - grant.monotonic, clock.now() - grant.now);
    return this.#timings.renewMs - gone;
  }

  #moment(): Grant {
    const { clock } = this.#options;
    return { monotonic: clock.monotonic(), now: clock.now() };
  }

  #self(): Holder {
    return { identity: this.#options.identity, durationMs: this.#timings.durationMs };
  }
}
