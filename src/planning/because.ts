import type { Because } from '../apis/task-view.ts';
import type { Json } from '../base/json.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import { explainDifference, type Identity } from '../graph/identity.ts';
import { addDataUpstream } from '../graph/upstream.ts';
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
 * `template` gives the pre-images of earlier definitions, `upstreams` whose an attempt or a digest is.
 */
export function causesOf(
  task: GraphTask,
  record: TaskRecord | undefined,
  known: KnownIdentity,
  facts: Facts,
  template: (digest: string) => Json | undefined,
  upstreams: Upstreams,
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
  if (causes.length > 0) return causes.flatMap((cause) => namedUpstreams(cause, upstreams));
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

/** Keys of the tasks that contribute to another one. */
export interface Upstreams {
  /** Looking through barriers and gates. */
  ofAttempt(uid: string): string | undefined;
  /** Who made the digest at this place of `inputs.NAME`, or of what an expression mentions. */
  ofDigest(slot: string, at: number): string | undefined;
}

/** How many upstreams that ran again are named; the rest is in the field's old and new value. */
const MAX_NAMED_UPSTREAMS = 10;

/** An edge counts by attempts or digests: whose they are is what a person wants to know. */
function namedUpstreams(cause: Because, upstreams: Upstreams): Because[] {
  if (!('field' in cause) || !Array.isArray(cause.new)) return [cause];
  const now = cause.new as readonly string[];
  const then = Array.isArray(cause.old) ? (cause.old as readonly string[]) : [];
  const names =
    cause.field === 'dependsOn' ? ofAttempts(now, then, upstreams) : ofDigests(cause.field, now, then, upstreams);
  return [cause, ...[...names].slice(0, MAX_NAMED_UPSTREAMS).map((task) => ({ task }))];
}

function ofAttempts(now: readonly string[], then: readonly string[], upstreams: Upstreams): Set<string> {
  const old = new Set(then);
  const names = now
    .filter((uid) => !old.has(uid))
    .map((uid) => upstreams.ofAttempt(uid.replace(/^not-succeeded:/, '')));
  return new Set(names.filter((name) => name !== undefined));
}

/** Place by place: where one was added or taken away, those behind it are named as well. */
function ofDigests(slot: string, now: readonly string[], then: readonly string[], upstreams: Upstreams): Set<string> {
  const names = new Set<string>();
  // A place that was not there before is the task's own change.
  if (then.length === 0) return names;
  for (const [at, digest] of now.entries()) {
    const name = digest === then[at] ? undefined : upstreams.ofDigest(slot, at);
    if (name !== undefined) names.add(name);
  }
  return names;
}

export function upstreamsOf(
  graph: Graph,
  records: { get(key: string): TaskRecord | undefined },
  task: GraphTask,
): Upstreams {
  const keyOf = (index: number | undefined): string | undefined => graph.tasks[index ?? -1]?.key;
  let owners: Map<string, string> | undefined;
  return {
    ofAttempt: (uid) => {
      owners ??= attemptOwners(graph, records, task);
      return owners.get(uid);
    },
    ofDigest: (slot, at) => {
      const input = task.inputs.find(({ name }) => slot === `inputs.${name}`);
      if (input) return keyOf(input.producers[at]);
      return keyOf(task.mentions.find((mention) => mention.slot === slot)?.upstream[at]);
    },
  };
}

function attemptOwners(
  graph: Graph,
  records: { get(key: string): TaskRecord | undefined },
  task: GraphTask,
): Map<string, string> {
  const upstream = new Set<number>();
  addDataUpstream(graph.tasks, [task.index], false, upstream);
  const owners = new Map<string, string>();
  for (const index of upstream) {
    const { key } = graph.tasks[index] as GraphTask;
    for (const attempt of records.get(key)?.attempts ?? []) owners.set(attempt.uid, key);
  }
  return owners;
}
