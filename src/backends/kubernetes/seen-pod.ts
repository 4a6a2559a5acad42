import { TASK_CONTAINER } from '../../apis/pod-overlay.ts';
import type { ApiObject } from '../../kubernetes/resource.ts';
import { LABELS, NO_RUNTIME } from './pod-names.ts';

/** What is kept of a pod: half a kilobyte, where the object itself has four. */
export interface SeenPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly token: string;
  /** Its command runs as it is: the pod alone knows how it ended. */
  readonly untouched: boolean;
  readonly phase: string;
  /** Of the pod itself: `Evicted`, `DeadlineExceeded`, `NodeLost` … */
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly node: string | undefined;
  readonly deleting: boolean;
  /** Why it is not scheduled. */
  readonly unschedulable: string | undefined;
  /** The cluster means to end it: preemption, eviction, a lost node. */
  readonly disruption: string | undefined;
  /** Its node answers. False while it is `Running` all the same: nobody knows what it does. */
  readonly ready: boolean | undefined;
  readonly container: SeenContainer | undefined;
}

export type SeenContainer =
  | { readonly state: 'Waiting'; readonly reason: string; readonly message: string }
  | { readonly state: 'Running'; readonly startTime: number }
  | {
      readonly state: 'Terminated';
      readonly exitCode: number;
      readonly reason: string;
      readonly message: string;
      readonly startTime: number;
      readonly finishTime: number;
    };

const MAX_MESSAGE = 300;

export function seenPod(object: ApiObject): SeenPod {
  const { metadata, spec, status = {} } = object as RawPod;
  const condition = (type: string): RawCondition | undefined => status.conditions?.find((c) => c.type === type);
  const scheduled = condition('PodScheduled');
  const disruption = condition('DisruptionTarget');
  const ready = condition('Ready');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    token: metadata.labels?.[LABELS.token] ?? '',
    untouched: metadata.labels?.[LABELS.runtime] === NO_RUNTIME,
    phase: status.phase ?? 'Pending',
    reason: status.reason,
    message: short(status.message),
    node: spec?.nodeName,
    deleting: metadata.deletionTimestamp !== undefined,
    unschedulable: scheduled?.status === 'False' ? (short(scheduled.message) ?? scheduled.reason ?? '') : undefined,
    disruption: disruption?.status === 'True' ? (disruption.reason ?? 'DisruptionTarget') : undefined,
    ready: ready === undefined ? undefined : ready.status === 'True',
    container: seenContainer(status.containerStatuses?.find(({ name }) => name === TASK_CONTAINER)?.state),
  };
}

function seenContainer(state: RawState | undefined): SeenContainer | undefined {
  if (state?.terminated) {
    const { exitCode = 1, reason = '', message, startedAt, finishedAt } = state.terminated;
    const finishTime = timeOf(finishedAt);
    const startTime = Math.min(timeOf(startedAt), finishTime);
    return { state: 'Terminated', exitCode, reason, message: short(message) ?? '', startTime, finishTime };
  }
  if (state?.running) return { state: 'Running', startTime: timeOf(state.running.startedAt) };
  if (state?.waiting) {
    const { reason = '', message } = state.waiting;
    return { state: 'Waiting', reason, message: short(message) ?? '' };
  }
  return undefined;
}

/** A container that never started has the time 0 of Go. */
function timeOf(text: string | undefined): number {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? 0 : Math.max(0, time);
}

function short(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text.slice(0, MAX_MESSAGE);
}

interface RawPod extends ApiObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly RawCondition[];
    readonly containerStatuses?: readonly { readonly name: string; readonly state?: RawState }[];
  };
}

interface RawCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface RawState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: {
    readonly exitCode?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
  };
}
