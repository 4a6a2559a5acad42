import { REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import { isFinal } from '../apis/phases.ts';
import { failPoint } from '../base/fail-point.ts';
import { carriesData, type GraphTask } from '../graph/graph.ts';
import { attemptToken } from '../graph/keys.ts';
import { addDataUpstream } from '../graph/upstream.ts';
import { ABSENT_DIGEST, outputLook, unreadableCode } from '../planning/facts.ts';
import type { JournalEntry } from '../planning/journal.ts';
import { type Attempt, lastAttempt, lastSuccess, liveAttempt, nextNumber } from '../planning/record.ts';
import { resetAlsoTargets } from '../planning/reset-also.ts';
import type { StoredWorkflow, WorkflowMemory } from '../store/store.ts';
import type { VerbRequest } from './home.ts';
import type { HomeContext } from './home-context.ts';
import { newAttempt, preimageOf } from './new-attempt.ts';
import { parseRequestAnnotation } from './parse-request.ts';
import { selectTasks } from './task-selection.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * Verbs: annotations `request.fixpoint.dev/ID` become journal entries, are remembered by id, and are removed in the
 * same commit, so each is carried out exactly once however often it is asked for.
 */
export interface TakenRequests {
  readonly entries: readonly JournalEntry[];
  /** The resource without the annotations, if there were any. */
  readonly stored: StoredWorkflow | undefined;
}

/** How long the ids of requests are remembered. */
export const REQUEST_MEMORY_MS = 7 * 24 * 3600 * 1000;

export async function takeRequests(home: HomeContext, state: WorkflowState): Promise<TakenRequests> {
  const { metadata } = state.stored.object;
  const annotations = { ...metadata.annotations };
  // In the order in which they were made: that of the annotations, and ids grow with time for whoever sorts them.
  const ids = Object.keys(annotations).filter((name) => name.startsWith(REQUEST_ANNOTATION_PREFIX));
  if (ids.length === 0) return { entries: [], stored: undefined };
  failPoint('request.before');
  const now = home.clock.now();
  const entries: JournalEntry[] = [];
  let memory: WorkflowMemory = { ...state.stored.memory, requests: recent(state.stored.memory.requests, now) };
  for (const name of ids) {
    const id = name.slice(REQUEST_ANNOTATION_PREFIX.length);
    // A document or a patch may have brought it: it is of any form until it is read.
    const text: unknown = annotations[name];
    delete annotations[name];
    if (Object.hasOwn(memory.requests, id)) continue;
    memory = { ...memory, requests: { ...memory.requests, [id]: now } };
    const parsed = parseRequestAnnotation(id, text);
    if (!parsed.ok) {
      entries.push({ type: 'RequestHandled', request: id, verb: 'unknown', message: refusal(parsed.error, text) });
      continue;
    }
    const request = parsed.value;
    const carried = await carryOut(home, state, request, memory);
    memory = carried.memory;
    entries.push(...carried.entries, {
      type: 'RequestHandled',
      request: id,
      verb: request.verb,
      message: carried.message,
    });
  }
  const object = { ...state.stored.object, metadata: { ...metadata, annotations } };
  state.stored = { ...state.stored, object, memory };
  if (memory.approvedGeneration >= metadata.generation) state.held = false;
  failPoint('request.after');
  return { entries, stored: state.stored };
}

const MAX_SHOWN_CHARS = 200;

function refusal(error: string, text: unknown): string {
  const shown = typeof text === 'string' ? text : JSON.stringify(text);
  return `not a request, ${error}: ${shown.slice(0, MAX_SHOWN_CHARS)}`;
}

function recent(requests: WorkflowMemory['requests'], now: number): WorkflowMemory['requests'] {
  return Object.fromEntries(Object.entries(requests).filter(([, time]) => now - time < REQUEST_MEMORY_MS));
}

const MAX_NAMED = 5;

/** `retry of a, b and 7 more`. */
function titleOf({ verb, tasks = [] }: VerbRequest): string {
  if (tasks.length === 0) return verb;
  const more = tasks.length > MAX_NAMED ? ` and ${tasks.length - MAX_NAMED} more` : '';
  return `${verb} of ${tasks.slice(0, MAX_NAMED).join(', ')}${more}`;
}

interface Carried {
  readonly entries: readonly JournalEntry[];
  readonly memory: WorkflowMemory;
  readonly message: string;
}

async function carryOut(
  home: HomeContext,
  state: WorkflowState,
  request: VerbRequest,
  memory: WorkflowMemory,
): Promise<Carried> {
  const selected = selectTasks(state.graph, request);
  const done = (entries: readonly JournalEntry[], changed = memory): Carried => ({
    entries,
    memory: changed,
    message: `${titleOf(request)}: ${entries.length} task${entries.length === 1 ? '' : 's'}`,
  });
  switch (request.verb) {
    case 'suspend':
      return done([], { ...memory, suspended: true });
    case 'resume':
      state.launchesStopped = false;
      return done([], { ...memory, suspended: false });
    case 'approve':
      return done([], { ...memory, approvedGeneration: state.stored.object.metadata.generation });
    case 'retry':
      state.lookNeeded = true;
      return done(retry(state, request, selected));
    case 'reset':
      state.lookNeeded = true;
      return done(reset(state, request, selected));
    case 'cancel':
      return done(cancel(state, request, selected));
    case 'complete':
    case 'fail':
      return done(await byHand(home, state, request, selected));
    case 'accept':
      state.lookNeeded = true;
      return done(accept(state, request, selected));
  }
}

/** Failed and cancelled tasks get a fresh budget; with `force`, attempts that nobody can confirm count as over. */
function retry(state: WorkflowState, request: VerbRequest, selected: readonly GraphTask[]): JournalEntry[] {
  const indexes = selected.map((t) => t.index);
  const targets = new Set(indexes);
  if (request.ancestors) addDataUpstream(state.graph.tasks, indexes, true, targets);
  const entries: JournalEntry[] = [];
  for (const index of [...targets].sort((a, b) => a - b)) {
    const task = state.graph.tasks[index] as GraphTask;
    const record = state.book.get(task.key);
    if (!record) continue;
    const last = lastAttempt(record)?.number ?? 0;
    const live = liveAttempt(record);
    if (live && request.force && state.unconfirmed.has(live.uid))
      entries.push({ type: 'AttemptReleased', task: task.key, upTo: last, request: request.id });
    const failed =
      last > record.forgivenUpTo &&
      lastAttempt(record)?.outcome !== undefined &&
      lastAttempt(record)?.outcome?.phase !== 'Succeeded';
    if (!failed && !record.cancelled) continue;
    entries.push({ type: 'TaskForgiven', task: task.key, upTo: last, request: request.id });
    if (lastAttempt(record)?.outcome?.phase === 'Failed')
      entries.push(...resets(state, resetAlsoTargets(state.graph, task.index), `resetAlso of ${task.key}`));
  }
  return entries;
}

function reset(state: WorkflowState, request: VerbRequest, selected: readonly GraphTask[]): JournalEntry[] {
  const targets = new Set(selected.map((t) => t.index));
  for (const task of selected) {
    for (const index of resetAlsoTargets(state.graph, task.index)) targets.add(index);
  }
  if (request.ancestors)
    addDataUpstream(
      state.graph.tasks,
      selected.map((t) => t.index),
      true,
      targets,
    );
  if (!request.only) addDescendants(state, targets);
  return resets(state, targets, `reset ${request.id}`);
}

function addDescendants(state: WorkflowState, targets: Set<number>): void {
  const pending = [...targets];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    for (const edge of state.graph.downstream[index] ?? []) {
      if (targets.has(edge.to) || !carriesData(edge.kind)) continue;
      targets.add(edge.to);
      pending.push(edge.to);
    }
  }
}

function resets(state: WorkflowState, targets: ReadonlySet<number>, cause: string): JournalEntry[] {
  failPoint('reset.before');
  const entries: JournalEntry[] = [];
  for (const index of [...targets].sort((a, b) => a - b)) {
    const task = state.graph.tasks[index] as GraphTask;
    const record = state.book.get(task.key);
    const last = lastAttempt(record);
    // One that was cancelled before its first attempt has nothing to forget but that.
    if ((last || record?.cancelled) && task.kind === 'Task')
      entries.push({ type: 'TaskReset', task: task.key, upTo: last?.number ?? 0, cause });
  }
  failPoint('reset.after');
  return entries;
}

/** What is final stays as it is: cancelling a finished task changes nothing. */
function cancel(state: WorkflowState, request: VerbRequest, selected: readonly GraphTask[]): JournalEntry[] {
  return selected.flatMap((task): JournalEntry[] => {
    const seen = state.board.view(task.index);
    if (task.kind !== 'Task' || (seen && isFinal(seen.phase))) return [];
    return [{ type: 'TaskCancelled', task: task.key, request: request.id, execution: seen?.identity?.execution }];
  });
}

/** `complete` and `fail`: an attempt that nobody ran, with the outputs as they lie there now. */
async function byHand(
  home: HomeContext,
  state: WorkflowState,
  request: VerbRequest,
  selected: readonly GraphTask[],
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (const task of selected) {
    const record = state.book.get(task.key);
    const identity = state.board.view(task.index)?.identity;
    if (task.kind !== 'Task' || liveAttempt(record) || !identity) continue;
    const number = nextNumber(record);
    const now = home.clock.now();
    const seen = await home.files.look(task.outputs.map(outputLook));
    // A result whose files cannot be read would never be known again.
    if ([...seen.values()].some((fact) => unreadableCode(fact) !== undefined)) continue;
    const attempt = newAttempt(state, task, identity, {
      number,
      uid: attemptToken(state.uid, task.key, identity.definition, number),
      because: [],
      needs: { cpu: 0, memoryBytes: 0, gpu: 0, walltimeMs: 0 },
      backend: 'by-hand',
      createTime: now,
      startTime: now,
    });
    const complete = request.verb === 'complete';
    entries.push(
      { type: 'AttemptIntended', task: task.key, attempt },
      {
        type: 'AttemptEnded',
        task: task.key,
        number,
        outcome: {
          phase: complete ? 'Succeeded' : 'Failed',
          reason: complete ? 'CompletedByHand' : 'FailedByHand',
          message: `by request ${request.id}`,
          finishTime: now,
          outputs: complete
            ? attempt.writes.map((w) => ({ name: w.name, path: w.path, digest: seen.get(w.lookId) ?? ABSENT_DIGEST }))
            : [],
        },
      },
    );
  }
  return entries;
}

/** A result can only be accepted for outputs that it has, where the task declares them now. */
function madeAll(task: GraphTask, success: Attempt): boolean {
  const made = success.outcome?.outputs ?? [];
  return task.outputs.every((output) => made.some((o) => o.name === output.name && o.path === output.relative));
}

/** The result that is there counts under the present definition. */
function accept(state: WorkflowState, request: VerbRequest, selected: readonly GraphTask[]): JournalEntry[] {
  return selected.flatMap((task): JournalEntry[] => {
    const success = lastSuccess(state.book.get(task.key));
    const identity = state.board.view(task.index)?.identity;
    if (!success || !identity || success.execution === identity.execution || !madeAll(task, success)) return [];
    const preimage = preimageOf(task, identity);
    const { definition, execution, contributions } = identity;
    return [
      {
        type: 'ResultAccepted',
        task: task.key,
        number: success.number,
        definition,
        execution,
        preimage,
        contributions,
        request: request.id,
      },
    ];
  });
}
