import type { InfrastructureReason } from '../../apis/reasons.ts';
import type { Exit } from '../backend.ts';
import type { SeenContainer, SeenPod } from './seen-pod.ts';

/**
 * What a pod says about its attempt.
 *
 * | pod | state |
 * |---|---|
 * | Pending; its container waits | Waiting, with what for |
 * | its container runs | Running |
 * | the same, and its node does not answer, or it is being deleted there | Unknown: phase alone does not tell |
 * | its container has ended | Ended: by exit code *and* reason (a container killed for want of memory may have code 0) |
 * | ended by the cluster: evicted, preempted, its node shut down | Disrupted |
 * | over without its container ever having run | NeverRan |
 *
 * A success that was reached while the cluster was about to end the pod is a success.
 */
export type PodState =
  | { readonly kind: 'Waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'Running'; readonly startTime: number }
  | { readonly kind: 'Unknown'; readonly message: string }
  | { readonly kind: 'Ended'; readonly exit: Exit }
  | {
      readonly kind: 'Disrupted';
      readonly reason: InfrastructureReason;
      readonly message: string;
      readonly ran: boolean;
    };

type Terminated = Extract<SeenContainer, { state: 'Terminated' }>;

export function podState(pod: SeenPod): PodState {
  const { container } = pod;
  const isOver = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  if (container?.state === 'Terminated') return ended(pod, container);
  if (isOver) return disrupted(pod, container?.state === 'Running');
  if (container?.state === 'Running') {
    if (pod.ready === false && pod.deleting)
      return { kind: 'Unknown', message: `its node ${pod.node ?? ''} does not answer` };
    return { kind: 'Running', startTime: container.startTime };
  }
  if (container?.state === 'Waiting' && container.reason !== 'ContainerCreating')
    return { kind: 'Waiting', reason: container.reason, message: container.message };
  if (pod.unschedulable !== undefined) return { kind: 'Waiting', reason: 'Unschedulable', message: pod.unschedulable };
  return { kind: 'Waiting', reason: container?.reason ?? 'Pending', message: '' };
}

function ended(pod: SeenPod, container: Terminated): PodState {
  const { exitCode, reason, message } = container;
  if (exitCode === 0 && reason !== 'OOMKilled') return { kind: 'Ended', exit: exitOf(container, 'Exited') };
  if (pod.reason === 'DeadlineExceeded') return { kind: 'Ended', exit: exitOf(container, 'WallTime') };
  if (reason === 'OOMKilled') return { kind: 'Ended', exit: exitOf(container, 'OutOfMemory') };
  if (NOT_STARTED.has(reason)) return { kind: 'Ended', exit: notStarted(container, message) };
  // What the kubelet lost track of has an end that nobody has seen.
  if (pod.disruption !== undefined || pod.reason !== undefined || reason === 'ContainerStatusUnknown')
    return disrupted(pod, true);
  return { kind: 'Ended', exit: exitOf(container, 'Exited') };
}

/** The runtime could not execute the command at all. */
const NOT_STARTED: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun', 'RunContainerError']);

function disrupted(pod: SeenPod, ran: boolean): PodState {
  const cause = pod.disruption ?? pod.reason ?? 'the pod is over';
  const message = pod.message === undefined ? cause : `${cause}: ${pod.message}`;
  return { kind: 'Disrupted', reason: disruptionReason(cause), message, ran };
}

/** Reasons of pods and of the condition `DisruptionTarget`; what is not here counts as lost. */
function disruptionReason(cause: string): InfrastructureReason {
  if (cause === 'PreemptionByScheduler' || cause === 'PreemptionByKubeScheduler' || cause === 'Preempting')
    return 'Preempted';
  if (cause === 'Evicted' || cause === 'EvictionByEvictionAPI' || cause === 'TerminationByKubelet') return 'Evicted';
  if (cause === 'DeletionByTaintManager' || cause === 'NodeLost' || cause === 'NodeShutdown' || cause === 'Shutdown')
    return 'NodeFailed';
  return 'Lost';
}

function exitOf({ exitCode, startTime, finishTime }: Terminated, verdict: Exit['verdict']): Exit {
  return {
    verdict,
    exitCode,
    problem: undefined,
    startTime,
    finishTime,
    elapsedMs: finishTime - startTime,
    usage: {},
    outputs: new Map(),
  };
}

function notStarted(container: Terminated, message: string): Exit {
  const missing = /executable file not found|no such file or directory/.test(message);
  const shell = /exec: "(sh|bash|\/bin\/sh|\/bin\/bash)"/.test(message);
  const problem = shell
    ? ({ reason: 'ShellNotFound', message: `${SHELL_HINT}: ${message}` } as const)
    : ({ reason: missing ? 'CommandNotFound' : 'NotExecutable', message } as const);
  return { ...exitOf(container, 'Problem'), problem };
}

export const SHELL_HINT =
  'the image has no such shell. Use an image that has one, name another in shell, or write the task as a command without outputs';
