import type { GraphTask } from '../graph/graph.ts';
import { ABSENT_DIGEST, type Look, lookId, outputLook } from './facts.ts';
import { type Attempt, recordedOutput, type TaskRecord } from './record.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * What a task that is skipped now has made before. A run from scratch would not have it, and whoever depends on the task may
 * read it without saying so: it goes to the folder of the attempt that made it, and comes back when it stands again.
 *
 * | at its outputs lies | then |
 * |---|---|
 * | nothing, or what no result has recorded | it stays: a person's, or a part that a failure left |
 * | nobody has looked | a look |
 * | what a result has recorded | it goes aside, if that result has a run folder |
 * | the same, and it could not be moved | it stays until files are looked at again |
 *
 * An upstream that failed says nothing of an earlier result: then all stays where it is.
 */
export type LeftBehind =
  | { readonly kind: 'Unlooked'; readonly look: Look }
  | { readonly kind: 'Lies'; readonly attempt: Attempt };

export function leftBehind(
  snapshot: Pick<Snapshot, 'facts' | 'unmovable'>,
  task: GraphTask,
  record: TaskRecord | undefined,
): LeftBehind | undefined {
  if (!record || task.outputs.length === 0) return undefined;
  const results = record.attempts.filter((a) => a.outcome?.phase === 'Succeeded');
  for (const attempt of results.reverse()) {
    for (const output of task.outputs) {
      const made = recordedOutput(attempt, output);
      if (made === undefined || made.digest === ABSENT_DIGEST) continue;
      const look = outputLook(output);
      const fact = snapshot.facts.get(lookId(look));
      if (fact === undefined) return { kind: 'Unlooked', look };
      if (fact !== made.digest) continue;
      // By hand, so it has no run folder to go to.
      const stays = attempt.directory === undefined || snapshot.unmovable.has(attempt.uid);
      return stays ? undefined : { kind: 'Lies', attempt };
    }
  }
  return undefined;
}

/** Those of its outputs that lie where they were made, as they were made. */
export function outputsInPlace(snapshot: Pick<Snapshot, 'facts'>, task: GraphTask, attempt: Attempt) {
  return task.outputs.filter((output) => {
    const made = recordedOutput(attempt, output);
    return (
      made !== undefined &&
      made.digest !== ABSENT_DIGEST &&
      snapshot.facts.get(lookId(outputLook(output))) === made.digest
    );
  });
}
