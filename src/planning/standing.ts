import type { GraphTask } from '../graph/graph.ts';
import { type Facts, type Look, lookId, outputLook, unreadableCode } from './facts.ts';
import { type Attempt, lastAttempt, recordedOutput, successWith, type TaskRecord } from './record.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Whether a recorded result still counts: it has the desired identity, and its files are where it left them, or where
 * a later attempt moved them.
 *
 * | files | since then | standing |
 * |---|---|---|
 * | none declared | nothing started | InPlace |
 * | none declared | a later attempt started | none: nobody can tell what it changed |
 * | as recorded | | InPlace |
 * | not looked at since an attempt may have written there | | Unlooked |
 * | unreadable now | nothing of ours | InPlace |
 * | others, or unreadable | a later attempt, or another result was put back, or all went aside | MovedAside, until that was tried |
 * | others | nothing of ours | none |
 */
export type Standing =
  | { readonly how: 'InPlace' | 'MovedAside'; readonly success: Attempt }
  | { readonly how: 'Unlooked'; readonly look: Look };

export function standingResult(
  snapshot: Pick<Snapshot, 'facts' | 'unrestorable'>,
  task: GraphTask,
  record: TaskRecord | undefined,
  execution: string,
): Standing | undefined {
  const success = successWith(record, execution);
  if (!success || !isLatestWhereItMatters(record, success, task)) return undefined;
  const undisturbed = lastAttempt(record) === success && (record as TaskRecord).putBack === undefined;
  const files = filesOf(snapshot.facts, task, success, undisturbed);
  if (files === 'AsRecorded') return { how: 'InPlace', success };
  if (files !== 'Others') return { how: 'Unlooked', look: files };
  if (!undisturbed && success.directory !== undefined && !snapshot.unrestorable.has(success.uid))
    return { how: 'MovedAside', success };
  return undefined;
}

/** Without declared outputs there is nothing to look at: a later start may have changed anything. */
function isLatestWhereItMatters(record: TaskRecord | undefined, success: Attempt, task: GraphTask): boolean {
  if (task.outputs.length > 0) return true;
  return (record as TaskRecord).attempts.every((a) => a.number <= success.number || a.startTime === undefined);
}

/** What lies at its output paths; a look, where nobody has seen since somebody of ours may have written there. */
function filesOf(
  facts: Facts,
  task: GraphTask,
  success: Attempt,
  undisturbed: boolean,
): 'AsRecorded' | 'Others' | Look {
  let unlooked: Look | undefined;
  for (const output of task.outputs) {
    const recorded = recordedOutput(success, output)?.digest;
    const look = outputLook(output);
    const fact = facts.get(lookId(look));
    if (recorded === undefined) return 'Others';
    if (fact === undefined) unlooked ??= look;
    // A file system that does not answer now: the record stands, unless somebody of ours has had their hands on it.
    else if (unreadableCode(fact) === undefined ? fact !== recorded : !undisturbed) return 'Others';
  }
  return unlooked ?? 'AsRecorded';
}
