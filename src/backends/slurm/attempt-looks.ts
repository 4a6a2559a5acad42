import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import type { Handled, Observation } from '../backend.ts';
import { limitLogs } from '../process/log-limit.ts';
import { withdraw } from '../process/run-folder.ts';
import { type AttemptBook, newlyOpen, type OpenAttempt } from './attempt-book.ts';
import type { Canceller } from './canceller.ts';
import { keepOpinion, readFolder } from './folder-state.ts';
import { inParts } from './in-parts.ts';
import { type Judgement, judgeAttempt } from './judge-attempt.ts';
import type { SlurmFolder } from './slurm-folder.ts';
import { phaseOf } from './states.ts';

/** Reads the run folders of open attempts when there is reason to, judges, and reports what is new. */
export interface AttemptLooksParts {
  readonly clock: Clock;
  readonly book: AttemptBook;
  readonly folder: SlurmFolder;
  readonly canceller: Canceller;
  readonly graceMs: number;
  readonly report: (observation: Observation) => void;
  readonly cluster: () => string;
}

/** One that does not end when it is told to is ended by Slurm, and told so again after as long. */
const CANCEL_PATIENCE_MS = 20_000;
/** Between two looks at what waits for time to pass. */
const LOOK_AGAIN_MS = 2_000;
/** A controller that has just come back may count a node as answering that it has not heard of yet. */
const NODE_ANSWERS = 2;

export class AttemptLooks {
  readonly #parts: AttemptLooksParts;
  /** What is over, or seems to be, and is not reported as such: by token, when it is looked at again. */
  readonly #unsettled = new Map<string, number>();
  readonly #pending = new Set<Promise<void>>();

  constructor(parts: AttemptLooksParts) {
    this.#parts = parts;
  }

  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** Resolves when nothing is being looked at. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** What elements left for us. */
  async readNews(): Promise<void> {
    const { folder, book } = this.#parts;
    const { started, ended } = await folder.readNews();
    await inParts(ended, async (token) => {
      await this.look(token);
      await folder.forgetNews(token, 'e');
    });
    await inParts(started, async (token) => {
      await this.look(token);
      // It may not have claimed yet: then it is looked at again.
      const open = book.open.get(token);
      if (!open || open.started) await folder.forgetNews(token, 's');
    });
  }

  async lookAtUnsettled(): Promise<void> {
    const now = this.#parts.clock.monotonic();
    const due = [...this.#unsettled].flatMap(([token, at]) => (at <= now ? [token] : []));
    await inParts(due, (token) => this.look(token));
  }

  /** Whatever Slurm's answer may have changed. */
  async lookAfterAnswer(): Promise<void> {
    const due: string[] = [];
    for (const open of this.#parts.book.open.values()) {
      const { word } = open;
      const phase = word.kind === 'Says' ? phaseOf(word.state).phase : undefined;
      const over = phase === 'Over' || word.kind === 'Forgotten';
      if (over || (phase === 'Active' && !open.started) || this.#isLate(open)) due.push(open.token);
    }
    await inParts(due, (token) => this.look(token));
  }

  #isLate({ cancelledAt, graceMs }: OpenAttempt): boolean {
    return cancelledAt !== undefined && this.#parts.clock.monotonic() - cancelledAt > graceMs + CANCEL_PATIENCE_MS;
  }

  /** One look at a time for each; a call during a look makes another follow. */
  look(token: string): Promise<void> {
    const open = this.#parts.book.open.get(token);
    if (!open || open.looks++ > 0) return Promise.resolve();
    const work = this.#lookWhileAsked(open).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
    return work;
  }

  async #lookWhileAsked(open: OpenAttempt): Promise<void> {
    while (open.looks > 0) {
      open.looks = 1;
      await this.#judge(open)
        .then((judged) => this.#act(open, judged))
        .catch(() => this.#lookAgain(open));
      open.looks--;
    }
  }

  async #judge(open: OpenAttempt): Promise<Judgement> {
    const { clock, book, graceMs } = this.#parts;
    const { token, word } = open;
    const folder = await readFolder(open.directory, token);
    const now = clock.monotonic();
    const over = folder.kind === 'Ended' || word.kind === 'Forgotten' || isOver(open);
    open.overSince = over ? (open.overSince ?? now) : undefined;
    const place = book.place(token);
    const job = place?.submission.job?.id ?? '?';
    return judgeAttempt(folder, word, {
      cancelling: open.cancelledAt !== undefined,
      overMs: open.overSince === undefined ? 0 : now - open.overSince,
      graceMs,
      nodeAnswers: (open.askedNode?.answers ?? 0) >= NODE_ANSWERS,
      job: place && place.submission.tasks.length > 1 ? `${job}_${place.index}` : job,
    });
  }

  async #act(open: OpenAttempt, judged: Judgement): Promise<void> {
    const { token, directory } = open;
    if (this.#parts.book.open.get(token) !== open) return;
    switch (judged.step) {
      case 'Queued':
        this.#unsettled.delete(token);
        return;
      case 'Wait':
        return this.#lookAgain(open);
      case 'Running':
        return this.#running(open, judged);
      case 'Ended':
        if (judged.opinion) await keepOpinion(directory, judged.opinion);
        this.#over(open, { token, state: 'Ended', exit: judged.exit });
        return void limitLogs(directory, true);
      case 'Gone':
        return this.#over(open, {
          token,
          state: 'Gone',
          claimed: judged.claimed,
          ...(open.withdrawn ?? { message: judged.message, reason: judged.reason }),
        });
      case 'Withdraw':
        open.withdrawn = { reason: judged.reason, message: judged.message };
        return this.withdraw(token, directory);
      case 'AskNode':
        open.askedNode ??= { name: judged.node, answers: 0 };
        return this.#unknown(open, judged.message);
      case 'Unknown':
        return this.#unknown(open, judged.message);
    }
  }

  /** Takes the claim, if nobody has it: then it never starts, and Slurm need not keep it. */
  async withdraw(token: string, directory: string): Promise<void> {
    const taken = await withdraw(directory, token);
    const place = this.#parts.book.place(token);
    if (taken && place) this.#parts.book.drop(place);
    const open = this.#parts.book.open.get(token);
    if (!open) return;
    if (taken)
      this.#over(open, {
        token,
        state: 'Gone',
        claimed: false,
        ...(open.withdrawn ?? { message: 'withdrawn before it started' }),
      });
    // Somebody has it after all, or nobody can tell.
    else if (open.withdrawn) {
      open.withdrawn = undefined;
      this.#lookAgain(open);
    }
  }

  #running(open: OpenAttempt, { startTime, node }: Extract<Judgement, { step: 'Running' }>): void {
    const { token, directory } = open;
    this.#unsettled.delete(token);
    open.askedNode = undefined;
    const news = !open.started || open.unknown !== undefined;
    open.started = true;
    open.unknown = undefined;
    if (news) this.#parts.report(this.#runningReport(token, directory, startTime, node));
    if (open.cancelledAt !== undefined) this.#end(open);
  }

  #runningReport(token: string, directory: string, startTime: number, node: string): Observation {
    const place = this.#parts.book.place(token);
    const handle: Json = {
      cluster: this.#parts.cluster(),
      job: place?.submission.job?.id ?? '',
      index: place?.index ?? 0,
      submission: place?.submission.name ?? '',
      node,
    };
    return { token, state: 'Running', startTime, handle, directory };
  }

  /** First the runtime is told, which ends its command and writes its record; one that stays is ended by Slurm. */
  #end(open: OpenAttempt): void {
    const place = this.#parts.book.place(open.token);
    if (!place) return;
    const late = this.#isLate(open);
    if (late) open.cancelledAt = this.#parts.clock.monotonic();
    this.#parts.canceller.add(late ? 'End' : 'Term', place.submission, place.index);
  }

  #lookAgain({ token }: OpenAttempt): void {
    this.#unsettled.set(token, this.#parts.clock.monotonic() + LOOK_AGAIN_MS);
  }

  #unknown(open: OpenAttempt, message: string): void {
    this.#lookAgain(open);
    if (open.unknown === message) return;
    open.unknown = message;
    this.#parts.report({ token: open.token, state: 'Unknown', message });
  }

  #over(open: OpenAttempt, observation: Observation): void {
    const { book, folder, report } = this.#parts;
    const { token } = open;
    this.#unsettled.delete(token);
    if (!book.open.delete(token)) return;
    if (open.started) void folder.forgetNews(token, 's');
    report(observation);
  }

  /** Nodes that have to answer before what ran on them is over. */
  nodesToAsk(): readonly string[] {
    const names = new Set<string>();
    for (const token of this.#unsettled.keys()) {
      const asked = this.#parts.book.open.get(token)?.askedNode;
      if (asked) names.add(asked.name);
    }
    return [...names];
  }

  tellNodes(answering: ReadonlySet<string>): void {
    for (const token of this.#unsettled.keys()) {
      const open = this.#parts.book.open.get(token);
      if (!open?.askedNode) continue;
      const { name, answers } = open.askedNode;
      open.askedNode = { name, answers: answering.has(name) ? answers + 1 : 0 };
    }
  }

  /** The present state of an attempt of an earlier daemon. What is not settled is reported later. */
  async observe({ token, directory }: Handled): Promise<Observation> {
    if (directory === undefined) return { token, state: 'Absent' };
    const known = this.#parts.book.open.get(token);
    const open = known ?? newlyOpen(token, directory, 0);
    const judged = await this.#judge(open);
    switch (judged.step) {
      case 'Ended':
        if (judged.opinion) await keepOpinion(directory, judged.opinion);
        this.#parts.book.open.delete(token);
        return { token, state: 'Ended', exit: judged.exit };
      case 'Gone':
        this.#parts.book.open.delete(token);
        return { token, state: 'Gone', claimed: judged.claimed, message: judged.message, reason: judged.reason };
      case 'Running':
        if (!this.#parts.book.place(token))
          return { token, state: 'Unknown', message: `its submission is not in ${this.#parts.folder.submissions}` };
        open.started = true;
        this.#parts.book.open.set(token, open);
        return this.#runningReport(token, directory, judged.startTime, judged.node);
      case 'Queued':
        return { token, state: known ? 'Queued' : 'Absent' };
      case 'Unknown':
      case 'AskNode':
      case 'Wait':
      case 'Withdraw':
        this.#parts.book.open.set(token, open);
        this.#lookAgain(open);
        if (judged.step !== 'Unknown' && judged.step !== 'AskNode') return { token, state: 'Queued' };
        open.unknown = judged.message;
        return { token, state: 'Unknown', message: judged.message };
    }
  }
}

function isOver({ word }: OpenAttempt): boolean {
  return word.kind === 'Says' && phaseOf(word.state).phase === 'Over';
}
