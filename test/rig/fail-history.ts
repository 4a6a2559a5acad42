import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TaskItem } from '../../src/apis/task-view.ts';
import { FAIL_POINTS } from '../../src/base/fail-point.ts';
import { connectClient, type HomeClient } from '../../src/cli/client.ts';
import { readHolder } from '../../src/server/holder.ts';
import { openDatabase } from '../../src/store/database.ts';
import { type Ran, Sandbox, type Started } from './cli.ts';
import { until } from './eventually.ts';
import { type Step, type Work, writeWhereNothingLies } from './fail-work.ts';
import { claimedRuntimes, isAlive, signalQuietly } from './processes.ts';
import { clear, type Expectation, judge } from './soak-oracle.ts';
import { spansByTask } from './task-log.ts';

// A life in which whoever passes a fail point dies there, and the next, and the next, and one that is left alone and has to bring
// all to the end that an undisturbed life has.

export type FailPoint = keyof typeof FAIL_POINTS;

export interface Arm {
  readonly point: FailPoint;
  readonly at: number;
}

export interface Played {
  readonly hits: readonly Arm[];
  readonly missed: readonly Arm[];
  readonly violations: readonly string[];
}

export interface Setting {
  readonly work: Work;
  /** Of every life. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Run folders lie on another file system than outputs. */
  readonly runs: string | undefined;
}

interface Life {
  readonly arm: Arm | undefined;
  readonly process: Started;
  readonly notes: string;
  /** In which it began. */
  readonly round: number;
  /** Killed by us as soon as there is something to be left behind. */
  readonly orphans: boolean;
  client: HomeClient | undefined;
  killed: boolean;
}

const POLL_MS = 150;
const REF = { namespace: 'default', name: 'w' };
/** Digests of younger files are not kept. */
const SETTLED_MS = 3_000;
/** More lines than live digests are worth: the next that is written makes the file anew. */
const JUNK_DIGESTS = 'not a digest\n'.repeat(1_100);

const effectOf = ({ point }: Arm): string => point.slice(0, point.indexOf('.'));
/** Those of the daemon's own process. */
const OURS: ReadonlySet<string> = new Set(['program', 'slurm']);
export const isProgram = ({ point }: Arm): boolean => OURS.has(FAIL_POINTS[point][0]);
export const armText = ({ point, at }: Arm): string => `${point}@${at}`;
/** Passed when the process is told to end. */
const AT_STOP: ReadonlySet<string> = new Set(['close', 'dismiss', 'leave', 'unlock']);

class Stuck extends Error {}

export class FailHistory {
  readonly #box = new Sandbox();
  readonly #setting: Setting;
  readonly #queue: Arm[];
  readonly #hits: Arm[] = [];
  readonly #missed: Arm[] = [];
  readonly #violations: string[] = [];
  /** Pids of processes that died at a fail point. */
  readonly #dead = new Set<number>();
  /** Run folders of attempts whose runtime was killed. */
  readonly #hitFolders = new Set<string>();
  #life: Life | undefined;
  #lives = 0;
  #orphaned = false;
  #rounds = 0;
  /** As the last life saw them. */
  #tasks: readonly TaskItem[] = [];

  constructor(setting: Setting, arms: readonly Arm[]) {
    this.#setting = setting;
    this.#queue = [...arms];
  }

  async play(): Promise<Played> {
    const box = this.#box;
    try {
      this.#setting.work.prepare(box);
      do await this.#round();
      while (this.#queue.length > 0 || this.#isWaiting());
      await this.#end();
      await this.#judge();
    } catch (error) {
      if (!(error instanceof Stuck)) throw error;
      this.#violations.push(error.message);
    } finally {
      this.#life?.client?.close();
      await this.#setting.work.clear?.(box);
      await clear(box);
      if (this.#setting.runs !== undefined) rmSync(this.#setting.runs, { recursive: true, force: true });
    }
    return { hits: this.#hits, missed: [...this.#missed, ...this.#queue], violations: this.#violations };
  }

  async #round(): Promise<void> {
    const edition = ++this.#rounds;
    for (const step of this.#setting.work.steps(this.#box, edition)) await this.#take(step);
    if (!this.#isWaiting()) await this.#stop();
  }

  /** It has not come to its fail point, nor had a whole round for that. */
  #isWaiting(): boolean {
    const life = this.#life;
    return life?.arm !== undefined && !this.#isOver() && !this.#hasFired(life) && life.round === this.#rounds;
  }

  /** Asks for it, in this life or another, until it is so. */
  async #take(step: Step): Promise<void> {
    const { patienceMs, patienceOfDeathMs } = this.#setting.work;
    const end = performance.now() + patienceMs + patienceOfDeathMs * this.#queue.length;
    for (;;) {
      const client = await this.#living();
      if ((await this.#ask(client, step)) && (await this.#comesTrue(client, step, end))) return;
    }
  }

  async #ask(client: HomeClient, step: Step): Promise<boolean> {
    const { document, request } = step;
    const asked = await (document ? client.apply(document) : request ? client.request(REF, request) : undefined)?.catch(
      () => undefined,
    );
    if (asked?.ok) return true;
    if (asked && asked.error.reason !== 'Unavailable' && !this.#isOver())
      throw new Stuck(`${step.name} was refused: ${asked.error.message}`);
    await this.#gone(`${step.name} could not be asked for`);
    return false;
  }

  /** False: whoever was asked has died. */
  async #comesTrue(client: HomeClient, step: Step, end: number): Promise<boolean> {
    const stopsNow = this.#life?.arm !== undefined && AT_STOP.has(effectOf(this.#life.arm));
    if (stopsNow) await this.#stop();
    for (;;) {
      if (this.#isOver()) return false;
      const asking = step.seems() || performance.now() > end;
      const listed = asking ? await client.tasks(REF).catch(() => undefined) : undefined;
      if (listed?.ok) this.#tasks = listed.value;
      const tasks = new Map(this.#tasks.map((item) => [item.metadata.name, item]));
      if (listed?.ok && step.done(tasks)) return true;
      if (performance.now() > end) throw new Stuck(`${step.name} did not come true:\n${this.#situation(tasks)}`);
      await this.#disturb();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #situation(tasks: ReadonlyMap<string, TaskItem>): string {
    const shown = [...tasks].map(([name, { status }]) => `${name} ${status.phase} ${status.reason} ${status.message}`);
    const ended = shown.filter((line) => !line.includes(' Succeeded Completed'));
    const wrong = this.#setting.work.wrongFiles(this.#box, this.#rounds);
    return [...ended, ...wrong, this.#life?.process.stderr.split('\n').slice(-8).join('\n') ?? ''].join('\n');
  }

  /** What befalls a life beside its fail point. */
  async #disturb(): Promise<void> {
    const life = this.#life as Life;
    if (life.orphans) {
      const slow = claimedRuntimes(this.#box.dir).filter(({ folder }) => folder.includes('/slow'));
      if (slow.length === 0) return;
      await this.#kill();
      for (const { pid, folder } of slow) {
        this.#hitFolders.add(folder);
        signalQuietly(pid, 'SIGKILL');
      }
      this.#orphaned = true;
    } else if (life.arm && !isProgram(life.arm) && this.#hasFired(life)) {
      // Every other one is left to the living daemon, which has to find out by itself.
      if (life.arm.at % 2 === 1) await this.#kill();
    }
  }

  async #living(): Promise<HomeClient> {
    for (;;) {
      if (this.#life === undefined || this.#isOver()) await this.#begin();
      const life = this.#life as Life;
      if (life.client) return life.client;
      await until('it serves or is gone', () => life.process.over || life.process.stderr.includes('serving'));
      if (life.process.over) continue;
      const holder = await readHolder(this.#box.state);
      life.client = holder && connectClient(holder.socket);
      if (life.client) return life.client;
    }
  }

  async #begin(): Promise<void> {
    await this.#conclude();
    const orphans = !this.#orphaned && this.#queue[0] !== undefined && effectOf(this.#queue[0]) === 'kill';
    const arm = orphans ? undefined : this.#queue.shift();
    this.#orphaned = false;
    this.#lives++;
    const notes = this.#box.path('notes', String(this.#lives));
    mkdirSync(notes, { recursive: true });
    if (arm) await this.#prepareFiles(arm);
    const { runs, env: more } = this.#setting;
    const env = { ...more, FIXPOINT_FAIL_POINT: arm && armText(arm), FIXPOINT_FAIL_NOTES: notes };
    const words = ['daemon', '--cpus', '16', ...(runs === undefined ? [] : ['--runs', runs])];
    const process = this.#box.startWith({ env }, ...words);
    this.#life = { arm, process, notes, round: this.#rounds, orphans, client: undefined, killed: false };
  }

  /** What lies there decides what is written and moved. */
  async #prepareFiles(arm: Arm): Promise<void> {
    // The disk is asked for its time where the newest file that was seen does not tell enough, and is old enough for us to care.
    if (effectOf(arm) === 'time') await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    if (!existsSync(this.#box.state)) return;
    const path = this.#box.path('.fixpoint', 'digests');
    if (effectOf(arm) === 'aside') writeWhereNothingLies(this.#box);
    else if (effectOf(arm) === 'rewrite') writeFileSync(path, JUNK_DIGESTS);
    else if (effectOf(arm) === 'digests' || effectOf(arm) === 'time') rmSync(path, { force: true });
  }

  #isOver(): boolean {
    return this.#life?.process.over ?? true;
  }

  async #gone(what: string): Promise<void> {
    await until(`it is gone, since ${what}`, () => this.#isOver(), 10_000).catch((error: unknown) => {
      throw new Stuck(String(error));
    });
  }

  #hasFired({ arm, notes }: Life): boolean {
    return arm !== undefined && existsSync(`${notes}/${armText(arm)}`);
  }

  /** A life is over: did it die where it was told to? */
  async #conclude(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (!life) return;
    life.client?.close();
    const ran = await life.process.ended;
    const fired = this.#hasFired(life);
    if (life.arm) (fired ? this.#hits : this.#missed).push(life.arm);
    if (fired && life.arm) await this.#checkDeath(life.arm, life, ran);
    else if (!life.killed && ran.code !== 0)
      this.#violations.push(`a daemon ended by itself: ${ran.code ?? ran.signal}\n${ran.stderr.slice(-2_000)}`);
  }

  async #checkDeath(arm: Arm, life: Life, ran: Ran): Promise<void> {
    const pid = Number(readFileSync(`${life.notes}/${armText(arm)}`, 'utf8'));
    this.#dead.add(pid);
    if (isProgram(arm)) {
      if (ran.signal !== 'SIGKILL') this.#violations.push(`${armText(arm)}: passed, and it lived on`);
    } else await until(`${armText(arm)}: ${pid} is dead`, () => !isAlive(pid), 5_000);
  }

  async #kill(): Promise<void> {
    const life = this.#life as Life;
    life.killed = true;
    await life.process.kill('SIGKILL');
  }

  async #stop(): Promise<void> {
    await this.#life?.process.kill('SIGTERM');
  }

  /** The last life is not disturbed, and ends in order. */
  async #end(): Promise<void> {
    await this.#conclude();
    const rest = this.#setting.work.steps(this.#box, this.#rounds).at(-1) as Step;
    await this.#take(rest);
    this.#violations.push(...((await this.#setting.work.leftElsewhere?.(this.#box)) ?? []));
    await this.#stop();
    await this.#conclude();
  }

  async #judge(): Promise<void> {
    const box = this.#box;
    const { work } = this.#setting;
    const expected = work.expectations(this.#rounds);
    const told = new Set(this.#tasks.flatMap(({ status }) => status.attempts.map(({ directory }) => directory)));
    for (const folder of this.#torn()) this.#hitFolders.add(folder);
    for (const { key, folder } of this.#runFoldersOfDead(expected)) {
      this.#hitFolders.add(folder);
      // The record of a task that left and came back does not tell of it any more.
      if (!told.has(folder)) (expected.get(key) as Expectation).again++;
    }
    const repeated = this.#repeated();
    const verdict = await judge(box, expected, this.#hitFolders);
    const { lost, doubled, overlapping, leftOver } = verdict;
    this.#violations.push(
      ...lost,
      ...doubled,
      ...overlapping,
      ...leftOver,
      ...repeated,
      ...work.wrongFiles(box, this.#rounds),
    );
    const ledger = openDatabase(box.path('.fixpoint', 'fixpoint.db'), { readOnly: true, check: 'Full' });
    if (ledger.ok) ledger.value.close();
    else this.#violations.push(ledger.error);
  }

  /** Attempts whose runtime nobody killed: each was asked for, and no death is a reason for one more. */
  #repeated(): string[] {
    const allowed = this.#setting.work.expectations(this.#rounds);
    return [...spansByTask(this.#box.path('log'))].flatMap(([key, spans]) => {
      const folders = [...this.#hitFolders].filter((folder) => folder.includes(`/${key.replace('/', '+')}/`));
      const killed = new Set(folders.map((folder) => Number(basename(folder).split('-')[0])));
      const whole = spans.filter(({ attempt }) => !killed.has(attempt)).map(({ attempt }) => attempt);
      const most = 1 + (allowed.get(key)?.again ?? -1);
      return whole.length > most
        ? [`${key}: ran ${whole.length} times, not ${most}: attempts ${whole.join(', ')}`]
        : [];
    });
  }

  /** Lost attempts whose claim was torn by a death. */
  #torn(): string[] {
    // Launches are withdrawn all at once.
    const withdrew = this.#hits.some((arm) => effectOf(arm) === 'withdraw');
    const torn = withdrew ? undefined : this.#hits.filter(({ point }) => point.endsWith('.torn')).length;
    return this.#tasks
      .flatMap(({ status }) => status.attempts)
      .flatMap(({ reason, directory }) => (reason === 'Lost' && directory !== undefined ? [directory] : []))
      .filter((folder) => readFileSync(`${folder}/claim`, 'utf8') === '')
      .slice(0, torn);
  }

  /** Run folders whose claim names a runtime that died at a fail point. */
  #runFoldersOfDead(expected: ReadonlyMap<string, Expectation>): { readonly key: string; readonly folder: string }[] {
    const runs = join(this.#setting.runs ?? `${this.#box.state}/runs`, 'w');
    return [...expected.keys()].flatMap((key) => {
      const ofTask = join(runs, key.replace('/', '+'));
      const folders = existsSync(ofTask) ? readdirSync(ofTask).map((name) => join(ofTask, name)) : [];
      return folders.flatMap((folder) => {
        const claim = existsSync(`${folder}/claim`) ? readFileSync(`${folder}/claim`, 'utf8') : '';
        return this.#dead.has(Number(/"pid":(\d+)/.exec(claim)?.[1])) ? [{ key, folder }] : [];
      });
    });
  }
}
