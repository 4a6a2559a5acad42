import type { EndReason } from '../../apis/reasons.ts';

/**
 * Every word that Slurm has for the state of a job (squeue `%T`, sacct `State`), and what it means here. Releases from
 * 20.11 on; a word that is not in the table is `Unclear` and shown as it is: nothing is concluded from it.
 *
 * | phase | meaning |
 * |---|---|
 * | Queued | it waits, or waits again |
 * | Active | processes of it may live |
 * | Over | Slurm counts it as ended |
 * | Unclear | a word that this table does not have |
 *
 * `asksNode`: Slurm ended it without asking the node, where its processes may live on.
 */
export type JobPhase =
  | { readonly phase: 'Queued' | 'Active' | 'Unclear' }
  | { readonly phase: 'Over'; readonly reason: EndReason; readonly asksNode: boolean };

const QUEUED: JobPhase = { phase: 'Queued' };
const ACTIVE: JobPhase = { phase: 'Active' };
const UNCLEAR: JobPhase = { phase: 'Unclear' };
const over = (reason: EndReason, asksNode = false): JobPhase => ({ phase: 'Over', reason, asksNode });

/** The reasons are those of an attempt that left no exit record; one that left a record has its own. */
export const JOB_STATES: ReadonlyMap<string, JobPhase> = new Map([
  ['PENDING', QUEUED],
  ['REQUEUED', QUEUED],
  ['REQUEUE_FED', QUEUED],
  ['REQUEUE_HOLD', QUEUED],
  ['RESV_DEL_HOLD', QUEUED],
  ['SPECIAL_EXIT', QUEUED],
  ['POWER_UP_NODE', QUEUED],
  ['EXPEDITING', QUEUED],
  ['CONFIGURING', ACTIVE],
  ['RUNNING', ACTIVE],
  ['SUSPENDED', ACTIVE],
  ['STOPPED', ACTIVE],
  ['COMPLETING', ACTIVE],
  ['RESIZING', ACTIVE],
  ['SIGNALING', ACTIVE],
  ['STAGE_OUT', ACTIVE],
  ['UPDATE_DB', ACTIVE],
  ['COMPLETED', over('Lost')],
  ['FAILED', over('Lost')],
  ['CANCELLED', over('CancelledExternally')],
  ['TIMEOUT', over('WallTime')],
  ['DEADLINE', over('WallTime')],
  ['OUT_OF_MEMORY', over('OutOfMemory')],
  ['PREEMPTED', over('Preempted')],
  ['NODE_FAIL', over('NodeFailed', true)],
  ['BOOT_FAIL', over('NodeFailed')],
  ['LAUNCH_FAILED', over('LaunchFailed')],
  ['RECONFIG_FAIL', over('LaunchFailed')],
  ['REVOKED', over('LaunchFailed')],
]);

/** The first word counts: `CANCELLED by 1000`, `CANCELLED+`. */
export function stateWord(text: string): string {
  return text.split(/[ +]/, 1)[0] ?? '';
}

export function phaseOf(state: string): JobPhase {
  return JOB_STATES.get(stateWord(state)) ?? UNCLEAR;
}
