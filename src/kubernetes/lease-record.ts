import type { ApiObject, ObjectReference } from './resource.ts';

/** `Lease` of coordination.k8s.io/v1, as leader election uses it everywhere in Kubernetes. */
export interface Lease extends ApiObject {
  readonly spec?: LeaseSpec | null;
}

interface LeaseSpec {
  /** Empty or absent: released. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  /** How often the lease was taken since it was made. */
  readonly leaseTransitions?: number;
}

export interface Holder {
  readonly identity: string;
  readonly durationMs: number;
}

/** A lease that did not exist before. */
export function firstLease({ namespace, name }: ObjectReference, holder: Holder, now: number): Lease {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const spec = { ...held(holder, now), acquireTime: microTime(now), leaseTransitions: 0 };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
}

/** The same lease, taken by this holder, whoever had it before. */
export function takenLease(lease: Lease, holder: Holder, now: number): Lease {
  const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
  const spec = { ...lease.spec, ...held(holder, now), acquireTime: microTime(now), leaseTransitions };
  return { ...lease, spec };
}

export function renewedLease(lease: Lease, holder: Holder, now: number): Lease {
  return { ...lease, spec: { ...lease.spec, ...held(holder, now) } };
}

/** Nobody's: who comes next need not wait. */
export function releasedLease(lease: Lease, now: number): Lease {
  const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) };
  return { ...lease, spec };
}

export function holderOf(lease: Lease): string {
  return lease.spec?.holderIdentity ?? '';
}

/** Differs whenever a holder has written; what others may do to the metadata changes nothing. */
export function leaseMark({ spec }: Lease): string {
  return JSON.stringify([spec?.holderIdentity, spec?.renewTime, spec?.acquireTime, spec?.leaseTransitions]);
}

function held({ identity, durationMs }: Holder, now: number): LeaseSpec {
  const leaseDurationSeconds = Math.max(1, Math.ceil(durationMs / 1000));
  return { holderIdentity: identity, leaseDurationSeconds, renewTime: microTime(now) };
}

/** MicroTime of meta/v1: six digits, always. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
