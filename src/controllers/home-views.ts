import { API_VERSION } from '../apis/meta.ts';
import { TASK_PHASES } from '../apis/phases.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import type { LogFrom, LogPart } from '../backends/backend.ts';
import type { Broadcast } from '../base/broadcast.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';
import type { Discarded } from '../planning/plan.ts';
import { type Attempt, lastSuccess, liveAttempt } from '../planning/record.ts';
import type { View } from '../planning/view.ts';
import type { JournalLine } from '../store/store.ts';
import { eventLines } from './event-line.ts';
import { explanationOf } from './explain.ts';
import { handled } from './handled.ts';
import type { HomeError, LogChunk, LogOptions, PlanOptions } from './home.ts';
import type { HomeContext } from './home-context.ts';
import { lookAtAll } from './look-around.ts';
import { fetchPreimages, judged, type Proposal, planNow, planOf } from './proposal.ts';
import type { Reconciler } from './reconciler.ts';
import { taskItem } from './task-items.ts';
import { selectTasks } from './task-selection.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * The most that a plan could discard: results that do not stand as things are judged now, and what live attempts that may
 * not go on have used. Unbounded where a task may be reset with another one. Far cheaper than the plan, which nobody
 * needs where even this is little.
 */
function mostDiscarded(state: WorkflowState, now: number): Discarded {
  const { book, board, graph } = state;
  if (allStands(state)) return NOTHING;
  let tasks = 0;
  let coreMs = 0;
  for (const record of book.all()) {
    const index = graph.byKey.get(record.key);
    const seen = index === undefined ? undefined : board.view(index);
    const live = liveAttempt(record);
    if (live?.startTime !== undefined && !goesOn(seen, live))
      coreMs += Math.max(0, now - live.startTime) * live.needs.cpu;
    if (seen?.phase === 'Succeeded' && seen.settled) continue;
    const success = lastSuccess(record);
    if (!success) continue;
    tasks++;
    coreMs += (success.outcome?.elapsedMs ?? 0) * success.needs.cpu;
  }
  const moves = tasks > 0 || book.live.size > 0;
  if (moves && graph.tasks.some(({ spec }) => spec.resetAlso !== undefined)) return EVERYTHING;
  return { tasks, coreHours: coreMs / MS_PER_HOUR };
}

/** As after every start of what has finished well: there is no result but those of tasks that have succeeded. */
function allStands({ book, board }: WorkflowState): boolean {
  if (board.unsettled > 0 || book.live.size + book.strays.size > 0) return false;
  return TASK_PHASES.every((phase) => phase === 'Succeeded' || board.count(phase) === 0);
}

/** All upstream of it has settled, so nothing there runs again, and what it makes is what is wanted. */
function goesOn(seen: View | undefined, live: Attempt): boolean {
  return seen?.identity !== undefined && seen.step.kind === 'Nothing' && seen.identity.execution === live.execution;
}

const MS_PER_HOUR = 3_600_000;
const NOTHING: Discarded = { tasks: 0, coreHours: 0 };
const EVERYTHING: Discarded = { tasks: Number.POSITIVE_INFINITY, coreHours: Number.POSITIVE_INFINITY };

/** How often a followed log is read again, and how much of the journal is read at once. */
const LOG_POLL_MS = 200;
const JOURNAL_PAGE = 1_000;
/** Without `approval`, a plan that discards more core-hours than this waits for a person. */
const DEFAULT_DISCARDED_CORE_HOURS = 100;

/** Everything a home shows: derived from state, ledger and backend; only `holdIfCostly` sets a flag. */
export class HomeViews {
  readonly #home: HomeContext;
  readonly #journal: Broadcast<JournalLine>;

  constructor(home: HomeContext, journal: Broadcast<JournalLine>) {
    this.#home = home;
    this.#journal = journal;
  }

  /** Judges without acting: for homes that only read or note. */
  async judgeOnly(reconciler: Reconciler): Promise<void> {
    const { state } = reconciler;
    await lookAtAll(this.#home, state);
    await this.#judge(reconciler);
  }

  /** By the facts that are there, and what judging asks for. */
  async #judge({ state }: Reconciler): Promise<void> {
    for (let looks = judged(this.#home, state); looks.length > 0; looks = judged(this.#home, state))
      state.see(await this.#home.files.look(looks));
  }

  async plan(proposal: Proposal, { changesOnly = false }: PlanOptions): Promise<Plan> {
    const listed = changesOnly ? 'Changes' : 'All';
    const { tasks, summary } = await planOf(this.#home, proposal, { looks: 'All', listed });
    return { apiVersion: API_VERSION, kind: 'Plan', summary, tasks };
  }

  /** A plan that throws much away waits until a person approves this generation. */
  async holdIfCostly(reconciler: Reconciler): Promise<void> {
    const { state } = reconciler;
    const { generation } = state.stored.object.metadata;
    state.held = false;
    if (state.stored.memory.approvedGeneration >= generation || state.book.live.size + state.book.size === 0) return;
    const limits = state.stored.object.spec.approval;
    const maxTasks = limits?.discardedTasks ?? Number.POSITIVE_INFINITY;
    const maxHours =
      limits?.discardedCoreHours ??
      (limits?.discardedTasks === undefined ? DEFAULT_DISCARDED_CORE_HOURS : Number.POSITIVE_INFINITY);
    const isLittle = ({ tasks, coreHours }: Discarded): boolean => tasks <= maxTasks && coreHours <= maxHours;
    await this.#judge(reconciler);
    if (isLittle(mostDiscarded(state, this.#home.clock.now()))) return;
    await fetchPreimages(this.#home, state, new Set());
    await this.#judge(reconciler);
    const { discarded } = planNow(this.#home, state, 'Changes');
    if (isLittle(discarded)) return;
    state.held = true;
    state.heldMessage = `the plan discards ${discarded.tasks} finished tasks and ${discarded.coreHours.toFixed(1)} core-hours; approve it, or change the spec`;
  }

  tasks(state: WorkflowState, name: string | undefined): readonly TaskItem[] {
    const items: TaskItem[] = [];
    for (const task of state.graph.tasks)
      if (task.kind !== 'Barrier' && (name === undefined || task.key === name)) items.push(taskItem(state, task));
    return items;
  }

  async explain(reconciler: Reconciler, key: string | undefined): Promise<Result<readonly Explanation[], HomeError>> {
    const { state } = reconciler;
    const wanted =
      key === undefined
        ? state.graph.tasks.filter((t) => t.kind !== 'Barrier')
        : selectTasks(state.graph, { tasks: [key] });
    if (wanted.length === 0) return fail({ reason: 'NotFound', message: `no task ${key}` });
    const { stored, built } = state;
    const { tasks } = await planOf(this.#home, { base: state, stored, built }, { looks: 'None', listed: 'All' });
    const plan = new Map(tasks.map((t) => [t.name, t]));
    return ok(
      wanted.map((task) =>
        explanationOf(state, task, plan.get(task.key) ?? { name: task.key, action: 'Keep', reason: '', because: [] }),
      ),
    );
  }

  graph(state: WorkflowState): GraphView {
    return this.graphOf(state.graph, (index) => state.board.view(index)?.phase ?? '');
  }

  /** Barriers are not shown: their edges go to those who wait for them. */
  graphOf(graph: Graph, phase: (index: number) => GraphView['tasks'][number]['phase']): GraphView {
    const shown = graph.tasks.filter((t) => t.kind !== 'Barrier');
    const place = new Map(shown.map((t, i) => [t.index, i]));
    const edges: GraphView['edges'][number][] = [];
    for (const task of shown)
      for (const edge of task.upstream) {
        const upstream = graph.tasks[edge.from] as GraphTask;
        const sources = upstream.kind === 'Barrier' ? upstream.upstream.map((e) => e.from) : [edge.from];
        for (const from of sources)
          edges.push({ from: place.get(from) as number, to: place.get(task.index) as number, kind: edge.kind });
      }
    return { tasks: shown.map((t) => ({ name: t.key, phase: phase(t.index) })), edges };
  }

  async *events(
    uid: string,
    name: string,
    options: {
      readonly after?: string | undefined;
      readonly follow?: boolean | undefined;
      readonly signal: AbortSignal;
    },
  ): AsyncIterable<EventLine> {
    const live = this.#journal.listen(options.signal);
    let after = Number(options.after ?? 0);
    for (;;) {
      const page = await this.#home.store.journal({ workflow: uid, after, limit: JOURNAL_PAGE });
      for (const line of page) {
        if (options.signal.aborted) return;
        after = line.seq;
        yield* eventLines(line, name);
      }
      if (page.length < JOURNAL_PAGE) break;
    }
    if (!options.follow) {
      await live.return?.();
      return;
    }
    for await (const line of live) if (line.workflow === uid && line.seq > after) yield* eventLines(line, name);
  }

  async *logs(find: () => Result<Reconciler, HomeError>, options: LogOptions): AsyncIterable<LogChunk> {
    const positions = new Map<string, number>();
    for (;;) {
      const found = find();
      if (!found.ok) return;
      const { state } = found.value;
      const wanted = options.tasks?.length
        ? selectTasks(state.graph, { tasks: options.tasks })
        : selectTasks(state.graph, {});
      for (const task of wanted) {
        const attempt = this.#attemptOf(state, task.key, options.attempt);
        if (attempt) yield* this.#readOn(task.key, attempt, positions, options);
      }
      const over = wanted.every((t) => state.board.view(t.index)?.settled ?? false);
      if (!options.follow || over || options.signal.aborted) return;
      await new Promise<void>((resolve) => this.#home.clock.after(LOG_POLL_MS, resolve));
    }
  }

  async *#readOn(
    task: string,
    attempt: Attempt,
    positions: Map<string, number>,
    options: LogOptions,
  ): AsyncIterable<LogChunk> {
    const stream = options.stream ?? 'stdout';
    let from: LogFrom = positions.get(attempt.uid) ?? (options.tail === undefined ? 0 : { lastLines: options.tail });
    for (;;) {
      const part: LogPart = await this.#home.backends.readLog(handled(attempt), stream, from);
      positions.set(attempt.uid, part.next);
      if (part.text === '') return;
      yield { task, attempt: attempt.number, text: part.text };
      from = part.next;
    }
  }

  #attemptOf(state: WorkflowState, key: string, number: number | undefined): Attempt | undefined {
    const attempts = state.book.get(key)?.attempts ?? [];
    return number === undefined ? attempts.at(-1) : attempts.find((a) => a.number === number);
  }
}
