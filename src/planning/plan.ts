import type { Because, PlanAction, PlannedTask } from '../apis/task-view.ts';
import type { TriggerRule } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import { carriesData, type Graph, type GraphTask } from '../graph/graph.ts';
import { definitionDigest } from '../graph/identity.ts';
import { causesOf, type Upstreams, upstreamsOf } from './because.ts';
import type { Board } from './board.ts';
import { codeDigests } from './judge.ts';
import { type Attempt, lastAttempt, lastSuccess, liveAttempt, type TaskRecord } from './record.ts';
import { needsResetAlso, resetAlsoTargets } from './reset-also.ts';
import type { Snapshot } from './snapshot.ts';
import { standingResult } from './standing.ts';
import { type DesiredIdentity, isLeaving, isStanding, type View } from './view.ts';

/**
 * What would happen to every task, and why, without doing it.
 *
 * `Create`, `Reset` and `CancelAndReset` run if all goes well; `Reevaluate` may or may not, depending on what
 * upstreams produce; nothing else runs.
 */
export interface PlanResult {
  readonly tasks: readonly PlannedTask[];
  /** How many of each action. */
  readonly summary: Readonly<Record<string, number>>;
  readonly discarded: Discarded;
}

/** Finished results that would be made again, and the core-hours in them and in attempts that would be ended. */
export interface Discarded {
  readonly tasks: number;
  readonly coreHours: number;
}

/** Tasks that are kept are always counted. */
export type Listed = 'All' | 'Changes';

export interface PlanSource {
  /** Every task on it is judged by the very snapshot. */
  readonly board: Board;
  /** Gives the pre-images of earlier definitions. */
  readonly preimage: (digest: string) => Json | undefined;
  /** The graph in force, where the snapshot holds another that would replace it. */
  readonly before: Graph | undefined;
  readonly listed: Listed;
}

export function makePlan(snapshot: Snapshot, source: PlanSource): PlanResult {
  const planner = new Planner(snapshot, source);
  const tasks: PlannedTask[] = [];
  let discarded = 0;
  let coreMs = 0;
  let leftAlone = 0;
  for (const index of snapshot.graph.order) {
    const task = snapshot.graph.tasks[index] as GraphTask;
    if (source.listed === 'Changes' && planner.isLeftAlone(task)) {
      leftAlone++;
      continue;
    }
    const planned = planner.plan(task);
    if (task.kind === 'Barrier') continue;
    tasks[index] = planned;
    const loses = planned.action === 'Reset' || planned.action === 'CancelAndReset';
    const record = snapshot.records.get(task.key);
    const success = loses ? lastSuccess(record) : undefined;
    if (success) {
      discarded++;
      coreMs += (success.outcome?.elapsedMs ?? 0) * success.needs.cpu;
    }
    const live = planned.action === 'CancelAndReset' ? liveAttempt(record) : undefined;
    if (live?.startTime !== undefined) coreMs += Math.max(0, snapshot.now - live.startTime) * live.needs.cpu;
  }
  const all = [...tasks.filter((t) => t !== undefined), ...planner.strays()];
  const summary = planSummary(all, leftAlone);
  const listed = source.listed === 'All' ? all : all.filter(({ action }) => action !== 'Keep');
  return { tasks: listed, summary, discarded: { tasks: discarded, coreHours: coreMs / 3_600_000 } };
}

function sameDefinition(task: GraphTask, attempt: Attempt): boolean {
  const { templateDigest, values } = attempt.preimage;
  return (
    templateDigest === task.preimage.templateDigest && canonicalJson(values) === canonicalJson(task.preimage.values)
  );
}

/** The task went back to a definition that it has a result of. */
function hadResult(task: GraphTask, record: TaskRecord): boolean {
  return record.attempts.some(
    (a) => a.number > record.resetUpTo && a.outcome?.phase === 'Succeeded' && sameDefinition(task, a),
  );
}

const NO_FACTS: Snapshot['facts'] = new Map();

class Planner {
  readonly #board: Board;
  readonly #snapshot: Snapshot;
  readonly #template: (digest: string) => Json | undefined;
  /** By index: runs for certain, or may run. */
  readonly #fate = new Map<number, 'Runs' | 'MayRun'>();
  readonly #adopted = new Set<string>();
  readonly #before: Graph | undefined;
  #also: Map<number, string> | undefined;
  /** By path of an output: whose live attempt writes it. */
  #writers: Map<string, string> | undefined;

  constructor(snapshot: Snapshot, { board, preimage, before }: PlanSource) {
    this.#before = before;
    this.#board = board;
    this.#snapshot = snapshot;
    this.#template = preimage;
  }

  /** Tasks that are reset because another one changed: known before the first of them is planned. */
  #resetWith(): Map<number, string> {
    const reset = new Map<number, string>();
    const { graph, records } = this.#snapshot;
    for (const task of graph.tasks) {
      if (!task.spec.resetAlso || task.kind === 'Barrier') continue;
      const code = codeDigests(this.#snapshot, task);
      // One that still runs is ended first, and what is reset with it is reset then.
      if (!code || !needsResetAlso(task, records.get(task.key), definitionDigest(task.preimage, code))) continue;
      for (const target of resetAlsoTargets(graph, task.index)) reset.set(target, task.key);
    }
    return reset;
  }

  plan(task: GraphTask): PlannedTask {
    const seen = this.#board.view(task.index) as View;
    if (this.isLeftAlone(task)) return { name: task.key, action: 'Keep', reason: 'Unchanged', because: NONE };
    const record = this.#snapshot.records.get(task.key);
    const { action, reason, because } = task.kind === 'Task' ? this.#decide(task, seen, record) : this.#gate(task);
    if (action === 'Create' || action === 'Reset' || action === 'CancelAndReset') this.#fate.set(task.index, 'Runs');
    // Who reads what is moved aside runs without it.
    else if (action === 'Reevaluate' || isLeaving(seen)) this.#fate.set(task.index, 'MayRun');
    return { name: task.key, action, reason, because };
  }

  /** What mostly is the case, and what `#decide` would say of it. */
  isLeftAlone(task: GraphTask): boolean {
    if (!isStanding(this.#board.view(task.index) as View) || this.#snapshot.records.live.size > 0) return false;
    if (this.#before && this.#before.tasks[task.index] !== task) return false;
    this.#also ??= this.#resetWith();
    if (this.#also.has(task.index)) return false;
    return this.#fate.size === 0 || !task.upstream.some(({ from }) => this.#fate.has(from));
  }

  #gate(task: GraphTask): Omit<PlannedTask, 'name'> {
    const runs = task.upstream.find((e) => carriesData(e.kind) && this.#fate.get(e.from) === 'Runs');
    if (runs) this.#fate.set(task.index, 'Runs');
    else if (task.upstream.some((e) => carriesData(e.kind) && this.#fate.has(e.from)))
      this.#fate.set(task.index, 'MayRun');
    return { action: 'Keep', reason: 'Gate', because: [] };
  }

  #decide(task: GraphTask, seen: View, record: TaskRecord | undefined): Omit<PlannedTask, 'name'> {
    const fresh = (record?.attempts.length ?? 0) === 0;
    const { step } = seen;
    const differences = (): Because[] => this.#differences(task, seen, record);
    this.#also ??= this.#resetWith();
    const also = this.#also.get(task.index);
    // What it takes over from a removed task is reset as well.
    if (also !== undefined && step.kind === 'Adopt') this.#adopted.add(step.from);
    if (also !== undefined && (!fresh || step.kind === 'Adopt'))
      return {
        action: liveAttempt(record) ? 'CancelAndReset' : 'Reset',
        reason: 'ResetAlso',
        because: [{ task: also }],
      };
    if (step.kind === 'Adopt') return this.#adopt(task, seen, step.from);
    if (step.kind === 'Restore') return { action: 'Reevaluate', reason: 'OutputsMayBePutBack', because: [] };
    if (step.kind === 'Cancel') return { action: 'CancelAndReset', reason: step.reason, because: differences() };
    const broad = this.#upstreamThat(task, 'Runs', true);
    const any = broad ?? this.#upstreamThat(task, 'Runs', false) ?? this.#upstreamThat(task, 'MayRun', false);
    const live = liveAttempt(record);
    // It may finish, and what it makes is not what is wanted.
    if (live && seen.identity && live.execution !== seen.identity.execution)
      return { action: 'Reset', reason: 'Changed', because: differences() };
    if (live) return this.#live(task, any);
    if (
      step.kind === 'Launch' ||
      (step.kind === 'CancelReaders' && !isLeaving(seen)) ||
      step.kind === 'ResetAlso' ||
      seen.reason === 'BackOff'
    )
      return fresh
        ? { action: 'Create', reason: 'New', because: [] }
        : { action: 'Reset', reason: seen.reason === 'BackOff' ? 'BackOff' : 'Changed', because: differences() };
    // Settled as its upstreams stand; one of them will be reset with another task.
    const final = seen.phase !== 'Pending' || isLeaving(seen);
    if (final && any !== undefined)
      // One that was skipped and never ran: whether it does depends on how they end.
      return broad === undefined || fresh
        ? { action: 'Reevaluate', reason: 'UpstreamMayChange', because: [{ task: any }] }
        : { action: 'Reset', reason: 'UpstreamRunsAgain', because: [{ task: broad }] };
    if (seen.phase === 'Succeeded') {
      const other = this.#otherWriter(task);
      if (other !== undefined)
        return { action: 'Reevaluate', reason: 'OutputsMayBePutBack', because: [{ task: other }] };
      return this.#kept(task);
    }
    if (final) return { action: 'Keep', reason: seen.reason, because: [] };
    if (fresh) return { action: 'Create', reason: 'New', because: any === undefined ? [] : [{ task: any }] };
    const changed = this.#definitionChanged(task, record as TaskRecord);
    if (changed.length > 0 && broad === undefined && hadResult(task, record as TaskRecord))
      return { action: 'Reevaluate', reason: 'EarlierResultMayStand', because: changed };
    if (changed.length > 0) return { action: 'Reset', reason: 'Changed', because: changed };
    if (broad !== undefined) return { action: 'Reset', reason: 'UpstreamRunsAgain', because: [{ task: broad }] };
    return { action: 'Reevaluate', reason: 'UpstreamMayChange', because: any === undefined ? [] : [{ task: any }] };
  }

  /** A live attempt under another key that writes where this task's outputs lie, as one that was renamed and renamed back. */
  #otherWriter(task: GraphTask): string | undefined {
    if (!this.#writers) {
      this.#writers = new Map();
      const { records } = this.#snapshot;
      for (const key of records.live)
        for (const { path } of liveAttempt(records.get(key))?.writes ?? []) this.#writers.set(path, key);
    }
    for (const { relative } of task.outputs) {
      const key = this.#writers.get(relative);
      if (key !== undefined && key !== task.key) return key;
    }
    return undefined;
  }

  /** The removed task's record goes on under the new name; what it made may have to be put back first. */
  #adopt(task: GraphTask, seen: View, from: string): Omit<PlannedTask, 'name'> {
    this.#adopted.add(from);
    const { execution } = seen.identity as DesiredIdentity;
    const because = [{ task: from }];
    const standing = standingResult(this.#snapshot, task, this.#snapshot.records.get(from), execution);
    if (standing?.how === 'MovedAside') return { action: 'Reevaluate', reason: 'OutputsMayBePutBack', because };
    return { action: 'Adopt', reason: 'Renamed', because };
  }

  /** A running reader of something that is made again is ended first, and then judged again. */
  #live(task: GraphTask, upstream: string | undefined): Omit<PlannedTask, 'name'> {
    const direct = task.upstream.find((e) => carriesData(e.kind) && this.#fate.get(e.from) === 'Runs');
    if (direct)
      return { action: 'CancelAndReset', reason: 'UpstreamRunsAgain', because: [{ task: this.#key(direct.from) }] };
    if (upstream !== undefined)
      return { action: 'Reevaluate', reason: 'UpstreamMayChange', because: [{ task: upstream }] };
    return { action: 'Keep', reason: 'Running', because: [] };
  }

  #kept(task: GraphTask): Omit<PlannedTask, 'name'> {
    const index = this.#before?.byKey.get(task.key);
    const old = index === undefined ? undefined : (this.#before as Graph).tasks[index];
    if (old && old.handling !== task.handling)
      return { action: 'Update', reason: 'HandlingChanged', because: [{ field: 'resources, retry or backend' }] };
    return { action: 'Keep', reason: 'Unchanged', because: [] };
  }

  #upstreamThat(task: GraphTask, fate: 'Runs' | 'MayRun', broadOnly: boolean): string | undefined {
    // One that waits for a failure may be skipped as well when its upstreams run again.
    if (broadOnly && FAILURE_RULES.has(task.triggerRule)) return undefined;
    const everything = this.#snapshot.settings.convergence === 'ResetDescendants';
    const edge = task.upstream.find((e) => {
      if (!carriesData(e.kind) || this.#fate.get(e.from) !== fate) return false;
      return !broadOnly || everything || e.kind === 'DependsOn' || e.kind === 'Each';
    });
    return edge && this.#key(edge.from);
  }

  #key(index: number): string {
    return (this.#snapshot.graph.tasks[index] as GraphTask).key;
  }

  /**
   * Differences of the definition alone: the edges' part is not known while upstreams are open. A task that failed with
   * this very definition stays failed unless an edge brings something new.
   */
  #definitionChanged(task: GraphTask, record: TaskRecord): Because[] {
    const last = lastAttempt(record);
    if (last?.outcome?.phase === 'Failed' && last.number > record.forgivenUpTo && sameDefinition(task, last)) return [];
    const causes = causesOf(task, record, {}, NO_FACTS, this.#template, this.#upstreams(task));
    return causes.filter((b) => !('field' in b) || (b.field !== 'retry' && b.field !== 'reset'));
  }

  #upstreams(task: GraphTask): Upstreams {
    return upstreamsOf(this.#snapshot.graph, this.#snapshot.records, task);
  }

  #differences(task: GraphTask, seen: View, record: TaskRecord | undefined): Because[] {
    return causesOf(task, record, seen.identity ?? {}, this.#snapshot.facts, this.#template, this.#upstreams(task));
  }

  strays(): PlannedTask[] {
    const { records, settings } = this.#snapshot;
    const planned: PlannedTask[] = [];
    for (const key of records.strays) {
      if (this.#adopted.has(key)) continue;
      const action: PlanAction = settings.prune === 'Keep' ? 'Keep' : 'Prune';
      planned.push({ name: key, action, reason: 'TaskRemoved', because: [] });
    }
    return planned;
  }
}

/** Trigger rules that a success upstream does not meet. */
const FAILURE_RULES: ReadonlySet<TriggerRule> = new Set(['AnyFailed', 'AllFailed']);

function planSummary(tasks: readonly PlannedTask[], leftAlone: number): Record<string, number> {
  const summary: Record<string, number> = leftAlone > 0 ? { Keep: leftAlone } : {};
  for (const { action } of tasks) summary[action] = (summary[action] ?? 0) + 1;
  return summary;
}
