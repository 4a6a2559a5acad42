import type { Because } from '../apis/task-view.ts';
import type { Json } from '../base/json.ts';
import type { GraphTask } from '../graph/graph.ts';
import { explainDifference, type Identity } from '../graph/identity.ts';
import { type Facts, lookId, outputLook } from './facts.ts';
import { type Attempt, lastAttempt, lastSuccess, type TaskRecord } from './record.ts';

/** The attempt that a task's present identity is compared with: its last result, else its last attempt. */
export function comparedAttempt(record: TaskRecord | undefined): Attempt | undefined {
  return lastSuccess(record) ?? lastAttempt(record);
}

/** What identity of the task is known now; what is not known counts as unchanged. */
export type KnownIdentity = Partial<Pick<Identity, 'code' | 'contributions'>>;

/**
 * Why a task starts again: parts of its identity that differ, outputs that are not what was recorded, or a request.
 * `template` gives the pre-images of earlier definitions.
 */
export function causesOf(
  task: GraphTask,
  record: TaskRecord | undefined,
  known: KnownIdentity,
  facts: Facts,
  template: (digest: string) => Json | undefined,
): Because[] {
  const before = comparedAttempt(record);
  if (!before) return [];
  const causes = explainDifference(
    {
      template: template(before.preimage.templateDigest),
      values: before.preimage.values,
      code: before.preimage.code,
      contributions: before.contributions,
    },
    {
      template: task.preimage.template,
      values: task.preimage.values,
      code: known.code ?? before.preimage.code,
      contributions: known.contributions ?? before.contributions,
    },
  );
  for (const output of task.outputs) {
    const recorded = before.outcome?.outputs.find((o) => o.name === output.name)?.digest;
    const fact = facts.get(lookId(outputLook(output)));
    if (recorded !== undefined && fact !== undefined && fact !== recorded)
      causes.push({ field: `outputs.${output.name}`, old: recorded, new: fact });
  }
  if (causes.length > 0) return causes;
  if (before.outcome?.phase !== 'Succeeded') return [{ field: 'retry' }];
  return before.number <= (record as TaskRecord).resetUpTo ? [{ field: 'reset' }] : [];
}
