import type { Observation } from './backend.ts';

/** A launch that was handed over and turned out to be impossible: an end like any other, of an attempt that never ran. */
export function refusedLaunch(token: string, message: string, now: number): Observation {
  return {
    token,
    state: 'Ended',
    exit: {
      verdict: 'Problem',
      exitCode: undefined,
      problem: { reason: 'LaunchFailed', message },
      startTime: now,
      finishTime: now,
      elapsedMs: 0,
      usage: {},
      outputs: new Map(),
    },
  };
}
