import { describe, expect, test } from 'vitest';
import { Sandbox } from '../rig/cli.ts';
import { type Disturbance, Scene } from '../rig/disturbances.ts';
import { until } from '../rig/eventually.ts';
import { firstDispatches, percentiles } from '../rig/first-dispatch.ts';
import { nastyTasks } from '../rig/nasty-tasks.ts';
import { seededRandom } from '../rig/random.ts';
import { clear, type Expectation, judge, prepare, type Verdict, watched } from '../rig/soak-oracle.ts';
import { spansByTask } from '../rig/task-log.ts';

// Whoever supervises may die, or be stopped, at any moment: nothing is lost, nothing runs twice, nothing is left over. Ordinary
// and nasty tasks tell in a log of their own what really happened. FIXPOINT_KILLS and FIXPOINT_ATTEMPTS: at least so many
// in all, where a kill is a SIGKILL that a living process was sent; FIXPOINT_SEED: another history.

const WANTED_KILLS = Number(process.env['FIXPOINT_KILLS'] ?? 50);
const WANTED_ATTEMPTS = Number(process.env['FIXPOINT_ATTEMPTS'] ?? 500);
const SEED = Number(process.env['FIXPOINT_SEED'] ?? 20_240);
/** After so many kills a round may end; the next one begins with an empty state. */
const KILLS_OF_A_ROUND = 25;
/** The pause between two disturbances, on average. */
const PAUSE_MS = 700;
const PATIENCE_MS = 120_000 + 20_000 * Math.max(WANTED_KILLS, WANTED_ATTEMPTS / 20);

const ELEMENTS = 90;
const CHANGING = 8;
const range = (count: number) => ({ range: { count, format: '%03d' } });

/** What is asked for while everything is being killed: editions of a parameter, cancels and resets. */
class Wishes {
  readonly #box: Sandbox;
  readonly #random: () => number;
  readonly #expected: ReadonlyMap<string, Expectation>;
  readonly #cancelled = new Set<string>();
  edition = 1;

  constructor(box: Sandbox, random: () => number, expected: ReadonlyMap<string, Expectation>) {
    this.#box = box;
    this.#random = random;
    this.#expected = expected;
  }

  /** One wish. Nobody may be there to answer: then it may have been recorded or not. */
  async ask(): Promise<void> {
    const element = `h/${String(Math.floor(CHANGING * this.#random())).padStart(3, '0')}`;
    const choice = this.#random();
    if (choice < 0.4) {
      this.edition++;
      for (let i = 0; i < CHANGING; i++) this.#again(`e/${String(i).padStart(3, '0')}`);
      await this.#box.cli('apply', '-f', this.file(), '--state', this.#box.state);
    } else if (choice < 0.7) {
      this.#cancelled.add(element);
      await this.#box.cli('cancel', 'w', element, '--state', this.#box.state);
    } else await this.#reset(element);
  }

  /** So that the end is known whatever became of the wishes. */
  async settle(): Promise<void> {
    await this.#box.expectExit(0, 'apply', '-f', this.file(), '--state', this.#box.state);
    for (const element of this.#cancelled)
      if ((await this.#reset(element)) !== 0) throw new Error(`${element} could not be reset`);
  }

  file(): string {
    return this.#box.workflow(work(this.edition));
  }

  async #reset(element: string): Promise<number | undefined> {
    this.#again(element);
    return (await this.#box.cli('reset', 'w', element, '--state', this.#box.state)).code;
  }

  #again(key: string): void {
    const expectation = this.#expected.get(key);
    if (expectation) expectation.again++;
  }
}

/**
 * Most naps are short, so that many begin and end around a kill; a tenth outlives every grace and every pause before a retry,
 * which could hide a lost one or two at once.
 */
const NAP =
  'n=$((10#${FIXPOINT_TASK#*/})); if ((n % 10 == 0)); then sleep 4.$((n % 7)); else sleep 0.$((n * 37 % 28 + 2)); fi';

/** Three layers joined element by element by files and by `dependsOn`, one task after all of them, and what gets wishes. */
function work(edition: number): object {
  const path = '${{ key }}.txt';
  const nasty = [...nastyTasks(20)].map(([name, { spec }]) => ({
    name,
    foreach: range(1),
    allowFailure: true,
    ...spec,
  }));
  return {
    params: { edition },
    tasks: [
      {
        name: 'a',
        foreach: range(ELEMENTS),
        outputs: [{ name: 'o', path: `a/${path}` }],
        run: watched(`${NAP}; echo $FIXPOINT_TASK > \${{ outputs.o }}`),
      },
      {
        name: 'b',
        foreach: { each: 'a' },
        inputs: [{ name: 'i', path: '${{ tasks.a.at(key).outputs.o }}' }],
        outputs: [{ name: 'o', path: `b/${path}` }],
        run: watched(`${NAP}; cat \${{ inputs.i }} > \${{ outputs.o }}`),
      },
      { name: 'c', foreach: { each: 'b' }, run: watched(NAP) },
      { name: 'end', dependsOn: ['c'], run: watched(':') },
      {
        name: 'e',
        foreach: range(CHANGING),
        resources: { cpu: '100m' },
        outputs: [{ name: 'o', path: `e/${path}` }],
        run: watched('(sleep 0.7) & wait; echo ${{ params.edition }} > ${{ outputs.o }}'),
      },
      {
        name: 'h',
        foreach: range(CHANGING),
        resources: { cpu: '100m' },
        outputs: [{ name: 'o', path: `h/${path}` }],
        run: watched('sleep 0.6 & sleep 0.7; echo made > ${{ outputs.o }}'),
      },
      ...nasty,
    ],
  };
}

function expectations(): Map<string, Expectation> {
  const expected = new Map<string, Expectation>();
  const add = (name: string, count: number, ends = ['Succeeded Completed'], loses = 0): void => {
    for (let i = 0; i < count; i++) expected.set(`${name}/${String(i).padStart(3, '0')}`, { ends, again: 0, loses });
  };
  for (const name of ['a', 'b', 'c']) add(name, ELEMENTS);
  for (const name of ['e', 'h']) add(name, CHANGING);
  for (const [name, { ends, loses }] of nastyTasks(20)) add(name, 1, [...ends], loses);
  expected.set('end', { ends: ['Succeeded Completed'], again: 0, loses: 0 });
  return expected;
}

type Mode = 'run' | 'daemon';

interface Round {
  readonly delivered: Scene['delivered'];
  readonly counts: ReadonlyMap<Disturbance, number>;
  readonly verdict: Verdict;
  readonly refused: number;
  readonly firstDispatches: readonly number[];
}

/** One workflow, disturbed at chosen moments, to its end. */
async function round(box: Sandbox, mode: Mode, random: () => number, most: number): Promise<Round> {
  prepare(box);
  const expected = expectations();
  const wishes = new Wishes(box, random, expected);
  const file = wishes.file();
  if (mode === 'daemon') await box.expectExit(0, 'apply', '-f', file, '--state', box.state);
  // What has failed is not to be tried again by each restart.
  const supervisor = mode === 'run' ? ['run', file, '--no-retry'] : ['daemon'];
  const scene = new Scene(box, random, [...supervisor, '--cpus', '16']);
  while (scene.delivered.SIGKILL < most) {
    await scene.pass(2 * PAUSE_MS * random());
    await scene.revive();
    if (scene.running.over || starts(box).has('end')) break;
    const asked = mode === 'daemon' && random() < 0.4 ? wishes.ask() : undefined;
    if (asked && random() < 0.5) await asked;
    await scene.disturb();
    await asked;
  }
  await (mode === 'daemon' ? settleDaemon(scene, wishes, expected) : settleRun(scene));
  const verdict = await judge(box, expected, scene.hit);
  return {
    delivered: scene.delivered,
    counts: scene.counts,
    refused: scene.refused,
    verdict: { ...verdict, lost: [...verdict.lost, ...wrongFiles(box, mode, wishes.edition)] },
    firstDispatches: await firstDispatches(box, scene.startedAt),
  };
}

/** What is not at rest by then counts as lost. */
const REST_MS = 90_000;

async function settleRun({ running }: Scene): Promise<void> {
  await until('it is at rest', () => running.over, REST_MS).catch(() => undefined);
  const { code, stderr } = await running.kill('SIGTERM');
  expect.soft(code, stderr.split('\n').slice(-20).join('\n')).toBe(0);
}

async function settleDaemon(scene: Scene, wishes: Wishes, expected: ReadonlyMap<string, Expectation>): Promise<void> {
  const { box } = scene;
  await until('the daemon serves', async () => {
    await scene.revive();
    return scene.running.over || scene.running.stderr.includes('serving');
  });
  await wishes.settle();
  await until(
    'everything is at rest',
    async () => {
      const tasks = await box.tasks();
      return [...expected].every(([key, { ends }]) => {
        const status = tasks.get(key)?.status;
        return ends.includes(`${status?.phase} ${status?.reason}`);
      });
    },
    REST_MS,
  ).catch(() => undefined);
  const { code, stderr } = await scene.running.kill('SIGTERM');
  expect(code, stderr.split('\n').slice(-20).join('\n')).toBe(0);
}

const starts = (box: Sandbox) => spansByTask(box.path('log'));

/** What an undisturbed run makes. */
function wrongFiles(box: Sandbox, mode: Mode, edition: number): string[] {
  const wrong: string[] = [];
  const compare = (path: string, text: string): void => {
    const found = readOrNothing(box, path);
    if (found !== text) wrong.push(`${path} holds ${JSON.stringify(found)}, not ${JSON.stringify(text)}`);
  };
  const each = (count: number, check: (key: string) => void): void => {
    for (let i = 0; i < count; i++) check(String(i).padStart(3, '0'));
  };
  for (const layer of ['a', 'b']) each(ELEMENTS, (key) => compare(`${layer}/${key}.txt`, `a/${key}\n`));
  each(CHANGING, (key) => compare(`e/${key}.txt`, `${mode === 'run' ? 1 : edition}\n`));
  each(CHANGING, (key) => compare(`h/${key}.txt`, 'made\n'));
  return wrong;
}

function readOrNothing(box: Sandbox, path: string): string | undefined {
  try {
    return box.read(path);
  } catch {
    return undefined;
  }
}

const killsOf = ({ delivered }: Round): number => delivered.SIGKILL;

/** One line with all figures. */
function report(seed: number, rounds: readonly Round[]): void {
  const counts = new Map<string, number>();
  for (const { counts: some } of rounds)
    for (const [kind, count] of some) counts.set(kind, (counts.get(kind) ?? 0) + count);
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, each) => total + of(each), 0);
  const kinds = [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
  process.stdout.write(
    `soak seed ${seed}: ${sum(killsOf)} SIGKILLs and ${sum(({ delivered }) => delivered.SIGSTOP)} SIGSTOPs delivered (${kinds}; refused ${sum(({ refused }) => refused)}), ${sum(({ verdict }) => verdict.attempts)} attempts: ` +
      `lost ${sum(({ verdict }) => verdict.lost.length)}, doubled ${sum(({ verdict }) => verdict.doubled.length)}, ` +
      `overlapping ${sum(({ verdict }) => verdict.overlapping.length)}, left over ${sum(({ verdict }) => verdict.leftOver.length)} ` +
      `(escaped as documented ${sum(({ verdict }) => verdict.escaped)}); ` +
      `restart to first dispatch ${percentiles(rounds.flatMap(({ firstDispatches: all }) => all))}\n`,
  );
}

describe('killed and stopped at any moment, whoever supervises', () => {
  test(
    `${WANTED_KILLS} kills: nothing is lost, nothing runs twice, nothing is left over`,
    async () => {
      const rounds: Round[] = [];
      const total = (of: (round: Round) => number): number => rounds.reduce((sum, each) => sum + of(each), 0);
      const missing = (): number => WANTED_KILLS - total(killsOf);
      const isEnough = (): boolean => missing() <= 0 && total(({ verdict }) => verdict.attempts) >= WANTED_ATTEMPTS;
      for (let seed = SEED; !isEnough(); seed++) {
        const mode = seed % 2 === 0 ? 'daemon' : 'run';
        const box = new Sandbox();
        try {
          const result = await round(
            box,
            mode,
            seededRandom(seed),
            missing() > 0 ? Math.min(KILLS_OF_A_ROUND, missing()) : KILLS_OF_A_ROUND,
          );
          rounds.push(result);
          report(seed, [result]);
          const { lost, doubled, overlapping, leftOver } = result.verdict;
          for (const violation of [...lost, ...doubled, ...overlapping, ...leftOver])
            process.stdout.write(`  ${violation}\n`);
          expect
            .soft({ seed, mode, lost, doubled, overlapping, leftOver })
            .toEqual({ seed, mode, lost: [], doubled: [], overlapping: [], leftOver: [] });
        } finally {
          await clear(box);
        }
      }
      report(SEED, rounds);
      expect(total(killsOf)).toBeGreaterThanOrEqual(WANTED_KILLS);
    },
    PATIENCE_MS,
  );
});
