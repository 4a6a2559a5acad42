import type { GraphOutput, GraphTask } from '../graph/graph.ts';
import { ABSENT_DIGEST, type Look, lookId, outputLook, unreadableCode } from '../planning/facts.ts';
import { type Attempt, attemptThatMade, lastSuccess, outputOwner, type TaskRecord } from '../planning/record.ts';
import type { Aside } from './launch-order.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * Where what lies at a task's outputs goes before the task runs again: to the folder of the attempt that it belongs to.
 *
 * A path is the task's by its declaration: what lies there is moved, and kept for good if no attempt made it. A pattern
 * may match what is others':
 *
 * | what matches | goes |
 * |---|---|
 * | exactly what an attempt of the task recorded | to that attempt, which may get it back |
 * | something else, where an attempt has run | to the last that did, and is kept for good |
 * | something, where no attempt ever ran | nowhere: the task fails and says so |
 */
export function displacements(
  state: WorkflowState,
  record: TaskRecord | undefined,
  task: GraphTask,
): { readonly into: ReadonlyMap<string, Aside>; readonly problem: string | undefined } {
  const into = new Map<string, Aside>();
  let problem: string | undefined;
  for (const output of task.outputs) {
    if (output.form === 'path') {
      into.set(output.path, asideOfPath(state, record, output));
    } else if (!output.keepPartial) {
      const aside = asideOfPattern(state, record, output);
      if (aside === 'Foreign') problem ??= foreign(state, output);
      else if (aside) into.set(output.path, aside);
    }
  }
  return { into, problem };
}

/**
 * What must have been looked at before: all patterns, and a path where a result may still lie, because whoever was to replace
 * it died before or after it was moved.
 */
export function looksToDisplace(state: WorkflowState, record: TaskRecord | undefined, task: GraphTask): Look[] {
  const result = lastSuccess(record);
  const later = result !== undefined && lastStarted(record) !== result;
  const unseen = (o: GraphOutput): boolean => later && !state.facts.has(lookId(outputLook(o)));
  return task.outputs.filter((o) => !o.keepPartial && (o.form === 'glob' || unseen(o))).map(outputLook);
}

function lastStarted(record: TaskRecord | undefined): Attempt | undefined {
  return record?.attempts.findLast((a) => a.startTime !== undefined);
}

function asideOfPath(state: WorkflowState, record: TaskRecord | undefined, output: GraphOutput): Aside {
  const fact = state.facts.get(lookId(outputLook(output)));
  const latest = fact === undefined ? lastSuccess(record) : undefined;
  const digest = fact ?? latest?.outcome?.outputs.find((o) => o.name === output.name)?.digest;
  // Not looked at since the latest result was stamped, and nobody started since: it is that result's.
  const untouched = latest === undefined || lastStarted(record) === latest;
  const seen = untouched ? digest : undefined;
  const owner = outputOwner(record, { name: output.name, path: output.relative }, seen);
  if (!owner) return { directory: undefined, kept: true };
  const recorded = owner.outcome?.outputs.some((o) => o.name === output.name && o.digest === seen) ?? false;
  // A result that a person changed; what an attempt left that did not succeed is a part of one, and no loss.
  return { directory: owner.directory, kept: !recorded && seen !== undefined && owner.outcome?.phase === 'Succeeded' };
}

function asideOfPattern(
  state: WorkflowState,
  record: TaskRecord | undefined,
  output: GraphOutput,
): Aside | 'Foreign' | undefined {
  const id = lookId(outputLook(output));
  const fact = state.facts.get(id) ?? ABSENT_DIGEST;
  // What cannot be read now cannot be moved either: the runtime will say so.
  if (fact === ABSENT_DIGEST || unreadableCode(fact) !== undefined) return undefined;
  const made = attemptThatMade(record, { name: output.name, path: output.relative }, fact);
  if (made?.directory !== undefined) return { directory: made.directory, kept: false };
  const strays = [...state.book.strays].map((key) => state.book.get(key));
  for (const one of [record, ...strays]) {
    const ran = one?.attempts.findLast((a) => a.startTime !== undefined && a.writes.some((w) => w.lookId === id));
    if (ran?.directory !== undefined) return { directory: ran.directory, kept: true };
  }
  return 'Foreign';
}

function foreign(state: WorkflowState, output: GraphOutput): string {
  const [first = output.path, ...more] = state.matches.get(output.path) ?? [];
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  return `output ${output.name}: ${output.relative} matches ${first}${others}, which no attempt has made; move that away, or narrow the pattern`;
}
