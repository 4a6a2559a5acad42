import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { Logger } from '../base/logger.ts';
import { Api } from '../kubernetes/api.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { LeaderElection, type LeaseTimings } from '../kubernetes/leader-election.ts';
import type { ObjectReference } from '../kubernetes/resource.ts';
import { Transport } from '../kubernetes/transport.ts';

export interface LeadershipOptions {
  readonly cluster: Cluster;
  readonly lease: ObjectReference;
  /** Of this process and no other. */
  readonly identity: string;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timings?: Partial<LeaseTimings> | undefined;
}

/** A wire to an API server over which nothing is written while this process does not lead. */
export class Leadership {
  readonly transport: Transport;
  readonly gate: LeaderElection;
  readonly #leading = deferred<void>();
  readonly #lost = deferred<string>();

  constructor({ cluster, lease, identity, userAgent, clock, logger, timings }: LeadershipOptions) {
    this.transport = new Transport({
      cluster,
      userAgent,
      clock,
      // The election is made after what it needs.
      gate: { mayWrite: () => this.gate.mayWrite(), writeTimeoutMs: () => this.gate.writeTimeoutMs() },
    });
    this.gate = new LeaderElection({
      api: new Api(this.transport.forLease),
      clock,
      logger,
      lease,
      identity,
      ...(timings ? { timings } : {}),
      onLeading: () => this.#leading.resolve(),
      onLost: () => this.#lost.resolve(`this process leads no more; ${this.gate.holder ?? 'nobody'} does`),
    });
  }

  /** Why it is over. */
  get lost(): Promise<string> {
    return this.#lost.promise;
  }

  /** What it wrote as the leader cannot be relied upon: it ends as if another led. */
  lose(why: string): void {
    this.#lost.resolve(why);
  }

  /** True: it leads. False: the signal came first. */
  async gained(signal: AbortSignal): Promise<boolean> {
    this.gate.start();
    const aborted = deferred<void>();
    if (signal.aborted) aborted.resolve();
    signal.addEventListener('abort', () => aborted.resolve(), { once: true });
    await Promise.race([this.#leading.promise, aborted.promise]);
    return !signal.aborted;
  }

  /** Gives the lease back. */
  async close(): Promise<void> {
    await this.gate.stop();
    await this.transport.close();
  }
}
