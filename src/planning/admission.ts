import type { TaskReason } from '../apis/reasons.ts';
import type { GraphTask } from '../graph/graph.ts';
import type { Action } from './actions.ts';
import type { Board } from './board.ts';
import { capacityKey, type Needs, nextNumber } from './record.ts';
import type { Snapshot } from './snapshot.ts';
import { type DesiredIdentity, NOTHING, type View } from './view.ts';

/**
 * Which of the ready tasks start now: by priority, then upstream before downstream, as far as free cores, memory,
 * GPUs and the workflow's caps go. A task that does not fit lets others pass, but no more than a
 * named number is looked at per decision. What finds no room may follow short ones that ask for the same (`slots.ts`),
 * unless a failure should still stop it; then nothing is passed over for it.
 */
export function admit(board: Board, snapshot: Snapshot): Action[] {
  if (board.ready.size === 0) return [];
  if (stopped(board, snapshot)) return hold(board, 'StopAfterFailure');
  if (liveStray(snapshot)) return hold(board, 'WaitingForRemovedTask');
  const live = liveByFanout(snapshot);
  const cap = snapshot.settings.parallelism;
  const free = { ...snapshot.free };
  const launches: Action[] = [];
  const notNow: number[] = [];
  let total = snapshot.records.live.size;
  let passedOver = 0;
  const mayFollow = snapshot.settings.failurePolicy === 'Continue';
  const ahead = new Ahead(snapshot);
  while ((cap === 0 || total < cap) && passedOver < MAX_PASSED_OVER) {
    const full = free.cpu <= 0;
    const index = full && !mayFollow ? undefined : board.bestReady();
    if (index === undefined) break;
    if (snapshot.launchOnly?.has(index) === false) {
      board.takeReady();
      leaveOut(board, index);
      continue;
    }
    const task = snapshot.graph.tasks[index] as GraphTask;
    const needs = snapshot.needs(index);
    const siblings = task.fanout ? (live.get(task.fanout.name) ?? 0) : 0;
    const capped = task.fanout !== undefined && siblings >= task.fanout.parallelism;
    const starts = !capped && fits(needs, free);
    const follows = !capped && !starts && mayFollow && ahead.take(needs);
    // Nothing can start any more: the best follows, or nobody does.
    if (full && !follows) break;
    board.takeReady();
    if (!starts && !follows) {
      notNow.push(index);
      if (!capped) passedOver++;
      continue;
    }
    if (starts) {
      free.cpu -= needs.cpu;
      free.memoryBytes -= needs.memoryBytes;
      free.gpu -= needs.gpu;
      ahead.starts(needs);
    }
    total++;
    if (task.fanout) live.set(task.fanout.name, siblings + 1);
    launches.push(launch(snapshot, task, board.view(index) as View, needs, follows));
    // Should the launch come to nothing, the task is judged again and queues up again.
  }
  board.putBack(notNow);
  return launches;
}

/** Ready, and not wanted in this process: it leaves the queue until something happens to it. */
function leaveOut(board: Board, index: number): void {
  board.set(index, { ...(board.view(index) as View), reason: 'Suspended', step: NOTHING });
}

/** How many ready tasks that do not fit are looked at before a decision gives up: bounds its cost. */
const MAX_PASSED_OVER = 64;

/** What this decision starts, and lets follow, by what it asks for. */
class Ahead {
  readonly #snapshot: Snapshot;
  readonly #starting = new Map<string, number>();
  readonly #left = new Map<string, number>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  starts(needs: Needs): void {
    this.#starting.set(capacityKey(needs), (this.#starting.get(capacityKey(needs)) ?? 0) + 1);
  }

  /** True: one more that asks for this may follow, and now does. */
  take(needs: Needs): boolean {
    const kind = capacityKey(needs);
    const left = this.#left.get(kind) ?? this.#snapshot.ahead(needs, this.#starting.get(kind) ?? 0);
    this.#left.set(kind, left - 1);
    return left > 0;
  }
}

function launch(snapshot: Snapshot, task: GraphTask, view: View, needs: Needs, follows: boolean): Action {
  const number = nextNumber(snapshot.records.get(task.key));
  return {
    kind: 'Launch',
    index: task.index,
    key: task.key,
    number,
    identity: view.identity as DesiredIdentity,
    needs,
    follows,
  };
}

export function fits(needs: Omit<Needs, 'walltimeMs'>, free: Omit<Needs, 'walltimeMs'>): boolean {
  return needs.cpu <= free.cpu + 1e-9 && needs.memoryBytes <= free.memoryBytes && needs.gpu <= free.gpu;
}

/** A failure wants nothing more to start. */
export function stopped(board: Board, snapshot: Snapshot): boolean {
  return snapshot.settings.failurePolicy !== 'Continue' && board.unhandledFailures > 0;
}

/** A removed task that still runs may write what a new one writes; with `prune: Keep` it runs to its end. */
function liveStray(snapshot: Snapshot): boolean {
  for (const key of snapshot.records.strays) if (snapshot.records.live.has(key)) return true;
  return false;
}

function hold(board: Board, reason: TaskReason): Action[] {
  for (const index of board.ready) {
    const view = board.view(index) as View;
    if (view.reason !== reason) board.set(index, { ...view, reason });
  }
  return [];
}

function liveByFanout(snapshot: Snapshot): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of snapshot.records.live) {
    const index = snapshot.graph.byKey.get(key);
    const fanout = index === undefined ? undefined : (snapshot.graph.tasks[index] as GraphTask).fanout;
    if (fanout) counts.set(fanout.name, (counts.get(fanout.name) ?? 0) + 1);
  }
  return counts;
}
