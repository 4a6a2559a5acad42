import type { Json } from '../../base/json.ts';
import type { Exit, Observation } from '../backend.ts';
import { readExit } from '../process/run-folder.ts';
import { neverRan } from '../refused-launch.ts';
import { keepPodLog } from './pod-log.ts';
import { type PodState, podState } from './pod-state.ts';
import type { SeenPod } from './seen-pod.ts';
import type { PodApi } from './task-pods.ts';

/** What is remembered of an attempt while its pod is looked at again and again. */
export interface Awaited {
  readonly token: string;
  readonly directory: string;
  /** Its end was asked for. */
  cancelling: boolean;
  /** Monotonic; since when its image, or what a variable is from, cannot be had. */
  waitsForImageSince: number | undefined;
  /** Monotonic; since when its pod is over and there is no record. */
  recordAwaitedSince: number | undefined;
}

interface Surroundings {
  readonly api: Pick<PodApi, 'log'>;
  /** Monotonic. */
  readonly now: number;
  /** Wall clock. */
  readonly time: number;
}

/** An image that cannot be had by then never will be. */
export const IMAGE_PATIENCE_MS = 300_000;
/** A file system may show the record of the runtime late. */
const RECORD_GRACE_MS = 5_000;
const IMAGE_PROBLEMS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
]);
/** A secret or a config map that is named, and is not there; or an image that is another user's. */
const NOT_CONFIGURED = 'CreateContainerConfigError';

/**
 * From what a pod shows to what its attempt is. The record of the runtime outranks what the cluster says, but for memory: a
 * shell that lives on makes some code of its own of a child that was killed. Undefined: it will be clear in a moment.
 */
export async function attemptOf(
  attempt: Awaited,
  pod: SeenPod,
  surroundings: Surroundings,
): Promise<Observation | undefined> {
  const { token, directory } = attempt;
  const state = podState(pod);
  switch (state.kind) {
    case 'Waiting':
      return imageFailed(attempt, state, surroundings) ?? { token, state: 'Queued' };
    case 'Running': {
      attempt.waitsForImageSince = undefined;
      const handle: Json = { namespace: pod.namespace, name: pod.name, uid: pod.uid };
      return { token, state: 'Running', startTime: state.startTime, handle, directory };
    }
    case 'Unknown':
      return { token, state: 'Unknown', message: state.message };
    case 'Ended':
    case 'Disrupted':
      return pod.untouched
        ? await byPodAlone(attempt, pod, state, surroundings)
        : await byRecord(attempt, state, surroundings.now);
  }
}

type Over = Extract<PodState, { kind: 'Ended' | 'Disrupted' }>;

async function byPodAlone(
  { token, directory, cancelling }: Awaited,
  pod: SeenPod,
  state: Over,
  { api }: Surroundings,
): Promise<Observation> {
  await keepPodLog(api, pod, directory);
  if (state.kind === 'Disrupted') return disrupted(token, state);
  const { exit } = state;
  // A command that was ended on request is cancelled, whatever code it made of that.
  const ended = cancelling && exit.verdict === 'Exited' && exit.exitCode !== 0;
  return { token, state: 'Ended', exit: ended ? { ...exit, verdict: 'Cancelled' } : exit };
}

async function byRecord(attempt: Awaited, state: Over, now: number): Promise<Observation | undefined> {
  const { token, directory } = attempt;
  const record = await readExit(directory, token);
  if (record.kind === 'There') return { token, state: 'Ended', exit: withMemory(record.value.exit, state) };
  attempt.recordAwaitedSince ??= now;
  const ran = state.kind === 'Ended' ? state.exit.verdict !== 'Problem' : state.ran;
  if (ran && now - attempt.recordAwaitedSince < RECORD_GRACE_MS) return undefined;
  if (state.kind === 'Disrupted') return disrupted(token, state);
  // Only what the cluster did to it counts without a record: the code is that of the runtime, not of the command.
  if (state.exit.verdict !== 'Exited') return { token, state: 'Ended', exit: state.exit };
  const message = `it ended with code ${state.exit.exitCode} and left no record`;
  return { token, state: 'Gone', claimed: true, message };
}

function disrupted(token: string, { ran, reason, message }: Extract<Over, { kind: 'Disrupted' }>): Observation {
  return { token, state: 'Gone', claimed: ran, reason, message };
}

function withMemory(exit: Exit, state: Over): Exit {
  const killed = state.kind === 'Ended' && state.exit.verdict === 'OutOfMemory';
  return killed && exit.verdict === 'Exited' ? { ...exit, verdict: 'OutOfMemory' } : exit;
}

function imageFailed(
  attempt: Awaited,
  { reason, message }: Extract<PodState, { kind: 'Waiting' }>,
  { now, time }: Pick<Surroundings, 'now' | 'time'>,
): Observation | undefined {
  if (!IMAGE_PROBLEMS.has(reason) && reason !== NOT_CONFIGURED) {
    attempt.waitsForImageSince = undefined;
    return undefined;
  }
  attempt.waitsForImageSince ??= now;
  if (now - attempt.waitsForImageSince < IMAGE_PATIENCE_MS && reason !== 'InvalidImageName') return undefined;
  const isOfVariable = reason === NOT_CONFIGURED && /secret|configmap/i.test(message);
  return {
    token: attempt.token,
    state: 'Ended',
    exit: neverRan(
      { reason: isOfVariable ? 'InvalidValue' : 'ImageUnavailable', message: `${reason}: ${message}` },
      time,
    ),
  };
}
