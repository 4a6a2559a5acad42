import type { Because } from '../apis/task-view.ts';
import type { Json } from '../base/json.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import { explainDifference, type Identity } from '../graph/identity.ts';
import { type Facts, lookId, outputLook } from './facts.ts';
import { type Attempt, lastAttempt, lastSuccess, type TaskRecord } from './record.ts';
import { addUpstream } from './reset-also.ts';

/** The attempt that a task's present identity is compared with: its last result, else its last attempt. */
export function comparedAttempt(record: TaskRecord | undefined): Attempt | undefined {
  return lastSuccess(record) ?? lastAttempt(record);
}

/** What identity of the task is known now; what is not known counts as unchanged. */
export type KnownIdentity = Partial<Pick<Identity, 'code' | 'contributions'>>;

/**
 * Why a task starts again: parts of its identity that differ, outputs that are not what was recorded, or a request.
 * `template` gives the pre-images of earlier definitions, `upstreamOf` the task that an attempt upstream belongs to.
 */
export function causesOf(
  task: GraphTask,
  record: TaskRecord | undefined,
  known: KnownIdentity,
  facts: Facts,
  template: (digest: string) => Json | undefined,
  upstreamOf: (uid: string) => string | undefined,
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
  if (causes.length > 0) return causes.flatMap((cause) => namedUpstreams(cause, upstreamOf));
  // The same identity: then it is the files that are not what was recorded.
  const changed = changedOutputs(task, before, facts);
  if (changed.length > 0) return changed;
  if (before.outcome?.phase !== 'Succeeded') return [{ field: 'retry' }];
  return before.number <= (record as TaskRecord).resetUpTo ? [{ field: 'reset' }] : [];
}

function changedOutputs(task: GraphTask, before: Attempt, facts: Facts): Because[] {
  const causes: Because[] = [];
  for (const output of task.outputs) {
    const recorded = before.outcome?.outputs.find((o) => o.name === output.name)?.digest;
    const fact = facts.get(lookId(outputLook(output)));
    if (recorded !== undefined && fact !== undefined && fact !== recorded)
      causes.push({ field: `outputs.${output.name}`, old: recorded, new: fact });
  }
  return causes;
}

/** How many upstreams that ran again are named; the rest is in the field's old and new value. */
const MAX_NAMED_UPSTREAMS = 10;

/** A broad edge counts by attempts: whose they are is what a person wants to know. */
function namedUpstreams(cause: Because, upstreamOf: (uid: string) => string | undefined): Because[] {
  if (!('field' in cause) || cause.field !== 'dependsOn' || !Array.isArray(cause.new)) return [cause];
  const old = new Set(Array.isArray(cause.old) ? cause.old : []);
  const tasks = (cause.new as readonly string[])
    .filter((uid) => !old.has(uid))
    .flatMap((uid) => upstreamOf(uid.replace(/^not-succeeded:/, '')) ?? []);
  return [cause, ...[...new Set(tasks)].slice(0, MAX_NAMED_UPSTREAMS).map((task) => ({ task }))];
}

/** Which task upstream of this one an attempt belongs to, looking through barriers and gates. */
export function upstreamOwners(
  graph: Graph,
  records: { get(key: string): TaskRecord | undefined },
  task: GraphTask,
): (uid: string) => string | undefined {
  let owners: Map<string, string> | undefined;
  return (uid) => {
    if (!owners) {
      const upstream = new Set<number>();
      addUpstream(graph.tasks, task.index, false, upstream);
      owners = new Map();
      for (const index of upstream) {
        const { key } = graph.tasks[index] as GraphTask;
        for (const attempt of records.get(key)?.attempts ?? []) owners.set(attempt.uid, key);
      }
    }
    return owners.get(uid);
  };
}
