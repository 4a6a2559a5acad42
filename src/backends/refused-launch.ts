import type { EndReason } from '../apis/reasons.ts';
import type { Exit, Observation } from './backend.ts';

/** The end of an attempt that never ran, at this time by the wall clock. */
export function neverRan(problem: NonNullable<Exit['problem']>, now: number): Exit {
  return {
    verdict: 'Problem',
    exitCode: undefined,
    problem,
    startTime: now,
    finishTime: now,
    elapsedMs: 0,
    usage: {},
    outputs: new Map(),
  };
}

/** A launch that was handed over and turned out to be impossible: an end like any other. */
export function refusedLaunch(
  token: string,
  message: string,
  now: number,
  reason: EndReason = 'LaunchFailed',
): Observation {
  return { token, state: 'Ended', exit: neverRan({ reason, message }, now) };
}
