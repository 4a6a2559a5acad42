import type { TaskPhase } from '../apis/phases.ts';
import { TASK_PHASES } from '../apis/phases.ts';
import { Heap } from '../base/heap.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import type { Attempt } from './record.ts';
import { handlesFailure } from './trigger.ts';
import { standingView, type View } from './view.ts';

/**
 * The board: views of all tasks of one graph, with the few sums over them that a decision needs, kept up to date
 * one task at a time. It is derived state: a new board with every task dirty arrives at the same views.
 */
export class Board {
  readonly graph: Graph;
  readonly #views: (View | undefined)[];
  readonly #counts: Map<TaskPhase, number>;
  readonly #dirty = new Set<number>();
  readonly #ready = new Set<number>();
  /** By the backend they name: the ready tasks, best first; with some that are no longer ready, until they come up. */
  readonly #queues = new Map<string | undefined, Heap>();
  readonly #wakes = new Map<number, number>();
  #wokenAt = Number.NEGATIVE_INFINITY;
  readonly #actionable = new Set<number>();
  #unhandledFailures = 0;
  #unsettled: number;

  /** `before`: a board over a graph of the same shape, and whose judgements hold where the task is still the same object. */
  constructor(graph: Graph, before?: Board) {
    this.graph = graph;
    this.#views = before ? before.#views.slice() : Array.from({ length: graph.tasks.length }, () => undefined);
    this.#counts = new Map(before ? before.#counts : TASK_PHASES.map((p) => [p, 0]));
    this.#unsettled = before ? before.#unsettled : graph.tasks.length;
    if (before) this.#takeOver(before);
    else this.markAll();
  }

  #takeOver(before: Board): void {
    this.#unhandledFailures = before.#unhandledFailures;
    this.#wokenAt = before.#wokenAt;
    for (const index of before.#ready) this.#ready.add(index);
    for (const index of before.#actionable) this.#actionable.add(index);
    for (const [index, at] of before.#wakes) this.#wakes.set(index, at);
    for (const index of before.#dirty) this.#dirty.add(index);
    for (const [index, task] of this.graph.tasks.entries()) if (before.graph.tasks[index] !== task) this.#forget(index);
    for (const index of this.#ready) this.#enqueue(index);
  }

  /** As if it had never been judged. */
  #forget(index: number): void {
    this.#dirty.add(index);
    const before = this.#views[index];
    if (!before) return;
    this.#views[index] = undefined;
    if ((this.graph.tasks[index] as GraphTask).kind !== 'Barrier') {
      this.#counts.set(before.phase, this.count(before.phase) - 1);
      this.#unhandledFailures -= this.#failureWeight(index, before);
    }
    if (before.settled) this.#unsettled++;
    this.#ready.delete(index);
    this.#actionable.delete(index);
    this.#wakes.delete(index);
  }

  markAll(): void {
    for (let i = 0; i < this.graph.tasks.length; i++) this.#dirty.add(i);
  }

  mark(index: number): void {
    this.#dirty.add(index);
  }

  /** The dirty tasks; the caller judges them all. */
  takeDirty(): number[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  /** Every task is judged next, whatever happens before. */
  get allDirty(): boolean {
    return this.#dirty.size === this.graph.tasks.length;
  }

  get isClean(): boolean {
    return this.#dirty.size === 0;
  }

  view(index: number): View | undefined {
    return this.#views[index];
  }

  /** Tasks whose last judgement asks for a step. */
  get actionable(): ReadonlySet<number> {
    return this.#actionable;
  }

  /** Tasks whose launch waits until running readers of their outputs are gone. */
  waitingForReaders(): number[] {
    return [...this.#actionable].filter((index) => this.#views[index]?.step.kind === 'CancelReaders');
  }

  get ready(): ReadonlySet<number> {
    return this.#ready;
  }

  /** Backends that tasks name which are or were ready. */
  get queues(): Iterable<string | undefined> {
    return this.#queues.keys();
  }

  /** The best ready task of these queues, which stays in it. */
  bestReady(queues: Iterable<string | undefined>): number | undefined {
    let best: number | undefined;
    for (const name of queues) {
      const first = this.#firstOf(name);
      if (first !== undefined && (best === undefined || launchesBefore(this.graph, first, best))) best = first;
    }
    return best;
  }

  #firstOf(name: string | undefined): number | undefined {
    const queue = this.#queues.get(name);
    let first = queue?.top;
    for (; first !== undefined && !this.#ready.has(first); first = queue?.top) queue?.pop();
    return first;
  }

  /** Takes the task out, which must be the first of its queue. What is not launched must be put back. */
  takeReady(index: number): void {
    const name = this.#backendOf(index);
    if (this.#firstOf(name) === index) this.#queues.get(name)?.pop();
  }

  putBack(indexes: Iterable<number>): void {
    for (const index of indexes) this.#enqueue(index);
  }

  #enqueue(index: number): void {
    const name = this.#backendOf(index);
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Heap((a, b) => launchesBefore(this.graph, a, b));
      this.#queues.set(name, queue);
    }
    queue.push(index);
  }

  #backendOf(index: number): string | undefined {
    return (this.graph.tasks[index] as GraphTask).spec.backend;
  }

  get unhandledFailures(): number {
    return this.#unhandledFailures;
  }

  /** Tasks that are not final in this generation. */
  get unsettled(): number {
    return this.#unsettled;
  }

  count(phase: TaskPhase): number {
    return this.#counts.get(phase) ?? 0;
  }

  /** Earliest wall-clock time at which a task wants to be judged again. */
  nextWake(): number | undefined {
    let next: number | undefined;
    for (const at of this.#wakes.values()) if (next === undefined || at < next) next = at;
    return next;
  }

  /** Marks what is due; all that waits for a time, if the clock was set back: what is due then is judged anew. */
  wake(now: number): void {
    const setBack = now < this.#wokenAt;
    this.#wokenAt = now;
    for (const [index, at] of this.#wakes) if (setBack || at <= now) this.#dirty.add(index);
  }

  /** The same attempts as other objects: what stands is one of these, and what it was is kept in memory no longer. */
  refer(index: number, attempts: readonly Attempt[]): void {
    const before = this.#views[index];
    const success = before?.success && attempts.find((a) => a.uid === before.success?.uid);
    if (success) this.#views[index] = standingView(success);
  }

  set(index: number, next: View): void {
    const task = this.graph.tasks[index] as GraphTask;
    const before = this.#views[index];
    this.#views[index] = next;
    if (task.kind !== 'Barrier') {
      if (before) this.#counts.set(before.phase, this.count(before.phase) - 1);
      this.#counts.set(next.phase, this.count(next.phase) + 1);
      this.#unhandledFailures += this.#failureWeight(index, next) - (before ? this.#failureWeight(index, before) : 0);
    }
    this.#unsettled += (next.settled ? 0 : 1) - ((before?.settled ?? false) ? 0 : 1);
    setMember(this.#ready, index, next.step.kind === 'Launch');
    if (next.step.kind === 'Launch') this.#enqueue(index);
    setMember(this.#actionable, index, next.step.kind !== 'Nothing' && next.step.kind !== 'Launch');
    if (next.wakeAt === undefined) this.#wakes.delete(index);
    else this.#wakes.set(index, next.wakeAt);
  }

  #failureWeight(index: number, v: View): number {
    return v.phase === 'Failed' && !handlesFailure(this.graph, index) ? 1 : 0;
  }
}

/** By priority, then upstream before downstream. */
function launchesBefore(graph: Graph, a: number, b: number): boolean {
  const pa = (graph.tasks[a] as GraphTask).priority;
  const pb = (graph.tasks[b] as GraphTask).priority;
  return pa !== pb ? pa > pb : (graph.rank[a] as number) < (graph.rank[b] as number);
}

function setMember(set: Set<number>, index: number, member: boolean): void {
  if (member) set.add(index);
  else set.delete(index);
}
