import type { WorkflowSpec } from '../../../src/apis/workflow.ts';
import { buildGraph } from '../../../src/graph/build.ts';
import type { Graph, GraphTask } from '../../../src/graph/graph.ts';
import { Board } from '../../../src/planning/board.ts';
import { type Decision, decide } from '../../../src/planning/decide.ts';
import { lookId, outputLook } from '../../../src/planning/facts.ts';
import type { TaskEntry } from '../../../src/planning/journal.ts';
import type { Attempt, Outcome } from '../../../src/planning/record.ts';
import { RecordBook } from '../../../src/planning/record-book.ts';
import type { RetryRules } from '../../../src/planning/retry-policy.ts';
import type { Settings, Snapshot } from '../../../src/planning/snapshot.ts';
import type { View } from '../../../src/planning/view.ts';

/** A graph, a ledger and facts, in which a test says what happened and asks what is concluded from it. */
export const RULES: RetryRules = {
  limit: 1,
  backoff: { initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0 },
  reasons: undefined,
  exitCodes: undefined,
};
const SETTINGS: Settings = {
  parallelism: 0,
  failurePolicy: 'Continue',
  convergence: 'Reevaluate',
  onChangeWhileRunning: 'Restart',
  prune: 'Delete',
  retry: () => RULES,
};

export const NOW = 1_000_000;
const NEEDS = { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 };

export function graphOf(spec: WorkflowSpec): Graph {
  const built = buildGraph({ name: 'w', namespace: 'default', spec, folder: '/w', sheets: new Map() });
  if (!built.ok) throw new Error(built.error.map((d) => d.message).join('; '));
  return built.value.graph;
}

export class Situation {
  graph: Graph;
  readonly book: RecordBook;
  readonly facts = new Map<string, string>();
  readonly unrestorable = new Set<string>();
  readonly unmovable = new Set<string>();
  readonly unconfirmed = new Set<string>();
  settings = SETTINGS;
  mode: Snapshot['mode'] = 'Converge';
  now = NOW;
  room: Snapshot['room'] = () => ({ cpu: 8, memoryBytes: 1, gpu: 0, attempts: 8, ahead: () => 0 });
  last: Decision | undefined;
  #board: Board;

  constructor(spec: WorkflowSpec) {
    this.graph = graphOf(spec);
    this.book = new RecordBook([], this.graph.byKey);
    this.#board = new Board(this.graph);
  }

  edit(spec: WorkflowSpec): void {
    this.graph = graphOf(spec);
    this.book.desire(this.graph.byKey);
  }

  happens(entry: TaskEntry): void {
    this.book.apply(entry);
    if (entry.type !== 'AttemptEnded') return;
    // What it stamped is known without a look, as the reconciler has it.
    for (const write of this.book.get(entry.task)?.attempts.at(-1)?.writes ?? []) {
      const made = entry.outcome.outputs.find((o) => o.name === write.name);
      if (made) this.facts.set(write.lookId, made.digest);
      else this.facts.delete(write.lookId);
    }
  }

  task(key: string): GraphTask {
    return this.graph.tasks[this.graph.byKey.get(key) as number] as GraphTask;
  }

  /** A full judgement. */
  view(key: string): View {
    this.#board = new Board(this.graph);
    this.last = decide(this.#board, this.#snapshot());
    return this.#board.view(this.graph.byKey.get(key) as number) as View;
  }

  actions(): string[] {
    this.view(this.graph.tasks[0]?.key as string);
    return (this.last?.actions ?? []).map((a) => `${a.kind} ${a.key}`);
  }

  #snapshot(): Snapshot {
    return {
      now: this.now,
      generation: 1,
      graph: this.graph,
      settings: this.settings,
      records: this.book,
      facts: this.facts,
      unrestorable: this.unrestorable,
      unmovable: this.unmovable,
      unconfirmed: this.unconfirmed,
      room: this.room,
      following: new Set<string>(),
      needs: () => NEEDS,
      inputs: (index) => this.graph.tasks[index]?.inputs ?? [],
      mode: this.mode,
    };
  }

  /** Intends the attempt that the present judgement would make. */
  intend(key: string, part: Partial<Attempt> = {}): Attempt {
    const { identity } = this.view(key);
    if (!identity) throw new Error(`${key} has no identity yet`);
    const task = this.task(key);
    const number = (this.book.get(key)?.attempts.at(-1)?.number ?? 0) + 1;
    const attempt: Attempt = {
      number,
      uid: `${key}-${number}`,
      state: 'Intended',
      generation: 1,
      definition: identity.definition,
      execution: identity.execution,
      handling: task.handling,
      preimage: { templateDigest: task.preimage.templateDigest, values: {}, code: {} },
      contributions: identity.contributions,
      because: [],
      needs: NEEDS,
      backend: 'memory',
      createTime: this.now,
      reads: [],
      writes: task.outputs.map((o) => ({ name: o.name, path: o.relative, lookId: lookId(outputLook(o)) })),
      directory: `/runs/${key}-${number}`,
      ...part,
    };
    this.happens({ type: 'AttemptIntended', task: key, attempt });
    return attempt;
  }

  start(key: string, part: Partial<Attempt> = {}): Attempt {
    const attempt = this.intend(key, part);
    const { number, directory } = attempt;
    this.happens({ type: 'AttemptStarted', task: key, number, startTime: this.now, handle: undefined, directory });
    for (const write of attempt.writes) this.facts.delete(write.lookId);
    return attempt;
  }

  run(key: string, outcome: Partial<Outcome> = {}): Attempt {
    const attempt = this.start(key);
    const phase = outcome.phase ?? 'Succeeded';
    const made =
      phase === 'Succeeded' ? attempt.writes.map(({ name, path }) => ({ name, path, digest: `sha256:${key}` })) : [];
    this.happens({
      type: 'AttemptEnded',
      task: key,
      number: attempt.number,
      outcome: {
        phase,
        reason: phase === 'Failed' ? 'ExitCode' : 'Completed',
        finishTime: this.now,
        outputs: made,
        ...outcome,
      },
    });
    return attempt;
  }

  fact(path: string, digest: string): void {
    this.facts.set(`${path}`, digest);
  }
}
