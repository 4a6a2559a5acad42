import { isObject } from '../../apis/own-property.ts';
import type { PodOverlay } from '../../apis/pod-overlay.ts';

/**
 * Why a task may not run as it asks to; undefined: it may. An account that is not listed is refused, and so is the token of the
 * one that all pods have anyway. What else a pod can reach (secrets of its namespace, its node where nothing forbids it) is
 * the namespace's to say: who may write workflows may make pods.
 */
export function serviceAccountProblem(
  pod: PodOverlay,
  allowed: readonly string[],
  ordinary: string,
): string | undefined {
  const account = pod.serviceAccountName ?? ordinary;
  if (allowed.includes(account)) return undefined;
  const list = allowed.length === 0 ? 'names none' : `names ${allowed.join(', ')}`;
  if (account !== ordinary)
    return `tasks may not run as the service account ${account}: serviceAccounts of the backend ${list}.`;
  return mountsToken(pod)
    ? `tasks may not have the token of the service account ${account}: serviceAccounts of the backend ${list}.`
    : undefined;
}

function mountsToken({ automountServiceAccountToken, volumes = [] }: PodOverlay): boolean {
  if (automountServiceAccountToken === true) return true;
  return volumes.some((volume) =>
    listOf(member(member(volume, 'projected'), 'sources')).some(
      (source) =>
        !HARMLESS.some((kind) => member(source, kind) !== undefined) ||
        member(source, 'serviceAccountToken') !== undefined,
    ),
  );
}

/** What may be projected that is no identity of the pod. A list of those that are would be too short one day. */
const HARMLESS = ['configMap', 'secret', 'downwardAPI', 'clusterTrustBundle'];

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}
