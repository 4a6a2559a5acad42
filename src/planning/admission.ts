import type { TaskReason } from '../apis/reasons.ts';
import type { GraphTask } from '../graph/graph.ts';
import type { Action } from './actions.ts';
import type { Board } from './board.ts';
import { capacityKey, type Needs, nextNumber } from './record.ts';
import type { Room, Snapshot } from './snapshot.ts';
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
  const launches: Action[] = [];
  const notNow: number[] = [];
  let total = snapshot.records.live.size;
  const mayFollow = snapshot.settings.failurePolicy === 'Continue';
  // Each backend's queue is gone through until nothing more can start there.
  const open = new Map([...board.queues].map((name) => [name, new Place(snapshot.room(name), mayFollow)]));
  while (cap === 0 || total < cap) {
    for (const [name, place] of open) if (place.isDone) open.delete(name);
    const index = board.bestReady(open.keys());
    if (index === undefined) break;
    if (snapshot.launchOnly?.has(index) === false) {
      board.takeReady(index);
      leaveOut(board, index);
      continue;
    }
    const task = snapshot.graph.tasks[index] as GraphTask;
    const needs = snapshot.needs(index);
    const siblings = task.fanout ? (live.get(task.fanout.name) ?? 0) : 0;
    const capped = task.fanout !== undefined && siblings >= task.fanout.parallelism;
    const place = open.get(task.spec.backend) as Place;
    const how = capped ? place.passOver() : place.take(needs);
    // Nothing can start there any more: the best follows, or nobody does.
    if (how === 'Full') continue;
    board.takeReady(index);
    if (how === 'Not') {
      notNow.push(index);
      continue;
    }
    total++;
    if (task.fanout) live.set(task.fanout.name, siblings + 1);
    launches.push(launch(snapshot, task, board.view(index) as View, needs, how === 'Follows'));
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

/** What this decision starts on one backend, and lets follow. */
class Place {
  readonly #room: Room;
  readonly #mayFollow: boolean;
  readonly #free: { cpu: number; memoryBytes: number; gpu: number; attempts: number };
  /** By what is asked for: how many start, and how many more may follow. */
  readonly #starting = new Map<string, number>();
  readonly #left = new Map<string, number>();
  #passedOver = 0;
  #isDone = false;

  constructor(room: Room, mayFollow: boolean) {
    const { cpu, memoryBytes, gpu, attempts } = room;
    this.#room = room;
    this.#mayFollow = mayFollow;
    this.#free = { cpu, memoryBytes, gpu, attempts };
  }

  get isDone(): boolean {
    return this.#isDone || this.#passedOver >= MAX_PASSED_OVER || (this.#isFull && !this.#mayFollow);
  }

  get #isFull(): boolean {
    return this.#free.cpu <= 0 || this.#free.attempts <= 0;
  }

  /** `Not`: this one finds no room, others may. `Full`: nobody does. */
  take(needs: Needs): 'Starts' | 'Follows' | 'Not' | 'Full' {
    if (this.#free.attempts > 0 && fits(needs, this.#free)) {
      this.#start(needs);
      return 'Starts';
    }
    if (this.#mayFollow && this.#follow(needs)) return 'Follows';
    this.#passedOver++;
    return this.passOver();
  }

  passOver(): 'Not' | 'Full' {
    this.#isDone ||= this.#isFull;
    return this.#isFull ? 'Full' : 'Not';
  }

  #start(needs: Needs): void {
    this.#free.cpu -= needs.cpu;
    this.#free.memoryBytes -= needs.memoryBytes;
    this.#free.gpu -= needs.gpu;
    this.#free.attempts--;
    const kind = capacityKey(needs);
    this.#starting.set(kind, (this.#starting.get(kind) ?? 0) + 1);
  }

  /** True: one more that asks for this may follow, and now does. */
  #follow(needs: Needs): boolean {
    const kind = capacityKey(needs);
    const left = this.#left.get(kind) ?? this.#room.ahead(needs, this.#starting.get(kind) ?? 0);
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
