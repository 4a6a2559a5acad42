/**
 * Which nodes answer, from `scontrol -o show node`: `State=IDLE`, `DOWN*`, `MIXED+DRAIN`, `DOWN+NOT_RESPONDING`. One that
 * answers has told the controller what runs on it, and has ended what the controller no longer knows.
 */
export function answeringNodes(text: string): ReadonlySet<string> {
  const answering = new Set<string>();
  for (const line of text.split('\n')) {
    const name = /(?:^| )NodeName=(\S+)/.exec(line)?.[1];
    const state = / State=(\S+)/.exec(line)?.[1];
    if (name !== undefined && state !== undefined && !SILENT.test(state)) answering.add(name);
  }
  return answering;
}

const SILENT = /\*|DOWN|NOT_RESPONDING|POWER|REBOOT|UNKNOWN|FUTURE/;
