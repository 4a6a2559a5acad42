import type { GraphOutput, GraphTask } from '../graph/graph.ts';
import { lookId, outputLook } from './facts.ts';
import { type Attempt, lastAttempt, successWith, type TaskRecord } from './record.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Whether a recorded result still counts: it has the desired identity, and its files are where it left them, or where
 * a later attempt moved them.
 *
 * | files | since then | standing |
 * |---|---|---|
 * | none declared | nothing started | InPlace |
 * | none declared | a later attempt started | none: nobody can tell what it changed |
 * | as recorded, or not looked at since they were stamped | | InPlace |
 * | others, or not looked at | a later attempt, or another result was put back | MovedAside, until that was tried |
 * | others | nothing of ours | none |
 */
export type Standing = { readonly how: 'InPlace' | 'MovedAside'; readonly success: Attempt };

export function standingResult(
  snapshot: Pick<Snapshot, 'facts' | 'unrestorable'>,
  task: GraphTask,
  record: TaskRecord | undefined,
  execution: string,
): Standing | undefined {
  const success = successWith(record, execution);
  if (!success || !isLatestWhereItMatters(record, success, task)) return undefined;
  const { putBack } = record as TaskRecord;
  const last = lastAttempt(record) === success;
  const itsFiles = putBack === undefined ? last : putBack === success.number;
  if (outputsStand(snapshot, task, success, itsFiles)) return { how: 'InPlace', success };
  const disturbed = !last || putBack !== undefined;
  if (disturbed && success.directory !== undefined && !snapshot.unrestorable.has(success.uid))
    return { how: 'MovedAside', success };
  return undefined;
}

/** Without declared outputs there is nothing to look at: a later start may have changed anything. */
function isLatestWhereItMatters(record: TaskRecord | undefined, success: Attempt, task: GraphTask): boolean {
  if (task.outputs.length > 0) return true;
  return (record as TaskRecord).attempts.every((a) => a.number <= success.number || a.startTime === undefined);
}

function outputsStand(
  snapshot: Pick<Snapshot, 'facts'>,
  task: GraphTask,
  success: Attempt,
  itsFiles: boolean,
): boolean {
  return task.outputs.every((output: GraphOutput) => {
    const recorded = success.outcome?.outputs.find((o) => o.name === output.name && o.path === output.relative)?.digest;
    const fact = snapshot.facts.get(lookId(outputLook(output)));
    if (recorded === undefined) return false;
    // Not looked at since it was stamped: the record stands, unless somebody else of ours has had their hands on the files.
    return fact === undefined ? itsFiles : fact === recorded;
  });
}
