import { Heap } from '../base/heap.ts';
import type { GraphTask } from '../graph/graph.ts';
import { definitionDigest } from '../graph/identity.ts';
import type { Action } from './actions.ts';
import { admit, stopped } from './admission.ts';
import type { Board } from './board.ts';
import { codeDigests, type JudgeContext, judge } from './judge.ts';
import { lastAttempt, liveAttempt, type TaskRecord } from './record.ts';
import type { Snapshot } from './snapshot.ts';
import { concernsDownstream, type View } from './view.ts';

/**
 * decide: the heart of the program. From what is desired, recorded and observed to what should be done now.
 *
 * Pure: no clock, no chance, no input or output. The board is its memory between calls, derived and disposable.
 * It judges the tasks that something happened to, in topological order, and goes on downstream only where a view
 * changed; with every task dirty this is the full pass. On an unchanged world it returns nothing.
 */
export interface Decision {
  readonly actions: readonly Action[];
  /** Indexes whose view changed. */
  readonly changed: readonly number[];
  /** Wall-clock time to decide again, if nothing happens before. */
  readonly wakeAt: number | undefined;
}

export function decide(board: Board, snapshot: Snapshot): Decision {
  board.wake(snapshot.now);
  const changed = judgeDirty(board, snapshot);
  const actions: Action[] = [];
  if (snapshot.mode === 'Held') requestedCancels(board, actions);
  else {
    stepActions(board, snapshot, actions);
    strayActions(board, snapshot, actions);
    stopAfterFailure(board, snapshot, actions);
    if (snapshot.mode === 'Converge') actions.push(...admit(board, snapshot));
  }
  withdrawals(board, snapshot, actions);
  return { actions, changed, wakeAt: board.nextWake() };
}

/** Judges in topological order; a view that changed makes its downstream dirty. */
function judgeDirty(board: Board, snapshot: Snapshot): number[] {
  const { graph } = snapshot;
  const dirty = board.takeDirty();
  if (dirty.length === 0) return [];
  const queue = new Heap((a, b) => (graph.rank[a] as number) < (graph.rank[b] as number));
  for (const index of dirty) queue.push(index);
  const context = judgeContext(board, snapshot);
  const changed: number[] = [];
  for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
    const before = board.view(index);
    const after = judge(context, graph.tasks[index] as GraphTask);
    board.set(index, after);
    if (!before || before.phase !== after.phase || before.reason !== after.reason || before.message !== after.message)
      changed.push(index);
    if (concernsDownstream(before, after))
      for (const edge of graph.downstream[index] as readonly { to: number }[]) queue.push(edge.to);
  }
  return changed;
}

function judgeContext(board: Board, snapshot: Snapshot): JudgeContext {
  const { graph, records } = snapshot;
  let byExecution: Map<string, string[]> | undefined;
  let twins: Map<string, number> | undefined;
  return {
    snapshot,
    views: (index) => board.view(index) as View,
    strays: (execution) => {
      byExecution ??= strayIndex(snapshot);
      return byExecution.get(execution) ?? [];
    },
    unrecordedTwins: (definition) => {
      if (!twins) {
        twins = new Map();
        for (const task of graph.tasks) {
          if (task.kind !== 'Task' || (records.get(task.key)?.attempts.length ?? 0) > 0) continue;
          const digest = definitionDigest(task.preimage, codeDigests(snapshot, task) ?? {});
          twins.set(digest, (twins.get(digest) ?? 0) + 1);
        }
      }
      return twins.get(definition) ?? 0;
    },
  };
}

/** Removed tasks by the execution keys of their successes: any of them may stand. */
function strayIndex(snapshot: Snapshot): Map<string, string[]> {
  const index = new Map<string, string[]>();
  for (const record of strays(snapshot)) {
    if (liveAttempt(record)) continue;
    for (const attempt of record.attempts) {
      if (attempt.outcome?.phase !== 'Succeeded' || attempt.number <= record.resetUpTo) continue;
      const keys = index.get(attempt.execution) ?? [];
      if (!keys.includes(record.key)) keys.push(record.key);
      index.set(attempt.execution, keys);
    }
  }
  return index;
}

function strays(snapshot: Snapshot): TaskRecord[] {
  return [...snapshot.records.strays].map((key) => snapshot.records.get(key) as TaskRecord);
}

/** A person's cancel is no part of what waits for approval. */
function requestedCancels(board: Board, actions: Action[]): void {
  for (const index of board.actionable) {
    const { step } = board.view(index) as View;
    const { key } = board.graph.tasks[index] as GraphTask;
    if (step.kind === 'Cancel' && step.reason === 'CancelledByRequest')
      actions.push({ kind: 'Cancel', key, attempt: step.attempt, reason: step.reason });
  }
}

function stepActions(board: Board, snapshot: Snapshot, actions: Action[]): void {
  const adopted = new Set<string>();
  const resets: Action[] = [];
  for (const index of board.actionable) {
    const task = snapshot.graph.tasks[index] as GraphTask;
    const { step } = board.view(index) as View;
    switch (step.kind) {
      case 'Cancel':
        actions.push({ kind: 'Cancel', key: task.key, attempt: step.attempt, reason: step.reason });
        break;
      case 'CancelReaders':
        for (const key of step.readers) {
          const attempt = liveAttempt(snapshot.records.get(key));
          if (attempt) actions.push({ kind: 'Cancel', key, attempt, reason: 'UpstreamChanged' });
        }
        break;
      case 'Restore':
      case 'SetAside':
        actions.push({ kind: step.kind, index, key: task.key, attempt: step.attempt });
        break;
      case 'Adopt':
        if (!adopted.has(step.from)) actions.push({ kind: 'Adopt', key: task.key, from: step.from });
        adopted.add(step.from);
        break;
      case 'Look':
        actions.push({ kind: 'Look', index, key: task.key, look: step.look });
        break;
      case 'ResetAlso':
        resets.push({ kind: 'ResetAlso', index, key: task.key, definition: step.definition });
        break;
      case 'Launch':
      case 'Nothing':
        break;
    }
  }
  // What is taken over in this turn is reset in the next one, or it would be missed.
  if (adopted.size === 0) actions.push(...resets);
}

/**
 * Removed tasks: what lives is cancelled; a finished record is kept until every task is judged, since a rename
 * may still adopt it, and archived then.
 */
function strayActions(board: Board, snapshot: Snapshot, actions: Action[]): void {
  const deleting = snapshot.mode === 'Deleting';
  if (snapshot.settings.prune === 'Keep' && !deleting) return;
  for (const record of strays(snapshot)) {
    const live = liveAttempt(record);
    if (live)
      actions.push({
        kind: 'Cancel',
        key: record.key,
        attempt: live,
        reason: deleting ? 'WorkflowDeleted' : 'TaskRemoved',
      });
    else if (board.unsettled === 0 && !deleting && lastAttempt(record)?.state === 'Ended')
      actions.push({ kind: 'Prune', key: record.key });
  }
}

/** What was launched ahead of its turn was wanted then. */
function withdrawals(board: Board, snapshot: Snapshot, actions: Action[]): void {
  if (snapshot.following.size === 0 || (snapshot.mode === 'Converge' && !stopped(board, snapshot))) return;
  for (const key of snapshot.records.live) {
    const live = liveAttempt(snapshot.records.get(key));
    if (live && snapshot.following.has(live.uid)) actions.push({ kind: 'Withdraw', key, attempt: live });
  }
}

function stopAfterFailure(board: Board, snapshot: Snapshot, actions: Action[]): void {
  if (snapshot.settings.failurePolicy !== 'Cancel' || board.unhandledFailures === 0) return;
  for (const key of snapshot.records.live) {
    const live = liveAttempt(snapshot.records.get(key));
    if (live) actions.push({ kind: 'Cancel', key, attempt: live, reason: 'FailurePolicy' });
  }
}
