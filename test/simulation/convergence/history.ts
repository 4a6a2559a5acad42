import type { Plan } from '../../../src/apis/task-view.ts';
import { invented, untold } from './causes.ts';
import { documentOf } from './document.ts';
import { randomEdit } from './edits.ts';
import type { Model } from './model.ts';
import { type Ran, RealHome } from './real-home.ts';
import { Reference, type Round } from './reference.ts';
import type { SeededRandom } from './seeded-random.ts';
import { outputPaths, World } from './world.ts';

export interface HistoryOptions {
  readonly folder: string;
  readonly random: SeededRandom;
  readonly model: Model;
  readonly edits: number;
}

export interface Played {
  /** How many tasks ran after an edit, all edits together; and how many were there to run. */
  readonly ran: number;
  readonly tasks: number;
  readonly edits: number;
}

/** One workflow through many edits; after each everything is compared. Throws with the story so far. */
export class History {
  readonly #random: SeededRandom;
  readonly #world: World;
  readonly #home: RealHome;
  readonly #edits: number;
  #model: Model;
  /** What a revert goes back to. */
  readonly #past: { readonly model: Model; readonly bringBack: () => void }[] = [];
  readonly #story: string[] = [];
  #serial = 0;

  private constructor(options: HistoryOptions, home: RealHome) {
    this.#random = options.random;
    this.#model = options.model;
    this.#edits = options.edits;
    this.#home = home;
    this.#world = new World(options.folder, new Reference());
  }

  static async play(options: HistoryOptions): Promise<Played> {
    const home = await RealHome.open(options.folder);
    const history = new History(options, home);
    try {
      return await history.#playAll();
    } catch (error) {
      throw new Error(`${String(error)}\n\nThe story:\n${history.#story.join('\n')}`, { cause: error });
    } finally {
      await home.close();
    }
  }

  async #playAll(): Promise<Played> {
    let ran = 0;
    let tasks = 0;
    this.#story.push('0 created');
    await this.#step();
    for (let i = 1; i <= this.#edits; i++) {
      const what = this.#edit();
      this.#story.push(`${i} ${what}`);
      if (this.#random.chance(0.1)) {
        await this.#home.reopen();
        this.#story.push('  opened again');
      }
      const round = await this.#step();
      ran += round.ran.size;
      tasks += this.#model.tasks.length;
    }
    await this.#nothingMoves();
    await this.#compareWithScratch();
    return { ran, tasks, edits: this.#edits };
  }

  #edit(): string {
    const random = this.#random;
    this.#past.push({ model: this.#model, bringBack: this.#world.remember() });
    if (this.#past.length > 1 && random.chance(0.2)) {
      const back = this.#past[Math.max(0, this.#past.length - 2 - random.below(2))];
      this.#model = back?.model ?? this.#model;
      back?.bringBack();
      return 'revert';
    }
    const whats: string[] = [];
    for (let edits = random.chance(0.2) ? 2 : 1; edits > 0; edits--) {
      const edited = randomEdit({
        random,
        model: this.#model,
        world: this.#world,
        reference: this.#world.reference,
        serial: ++this.#serial,
      });
      this.#model = edited.model;
      whats.push(edited.what);
    }
    return whats.join(' and ');
  }

  async #step(): Promise<Round> {
    const document = documentOf(this.#model, this.#world.folder);
    const plan = await this.#home.plan(document);
    await this.#home.apply(document);
    await this.#home.rest();
    const ran = await this.#home.ranSince();
    const expected = this.#world.reference.converge(this.#model);
    this.#story.push(`  ran: ${[...ran.keys()].join(' ') || 'nothing'}`);
    const wrong = [
      ...compareRuns(expected, ran),
      ...(await this.#comparePhases(expected)),
      ...compareWithPlan(this.#model, plan, ran, expected),
      ...this.#compareFiles(expected),
      ...compareCauses(expected, ran),
    ];
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return expected;
  }

  async #comparePhases(expected: Round): Promise<string[]> {
    const wrong: string[] = [];
    for (const { metadata, status } of await this.#home.tasks()) {
      const phase = expected.phases.get(metadata.name);
      if (status.phase !== phase)
        wrong.push(`${metadata.name} is ${status.phase} (${status.reason}), expected ${phase}`);
    }
    return wrong;
  }

  /** Outputs of what succeeded; what failed leaves whatever it left. */
  #compareFiles(expected: Round): string[] {
    const wrong: string[] = [];
    for (const task of this.#model.tasks) {
      if (expected.phases.get(task.name) !== 'Succeeded') continue;
      for (const { path } of task.outputs) {
        const [real, wanted] = [this.#world.read(path), this.#world.reference.content(path)];
        if (real !== wanted) wrong.push(`${path} holds ${JSON.stringify(real)}, expected ${JSON.stringify(wanted)}`);
      }
    }
    return wrong;
  }

  /** The same document again: no attempt, and not one line in the journal. */
  async #nothingMoves(): Promise<void> {
    const before = (await this.#home.events()).at(-1)?.resourceVersion;
    await this.#home.apply(documentOf(this.#model, this.#world.folder));
    await this.#home.rest();
    const after = await this.#home.events(before);
    if (after.length > 0) throw new Error(`an unchanged document moved something: ${JSON.stringify(after)}`);
  }

  /** The final bytes are those of a workflow that was never anything else. */
  async #compareWithScratch(): Promise<void> {
    const folder = `${this.#world.folder}-scratch`;
    const fresh = new World(folder, new Reference());
    for (const path of this.#world.reference.world.keys())
      if (path.startsWith('ext')) fresh.write(path, this.#world.reference.content(path) ?? '');
    for (const [path, script] of this.#world.reference.scripts) fresh.writeScript(path, script);
    const home = await RealHome.open(folder);
    try {
      await home.apply(documentOf(this.#model, folder));
      await home.rest();
      const made = new Set(
        (await home.tasks()).filter(({ status }) => status.phase === 'Succeeded').map((t) => t.metadata.name),
      );
      for (const path of outputPaths({ ...this.#model, tasks: this.#model.tasks.filter(({ name }) => made.has(name)) }))
        if (fresh.read(path) !== this.#world.read(path))
          throw new Error(`${path} is not what a run from scratch makes`);
    } finally {
      await home.close();
    }
  }
}

function compareRuns(expected: Round, ran: ReadonlyMap<string, Ran>): string[] {
  const wrong: string[] = [];
  for (const name of ran.keys())
    if (!expected.ran.has(name)) wrong.push(`${name} ran and need not (${JSON.stringify(ran.get(name)?.because)})`);
  for (const [name, why] of expected.ran)
    if (!ran.has(name)) wrong.push(`${name} did not run (${why.causes.join(', ')})`);
  return wrong;
}

const RUNS = new Set(['Create', 'Reset', 'CancelAndReset']);

/** Nothing outside the plan runs, and all that it is sure of does, unless an upstream failed. */
function compareWithPlan(model: Model, plan: Plan, ran: ReadonlyMap<string, Ran>, expected: Round): string[] {
  const wrong: string[] = [];
  const actions = new Map(plan.tasks.map((task) => [task.name, task]));
  for (const task of model.tasks) {
    if (task.flavour === 'Gate') continue;
    const planned = actions.get(task.name);
    if (!planned) wrong.push(`the plan does not speak of ${task.name}`);
    else if (ran.has(task.name) && planned.action !== 'Reevaluate' && !RUNS.has(planned.action))
      wrong.push(`the plan said ${planned.action} (${planned.reason}) of ${task.name}, which ran`);
    else if (!ran.has(task.name) && RUNS.has(planned.action) && expected.phases.get(task.name) !== 'Skipped')
      wrong.push(`the plan said ${planned.action} (${planned.reason}) of ${task.name}, which did not run`);
  }
  return wrong;
}

function compareCauses(expected: Round, ran: ReadonlyMap<string, Ran>): string[] {
  return [...expected.ran].flatMap(([name, why]) => {
    const because = ran.get(name)?.because ?? [];
    const missing = untold(why, because);
    const surplus = invented(why, because);
    return [
      ...(missing.length === 0 ? [] : [`${name} ran for ${missing.join(', ')}; told: ${JSON.stringify(because)}`]),
      ...(surplus.length === 0
        ? []
        : [`${name} is told to have run for ${surplus.join(', ')}, but ran for ${why.causes.join(', ')}`]),
    ];
  });
}
