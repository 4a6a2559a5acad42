import { displacedPath } from '../../src/backends/memory/memory-files.ts';
import type { MemoryAttempt, MemoryWorld } from '../../src/backends/memory/memory-world.ts';
import { absolutePath } from '../../src/graph/paths.ts';
import { ABSENT_DIGEST } from '../../src/planning/facts.ts';
import { isTaskEntry, type Records, reduce, type TaskEntry } from '../../src/planning/journal.ts';
import { type Attempt, lastSuccess, liveAttempt, type TaskRecord } from '../../src/planning/record.ts';
import type { Batch } from '../../src/store/store.ts';
import { FOLDER } from './random-workflow.ts';

/**
 * Watches world and ledger for what must never happen, whatever fails and whenever the daemon dies. It keeps records
 * of its own by replaying what was committed.
 */
export class Witness {
  readonly violations: string[] = [];
  /** By workflow uid. */
  readonly records = new Map<string, Records>();
  /** Task entries committed so far. */
  entries = 0;
  /** Keys of tasks of which an attempt was claimed since the last edit. */
  ran = new Set<string>();
  /** An attempt ended without success since the last edit. */
  troubled = false;
  readonly #world: MemoryWorld;
  readonly #cores: number;
  readonly #say: (line: string) => void;

  constructor(world: MemoryWorld, cores: number, say: (line: string) => void) {
    this.#world = world;
    this.#cores = cores;
    this.#say = say;
    world.watchers.push({ started: (a) => this.#started(a), over: (a) => this.#over(a) });
  }

  /** Task entries committed before the document in force was. */
  entriesAtEpoch = 0;

  newEpoch(): void {
    this.entriesAtEpoch = this.entries;
    this.ran = new Set();
    this.troubled = false;
  }

  #violated(rule: string): void {
    this.#say(`VIOLATION ${rule}`);
    this.violations.push(rule);
  }

  #started({ launch }: MemoryAttempt): void {
    this.#say(`  ${launch.key} #${launch.number} starts`);
    this.ran.add(launch.key);
    const writes = new Set(launch.outputs.map((o) => o.path));
    const cpu = this.#world.alive().reduce((sum, { launch: { needs } }) => sum + needs.cpu, 0);
    if (cpu > this.#cores)
      this.#violated(`capacity: ${launch.key} #${launch.number} starts: ${cpu} of ${this.#cores} cores`);
    for (const other of this.#world.alive()) {
      if (other.launch.token === launch.token) continue;
      const who = `${launch.key} #${launch.number} starts while ${other.launch.key} #${other.launch.number} is alive`;
      if (other.launch.key === launch.key) this.#violated(`P2 ${who}`);
      if (other.launch.outputs.some((o) => writes.has(o.path))) this.#violated(`P2 ${who} and writes the same file`);
      if (other.reads.some((path) => writes.has(path)) && !other.cancelled)
        this.#violated(`readers: ${who} and reads its output`);
    }
  }

  #over({ launch, state, exit, cancelled }: MemoryAttempt): void {
    const how =
      state === 'Lost' ? 'is lost' : `ends ${exit?.verdict} ${exit?.exitCode ?? ''}${exit?.problem?.reason ?? ''}`;
    this.#say(`  ${launch.key} #${launch.number} ${how}`);
    if (state === 'Lost' || cancelled || exit?.verdict !== 'Exited' || exit.exitCode !== 0) this.troubled = true;
  }

  // -- the ledger -------------------------------------------------------------------------------------------------

  committed(batch: Batch): void {
    for (const { from, to } of batch.inherit ?? []) {
      this.records.set(to, this.records.get(from) ?? new Map());
      this.records.delete(from);
    }
    for (const { workflow, entry } of batch.entries ?? []) {
      if (!isTaskEntry(entry)) {
        if (entry.type === 'WorkflowApplied') this.newEpoch();
        if (entry.type !== 'WorkflowPhase')
          this.#say(`  journal ${entry.type} ${'message' in entry ? entry.message : ''}`);
        continue;
      }
      this.entries++;
      const records = this.records.get(workflow) ?? new Map<string, TaskRecord>();
      this.records.set(workflow, records);
      this.#say(`  journal ${brief(entry)}`);
      this.#check(records, entry);
      reduce(records, entry);
    }
    for (const uid of batch.forget ?? []) this.records.delete(uid);
  }

  #check(records: Records, entry: TaskEntry): void {
    const record = records.get(entry.task);
    if (entry.type === 'AttemptIntended') this.#intended(record, entry.attempt, entry.task);
    else if (entry.type === 'AttemptEnded') this.#ended(record, entry);
    else if (entry.type === 'TaskMoved' && (records.get(entry.to)?.attempts.length ?? 0) > 0)
      this.#violated(`${entry.task} is moved over the record of ${entry.to}`);
    else if (entry.type === 'TaskPruned' && liveAttempt(record))
      this.#violated(`${entry.task} is pruned while it is alive`);
  }

  #intended(record: TaskRecord | undefined, attempt: Attempt, key: string): void {
    const who = `${key} #${attempt.number}`;
    if ((record?.attempts.at(-1)?.number ?? 0) >= attempt.number)
      this.#violated(`P3 ${who}: the number was used before`);
    if (liveAttempt(record))
      this.#violated(`P2 ${who} is intended while #${liveAttempt(record)?.number} has no outcome`);
    if (this.#world.attempts.has(attempt.uid)) this.#violated(`P2 ${who}: its token ${attempt.uid} was used before`);
    const success = lastSuccess(record);
    if (!record || !success || success.execution !== attempt.execution || attempt.backend === 'by-hand') return;
    const outputs = success.outcome?.outputs ?? [];
    if (attempt.writes.length === 0) {
      if (record.attempts.every((a) => a.number <= success.number || a.startTime === undefined))
        this.#violated(`P2 ${who} runs again although #${success.number} stands`);
      return;
    }
    // An attempt that made some of its outputs before it failed may have made them as they were, by chance of ours.
    if (record.attempts.some((a) => a.number > success.number && a.outcome?.reason === 'MissingOutput')) return;
    const inPlace = attempt.writes.every((w) => {
      const made = outputs.find((o) => o.name === w.name && o.path === w.path);
      if (!made) return false;
      const { files } = this.#world;
      const aside =
        success.directory === undefined ? ABSENT_DIGEST : files.digest(displacedPath(success.directory, w.name));
      return files.digest(absolutePath(FOLDER, w.path)) === made.digest || aside === made.digest;
    });
    if (inPlace) this.#violated(`P2 ${who} runs again although the outputs of #${success.number} are there`);
  }

  #ended(
    record: TaskRecord | undefined,
    { task, number, outcome }: Extract<TaskEntry, { type: 'AttemptEnded' }>,
  ): void {
    const attempt = record?.attempts.find((a) => a.number === number);
    const who = `${task} #${number}`;
    if (!attempt || attempt.state === 'Ended') return this.#violated(`P3 ${who} ends twice, or never began`);
    if (attempt.backend === 'by-hand') return;
    const real = this.#world.attempts.get(attempt.uid);
    if (real?.state === 'Running') this.#violated(`P2 ${who} is recorded as ${outcome.phase} while it runs`);
    if (outcome.phase === 'Succeeded' && (real?.state !== 'Ended' || real.exit?.exitCode !== 0))
      this.#violated(`P3 ${who} is recorded as Succeeded and did not succeed`);
    const well = real?.state === 'Ended' && real.exit?.verdict === 'Exited' && real.exit.exitCode === 0;
    if (outcome.phase !== 'Succeeded' && well && outcome.reason !== 'InputChanged')
      this.#violated(`P2 ${who} succeeded and is recorded as ${outcome.reason}`);
    if (outcome.reason === 'Lost' && real?.state !== 'Lost')
      this.#violated(`P6 ${who} is recorded as Lost and is ${real?.state}`);
  }
}

function brief(entry: TaskEntry): string {
  switch (entry.type) {
    case 'AttemptIntended':
      return `Intended ${entry.task} #${entry.attempt.number} ${entry.attempt.uid} definition ${entry.attempt.definition.slice(0, 6)} execution ${entry.attempt.execution.slice(0, 6)}`;
    case 'AttemptEnded':
      return `${entry.start ? 'Started, ' : ''}Ended ${entry.task} #${entry.number} ${entry.outcome.phase} ${entry.outcome.reason}`;
    case 'AttemptStarted':
      return `Started ${entry.task} #${entry.number}`;
    case 'TaskMoved':
      return `Moved ${entry.task} to ${entry.to}`;
    default:
      return `${entry.type} ${entry.task}`;
  }
}
