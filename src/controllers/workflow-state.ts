import type { EndReason } from '../apis/reasons.ts';
import type { WorkflowStatus } from '../apis/workflow.ts';
import type { HeldLooks, Observation } from '../backends/backend.ts';
import type { Json } from '../base/json.ts';
import { bindInput, isAbsentInput } from '../graph/bind-input.ts';
import type { BuiltGraph } from '../graph/build.ts';
import type { Element, ExpandedTemplate } from '../graph/element.ts';
import { type Graph, type GraphInput, type GraphTask, sameShape } from '../graph/graph.ts';
import { absolutePath } from '../graph/paths.ts';
import { paramTypesOf, Scopes, type UpstreamState } from '../graph/scope.ts';
import type { TaskTemplate } from '../graph/template.ts';
import { Board } from '../planning/board.ts';
import { ABSENT_DIGEST, codeLooks, type Look, lookId, outputLook, possibleLooks } from '../planning/facts.ts';
import { type FactBook, FactsOver } from '../planning/facts-over.ts';
import { isTaskEntry, type JournalEntry, type TaskEntry } from '../planning/journal.ts';
import { type ReadRecord, Shelf } from '../planning/kept-record.ts';
import { lastAttempt, type OutputRecord, type TaskRecord } from '../planning/record.ts';
import { RecordBook } from '../planning/record-book.ts';
import type { Mode, Settings } from '../planning/snapshot.ts';
import type { View } from '../planning/view.ts';
import type { StoredWorkflow } from '../store/store.ts';
import type { LaunchScope } from './launch-scope.ts';
import { settingsOf } from './settings.ts';

type Views = (index: number) => View | undefined;

/**
 * Everything in memory about one workflow. All of it but `inbox` can be made again from the store and a look at the
 * files; nothing outside the reconciler of this workflow changes it.
 */
export class WorkflowState {
  stored: StoredWorkflow;
  built: BuiltGraph;
  settings: Settings;
  readonly book: RecordBook;
  board: Board;
  readonly facts: FactBook;
  /** What looks beside the turns have seen that is not in `facts`, and nothing of ours has touched since. */
  readonly news = new Map<string, string>();
  /** Seen beside the turns while something else changed the fact: which came last nobody knows, so it is looked at again. */
  readonly doubtful = new Set<string>();
  /** Of this graph's files, once they have been looked at often. */
  heldLooks: HeldLooks | undefined;
  timesLookedAround = 0;
  readonly unrestorable: Set<string>;
  readonly unmovable: Set<string>;
  readonly unconfirmed: Set<string>;
  /** Why a cancel was asked for, by attempt uid; also: which have been asked for. */
  readonly cancelling = new Map<string, EndReason>();
  /** Uids of attempts that are kept from starting, if it is not too late. */
  readonly withdrawing = new Set<string>();
  readonly inbox: Observation[] = [];
  /** Files must be looked at before the next decision. */
  lookNeeded = true;
  /** Finished, and not asked for since the home opened: drift is shown, not acted on. */
  resting = false;
  /** The present generation discards more than `approval` allows, and nobody has approved it. */
  held = false;
  heldMessage = '';
  /** As of the last turn; the stored one may lag behind by a second. */
  status: WorkflowStatus | undefined;
  /** It says something new and was not written yet: it is, when its time has come. */
  statusLate = false;
  /** Monotonic milliseconds. */
  statusMadeAt = Number.NEGATIVE_INFINITY;
  /** Tasks whose resources cannot be evaluated or never fit, by index. */
  readonly needsProblems = new Map<number, string>();
  /** Pre-images of earlier definitions, as far as they were asked for. */
  readonly templates: Map<string, Json>;
  /** What patterns matched when a launch last asked. */
  readonly matches = new Map<string, readonly string[]>();
  /** Last lines of the failures that the status shows, by uid of the attempt; empty: asked for, and none came. */
  readonly logTails = new Map<string, string>();
  /** Ctrl-C in `run`: launch nothing more, in this process only. */
  launchesStopped = false;
  /** `run --until`: launch nothing else, in this process only. */
  launchOnly: LaunchScope | undefined;
  #scopes: Scopes | undefined;
  #byFact: Map<string, number[]> | undefined;
  readonly #base: WorkflowState | undefined;
  readonly #changedFacts = new Set<Set<string>>();

  /**
   * `read`: from the ledger. With it only what judging asks for stays in memory of the records of finished tasks.
   * `base`: instead of records, see `under`.
   */
  constructor(
    stored: StoredWorkflow,
    built: BuiltGraph,
    records: Iterable<TaskRecord> | WorkflowState,
    read?: ReadRecord,
  ) {
    const base = records instanceof WorkflowState ? records : undefined;
    this.stored = stored;
    this.built = built;
    this.settings = settingsOf(stored.object.spec, built.graph);
    this.#base = base;
    this.book = records instanceof WorkflowState ? records.book.under(built.graph.byKey) : this.#bookOf(records, read);
    this.board = base ? base.#boardOver(built.graph) : new Board(built.graph);
    this.facts = base ? new FactsOver(base.facts) : new Map();
    this.unrestorable = base?.unrestorable ?? new Set();
    this.unmovable = base?.unmovable ?? new Set();
    this.unconfirmed = base?.unconfirmed ?? new Set();
    this.templates = base?.templates ?? new Map();
  }

  #bookOf(records: Iterable<TaskRecord>, read: ReadRecord | undefined): RecordBook {
    const task = (key: string): GraphTask | undefined => this.graph.tasks[this.graph.byKey.get(key) ?? -1];
    return new RecordBook(records, this.graph.byKey, read && { shelf: new Shelf(read), task });
  }

  /**
   * What it would be under another document, to be judged and thrown away: it is made of the same records, so it is good
   * until the next entry; what it sees of files is not seen here.
   */
  under(stored: StoredWorkflow, built: BuiltGraph): WorkflowState {
    return new WorkflowState(stored, built, this);
  }

  /** Judgements that hold under this graph too are taken over. A rename may concern any task that has no record yet. */
  #boardOver(graph: Graph): Board {
    const holds = sameShape(graph, this.graph) && this.book.strays.size === 0 && this.mode !== 'Deleting';
    return holds ? new Board(graph, this.board) : new Board(graph);
  }

  get graph(): Graph {
    return this.built.graph;
  }

  get uid(): string {
    return this.stored.uid;
  }

  get mode(): Mode {
    if (this.stored.object.metadata.deletionTimestamp !== undefined) return 'Deleting';
    if (this.held) return 'Held';
    const suspended = this.stored.object.spec.suspend === true || this.stored.memory.suspended || this.launchesStopped;
    return suspended ? 'Suspended' : 'Converge';
  }

  /** A new generation: everything is judged again that its edit has to do with. */
  replaceGraph(stored: StoredWorkflow, built: BuiltGraph): void {
    const board = this.#boardOver(built.graph);
    if (!sameShape(built.graph, this.graph)) this.release();
    this.stored = stored;
    this.built = built;
    this.settings = settingsOf(stored.object.spec, built.graph);
    this.book.desire(built.graph.byKey);
    this.board = board;
    this.launchOnly = this.launchOnly?.in(built.graph);
    this.#scopes = undefined;
    this.#byFact = undefined;
  }

  apply(entry: TaskEntry): void {
    this.book.apply(entry);
    this.#scopes = undefined;
    this.mark(entry.task);
    if (entry.type === 'TaskMoved') this.mark(entry.to);
    // Tasks that wait for this one's readers or for removed tasks are judged again; there are few of them.
    for (const index of this.board.waitingForReaders()) this.board.mark(index);
    if (entry.type === 'AttemptEnded' && !this.graph.byKey.has(entry.task)) this.#markHeirs(entry.task);
  }

  /** A removed task has ended: whoever is about to make the same may take over what it made. Few are alive when an edit removes them. */
  #markHeirs(removed: string): void {
    const made = lastAttempt(this.book.get(removed))?.execution;
    for (const index of this.board.ready)
      if (this.board.view(index)?.identity?.execution === made) this.board.mark(index);
  }

  unfold(entry: TaskEntry): void {
    this.book.unfold(entry.task);
    if (entry.type === 'TaskMoved') this.book.unfold(entry.to);
  }

  /** What these entries say is in the ledger now. */
  written(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      if (!isTaskEntry(entry)) continue;
      this.#fold(entry.task);
      if (entry.type === 'TaskMoved') this.#fold(entry.to);
    }
  }

  #fold(key: string): void {
    const kept = this.book.fold(key);
    const index = this.graph.byKey.get(key);
    if (kept && index !== undefined) this.board.refer(index, kept.attempts);
  }

  mark(key: string): void {
    const index = this.graph.byKey.get(key);
    if (index !== undefined) this.board.mark(index);
  }

  /** A fact changed: whoever depends on it is judged again. */
  markReaders(lookId: string): void {
    if (this.board.allDirty) return;
    for (const index of this.#readersByFact().get(lookId) ?? []) this.board.mark(index);
  }

  /** Of tasks that an edit has changed those of the base may be wrong, but they are to be judged anyway. */
  #readersByFact(): ReadonlyMap<string, readonly number[]> {
    if (this.#base && sameShape(this.#base.graph, this.graph)) return this.#base.#readersByFact();
    this.#byFact ??= factIndex(this.graph);
    return this.#byFact;
  }

  /** From now on until `ended`: the facts that somebody else than who asks has changed. */
  factsThatChange(ended: AbortSignal): Set<string> {
    const changed = new Set<string>();
    this.#changedFacts.add(changed);
    ended.addEventListener('abort', () => this.#changedFacts.delete(changed));
    return changed;
  }

  setFact(lookId: string, digest: string | undefined): void {
    if (this.facts.get(lookId) === digest) return;
    if (digest === undefined) this.facts.delete(lookId);
    else this.facts.set(lookId, digest);
    this.#factChanged(lookId);
  }

  #factChanged(lookId: string): void {
    if (this.news.delete(lookId)) this.doubtful.add(lookId);
    for (const changed of this.#changedFacts) changed.add(lookId);
    this.markReaders(lookId);
  }

  /** What was seen beside the turns counts from now on. */
  seeNews(): void {
    const news = new Map(this.news);
    this.news.clear();
    this.see(news);
  }

  /** Nobody asks for it any more. */
  release(): void {
    this.heldLooks?.release();
    this.heldLooks = undefined;
  }

  /** What a look has seen. */
  see(facts: ReadonlyMap<string, string>): void {
    for (const [id, digest] of facts) this.setFact(id, digest);
  }

  /** Somebody of ours may write there, or has: what was seen does not count any more. */
  forgetFact(lookId: string): void {
    this.facts.delete(lookId);
    this.#factChanged(lookId);
  }

  template(task: GraphTask): TaskTemplate {
    return this.graph.templates[task.template] as TaskTemplate;
  }

  element(task: GraphTask): Element {
    const group = this.built.expanded.get(this.template(task).name) as ExpandedTemplate;
    return group.elements[task.index - group.first] as Element;
  }

  /** Inputs as the upstreams ended, so far as they have: an expression that guards an absent value binds anew. */
  inputs(task: GraphTask, views: Views = (index) => this.board.view(index)): readonly GraphInput[] {
    if (!task.inputs.some((input) => input.rebinds)) return task.inputs;
    const template = this.template(task);
    const mentioned = new Set<string>();
    for (const { templates } of template.inputs)
      for (const { expressions } of templates)
        for (const { references } of expressions)
          for (const reference of references) if (reference.root === 'tasks') mentioned.add(reference.task);
    // Views change while tasks are judged: nothing of an earlier scope may be believed.
    const scope = this.#scopesNow(views).of(this.element(task), 'relative', mentioned);
    return task.inputs.map((input, i) => {
      if (!input.rebinds) return input;
      const parsed = template.inputs[i] as TaskTemplate['inputs'][number];
      const bound = isAbsentInput(parsed, scope) ? undefined : bindInput(parsed, scope, this.graph.workdir);
      const paths = bound?.ok ? bound.value : [];
      // A maker that no edge leads from has not been waited for: its file counts as anybody's.
      const makerOf = (path: string): number | undefined => {
        const maker = this.graph.producers.get(path);
        return task.upstream.some(({ from }) => from === maker) ? maker : undefined;
      };
      return { ...input, paths, producers: paths.map(makerOf) };
    });
  }

  /** Scopes in which upstreams are as they ended. */
  scopes(): Scopes {
    this.#scopes ??= this.#scopesNow((index) => this.board.view(index));
    return this.#scopes;
  }

  #scopesNow(views: Views): Scopes {
    return new Scopes({
      workdir: this.graph.workdir,
      params: this.stored.object.spec.params ?? {},
      paramTypes: paramTypesOf(this.stored.object.spec),
      workflow: { name: this.stored.object.metadata.name, namespace: this.stored.object.metadata.namespace },
      expanded: this.built.expanded,
      upstream: (index) => this.#upstream(index, views(index)),
    });
  }

  #upstream(index: number, seen: View | undefined): UpstreamState {
    const outputs = new Map<string, readonly string[]>();
    for (const output of seen?.success?.outcome?.outputs ?? [])
      if (output.digest !== ABSENT_DIGEST) outputs.set(output.name, this.#pathsOf(index, output));
    return { phase: seen?.phase ?? 'Pending', reason: seen?.reason ?? '', outputs };
  }

  #pathsOf(index: number, output: OutputRecord): readonly string[] {
    const path = absolutePath(this.graph.workdir, output.path);
    const declared = this.graph.tasks[index]?.outputs.find((o) => o.name === output.name);
    return declared?.form === 'glob' ? (this.matches.get(path) ?? []) : [path];
  }
}

/** Which tasks depend on which look: possible readers of external inputs, users of scripts, makers of outputs. */
function factIndex(graph: Graph): Map<string, number[]> {
  const index = new Map<string, number[]>();
  const add = (look: Look, task: number): void => {
    const id = lookId(look);
    const tasks = index.get(id);
    if (tasks) tasks.push(task);
    else index.set(id, [task]);
  };
  for (const task of graph.tasks) {
    for (const input of task.inputs) for (const look of possibleLooks(input)) add(look, task.index);
    for (const look of codeLooks(task)) add(look, task.index);
    for (const output of task.outputs) add(outputLook(output), task.index);
  }
  return index;
}
