import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { fail, ok, type Result } from '../../../src/base/result.ts';
import type { Api } from '../../../src/kubernetes/api.ts';
import type { ApiFailure } from '../../../src/kubernetes/api-failure.ts';
import { LeaderElection } from '../../../src/kubernetes/leader-election.ts';
import type { Lease } from '../../../src/kubernetes/lease-record.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

/** `Late`: carried out at once, and answered when the test says so. */
type Trouble = 'None' | 'Refused' | 'Lost' | 'Hangs' | 'Late';

/** One lease, with the preconditions of the API server, and trouble on the way to it. */
class FakeLeases {
  lease: Lease | undefined;
  /** `HOLDER TRANSITIONS`, for every write that was accepted. */
  readonly accepted: string[] = [];
  answerNow: () => void = () => {};
  #version = 0;

  api(trouble: () => Trouble): Pick<Api, 'get' | 'create' | 'replace'> {
    const way = async (
      signal: AbortSignal | undefined,
      what: () => Result<Lease, ApiFailure>,
    ): Promise<Result<never, ApiFailure>> => {
      const how = trouble();
      if (how === 'Refused') return fail({ kind: 'Unavailable', message: 'refused' });
      if (how === 'Hangs') await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      if (how === 'Hangs') return fail({ kind: 'UnknownOutcome', message: 'late' });
      const answer = what();
      if (how === 'Late')
        await new Promise<void>((resolve) => {
          this.answerNow = resolve;
        });
      return (how === 'Lost' ? fail({ kind: 'UnknownOutcome', message: 'lost' }) : answer) as Result<never, ApiFailure>;
    };
    return {
      get: (_resource, _reference, signal) => way(signal, () => this.#read()),
      create: (_resource, lease, options) =>
        way(options?.signal, () =>
          this.lease === undefined ? this.#keep(lease) : fail({ kind: 'AlreadyExists', message: 'exists' }),
        ),
      replace: (_resource, lease, options) =>
        way(options?.signal, () =>
          this.lease?.metadata.resourceVersion === lease.metadata.resourceVersion
            ? this.#keep(lease)
            : fail({ kind: 'Conflict', message: 'changed' }),
        ),
    };
  }

  #read(): Result<Lease, ApiFailure> {
    return this.lease === undefined ? fail({ kind: 'NotFound', message: 'no lease' }) : ok(this.lease);
  }

  #keep(lease: Lease): Result<Lease, ApiFailure> {
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#version) } };
    this.accepted.push(`${lease.spec?.holderIdentity} ${lease.spec?.leaseTransitions}`);
    return ok(this.lease);
  }
}

/** A process with clocks of its own, which may be set, stopped, and left behind. */
class ProcessClock extends ManualClock {
  wallMs = 0;
  monotonicMs = 0;

  override now(): number {
    return super.now() + this.wallMs;
  }

  override monotonic(): number {
    return super.monotonic() + this.monotonicMs;
  }
}

class Candidate {
  readonly clock = new ProcessClock();
  trouble: Trouble = 'None';
  readonly told: string[] = [];
  readonly election: LeaderElection;

  constructor(leases: FakeLeases, identity: string) {
    this.election = new LeaderElection({
      api: leases.api(() => this.trouble),
      clock: this.clock,
      logger: silentLogger,
      lease: { namespace: 'fixpoint-system', name: 'fixpoint' },
      identity,
      onLeading: () => void this.told.push('leading'),
      onLost: () => void this.told.push('lost'),
    });
  }

  get leads(): boolean {
    return this.election.leading() !== undefined;
  }
}

/** Lets time pass for those who run, in small steps, so that they meet as they would. */
async function pass(ms: number, ...running: readonly Candidate[]): Promise<void> {
  for (let gone = 0; gone < ms; gone += 100) {
    for (const { clock } of running) {
      let there = false;
      clock.after(100, () => {
        there = true;
      });
      while (!there) {
        clock.step();
        await settle();
      }
    }
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
};

async function started(leases: FakeLeases, ...names: readonly string[]): Promise<Candidate[]> {
  const all = names.map((name) => new Candidate(leases, name));
  for (const { election } of all) {
    election.start();
    await settle();
  }
  return all;
}

describe('a lease', () => {
  test('is made by the first, with times that Kubernetes reads', async () => {
    const leases = new FakeLeases();
    const [a] = await started(leases, 'a');
    expect(a?.told).toEqual(['leading']);
    expect(leases.lease).toMatchObject({
      metadata: { namespace: 'fixpoint-system', name: 'fixpoint' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2030-01-01T00:00:00.000000Z',
        renewTime: '2030-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    });
  });

  test('is renewed, and the others wait', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await pass(120_000, a, b);
    expect([a.leads, b.leads, a.told, b.told]).toEqual([true, false, ['leading'], []]);
    expect(new Set(leases.accepted)).toEqual(new Set(['a 0']));
    expect(leases.accepted.length).toBeGreaterThan(120_000 / 2_000 / 1.3);
    expect(leases.lease?.spec?.acquireTime).toBe('2030-01-01T00:00:00.000000Z');
    expect([a.election.holder, b.election.holder]).toEqual(['a', 'a']);
  });

  test('of a dead holder is taken after its duration, and not before', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await pass(10_000, a, b);
    await pass(14_000, b);
    expect(b.leads).toBe(false);
    await pass(5_000, b);
    expect(b.leads).toBe(true);
    expect(leases.lease?.spec).toMatchObject({ leaseTransitions: 1, acquireTime: expect.stringMatching(/T00:00:2\d/) });
  });

  test('that was released is taken by the next who looks', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await pass(4_000, a, b);
    await a.election.stop();
    expect(a.leads).toBe(false);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: '', leaseTransitions: 0 });
    await pass(3_000, b);
    expect(b.leads).toBe(true);
  });

  test('is not released by who does not hold it', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await b.election.stop();
    expect(leases.lease?.spec?.holderIdentity).toBe('a');
    expect(a.leads).toBe(true);
  });

  test('is taken by one of many who try at once', async () => {
    const leases = new FakeLeases();
    const all = ['a', 'b', 'c', 'd'].map((name) => new Candidate(leases, name));
    for (const { election } of all) election.start();
    await settle();
    await pass(4_000, ...all);
    expect(all.filter(({ leads }) => leads)).toHaveLength(1);
  });
});

describe('a leader', () => {
  test('whose renewals fail stops before anybody else may begin', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await pass(6_000, a, b);
    a.trouble = 'Refused';
    let bothLed = false;
    for (let ms = 0; ms < 30_000; ms += 100) {
      await pass(100, a, b);
      bothLed ||= a.leads && b.leads;
    }
    expect(bothLed).toBe(false);
    expect([a.told, b.told]).toEqual([['leading', 'lost'], ['leading']]);
  });

  test.each(['Refused', 'Lost', 'Hangs'] as const)('survives renewals that are %s for a while', async (trouble) => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    await pass(4_000, a);
    a.trouble = trouble;
    await pass(5_000, a);
    a.trouble = 'None';
    await pass(20_000, a);
    expect([a.leads, a.told, leases.lease?.spec?.leaseTransitions]).toEqual([true, ['leading'], 0]);
  });

  test('has ever less time left until it renews', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    a.trouble = 'Refused';
    const left: (number | undefined)[] = [];
    for (let i = 0; i < 11; i++) {
      left.push(a.election.leading()?.untilMs);
      await pass(1_000, a);
    }
    expect(left).toEqual([10_000, 9_000, 8_000, 7_000, 6_000, 5_000, 4_000, 3_000, 2_000, 1_000, undefined]);
    expect(a.election.writeTimeoutMs()).toBe(0);
    expect(a.election.mayWrite()).toMatchObject({ kind: 'NotLeader' });
  });

  test('whose wall clock lags a little has no more time by that', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    a.trouble = 'Refused';
    a.clock.wallMs = -900;
    await pass(6_000, a);
    expect(a.election.leading()).toEqual({ untilMs: 4_000 });
  });

  test('that was stopped and goes on sees at once that its time is over', async () => {
    const leases = new FakeLeases();
    const [a, b] = (await started(leases, 'a', 'b')) as [Candidate, Candidate];
    await pass(6_000, a, b);
    await pass(20_000, b);
    expect(b.leads).toBe(true);
    a.clock.wallMs = 20_000;
    a.clock.monotonicMs = 20_000;
    // Nothing of it has run yet: not a timer, not an answer.
    expect(a.leads).toBe(false);
    await pass(10_000, a, b);
    expect([a.told, b.told, a.leads, b.leads]).toEqual([['leading', 'lost'], ['leading'], false, true]);
  });

  test('of a machine that was suspended, whose monotonic clock stood still, sees it too', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    a.clock.wallMs = 11_000;
    expect(a.leads).toBe(false);
    await pass(3_000, a);
    expect([a.told, leases.lease?.spec?.leaseTransitions]).toEqual([['leading', 'lost', 'leading'], 1]);
  });

  test('whose wall clock was set back writes nothing until it has renewed', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    a.clock.wallMs = -3_600_000;
    expect(a.leads).toBe(false);
    await pass(3_000, a);
    expect([a.leads, a.told]).toEqual([true, ['leading']]);
  });

  test('does not believe a renewal whose answer comes when its time is over', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    await pass(1_000, a);
    a.trouble = 'Late';
    await pass(2_000, a);
    expect(leases.accepted).toEqual(['a 0', 'a 0']);
    a.clock.wallMs = 12_000;
    a.clock.monotonicMs = 12_000;
    leases.answerNow();
    await settle();
    expect(a.leads).toBe(false);
    a.trouble = 'Refused';
    await pass(3_000, a);
    expect(a.told).toEqual(['leading', 'lost']);
  });

  test('loses to another who holds the lease by then, and to who removes it', async () => {
    const leases = new FakeLeases();
    const [a] = (await started(leases, 'a')) as [Candidate];
    leases.lease = { ...leases.lease, metadata: { resourceVersion: '99' }, spec: { holderIdentity: 'b' } };
    await pass(3_000, a);
    expect([a.told, a.election.holder]).toEqual([['leading', 'lost'], 'b']);
    leases.lease = undefined;
    await pass(3_000, a);
    expect(a.told).toEqual(['leading', 'lost', 'leading']);
  });

  test('goes on when whoever was told throws', async () => {
    const leases = new FakeLeases();
    const clock = new ProcessClock();
    const election = new LeaderElection({
      api: leases.api(() => 'None'),
      clock,
      logger: silentLogger,
      lease: { namespace: 'n', name: 'l' },
      identity: 'a',
      onLeading: () => {
        throw new Error('no');
      },
      onLost: () => {},
    });
    election.start();
    await settle();
    for (let i = 0; i < 10; i++) {
      clock.step();
      await settle();
    }
    expect(election.leading()).toBeDefined();
    expect(leases.accepted.length).toBeGreaterThan(3);
  });
});

describe('a follower', () => {
  test('whose taking was carried out without an answer leads by its next look', async () => {
    const leases = new FakeLeases();
    const a = new Candidate(leases, 'a');
    a.trouble = 'Lost';
    a.election.start();
    await settle();
    expect([a.leads, leases.lease]).toEqual([false, undefined]);
    // Reads are lost as well; let one through, and then lose the answer of the write.
    let reads = 0;
    const b = new LeaderElection({
      api: leases.api(() => (reads++ === 1 ? 'Lost' : 'None')),
      clock: a.clock,
      logger: silentLogger,
      lease: { namespace: 'n', name: 'l' },
      identity: 'b',
      onLeading: () => {},
      onLost: () => {},
    });
    b.start();
    await settle();
    expect([b.leading(), leases.lease?.spec?.holderIdentity]).toEqual([undefined, 'b']);
    for (let i = 0; i < 4; i++) {
      a.clock.step();
      await settle();
    }
    expect(b.leading()).toBeDefined();
  });

  test('that has taken the lease and learns of it too late has not led', async () => {
    const leases = new FakeLeases();
    leases.lease = { metadata: { resourceVersion: '1' }, spec: { holderIdentity: '' } };
    const a = new Candidate(leases, 'a');
    a.trouble = 'Late';
    a.election.start();
    await settle();
    leases.answerNow();
    await settle();
    expect(leases.accepted).toEqual(['a 1']);
    a.clock.wallMs = 11_000;
    a.clock.monotonicMs = 11_000;
    leases.answerNow();
    await settle();
    expect([a.leads, a.told]).toEqual([false, []]);
  });

  test('judges by when it saw the record change, not by the times in it', async () => {
    const leases = new FakeLeases();
    leases.lease = {
      metadata: { resourceVersion: '1' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' },
    };
    const [a] = (await started(leases, 'a')) as [Candidate];
    await pass(14_000, a);
    expect(a.leads).toBe(false);
    await pass(5_000, a);
    expect(a.leads).toBe(true);
  });

  test('waits as long as the holder has said, not as long as itself would', async () => {
    const leases = new FakeLeases();
    leases.lease = { metadata: { resourceVersion: '1' }, spec: { holderIdentity: 'x', leaseDurationSeconds: 60 } };
    const [a] = (await started(leases, 'a')) as [Candidate];
    await pass(58_000, a);
    expect(a.leads).toBe(false);
    await pass(6_000, a);
    expect(a.leads).toBe(true);
  });
});
