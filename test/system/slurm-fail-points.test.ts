import { beforeAll, expect, test } from 'vitest';
import { FAIL_POINTS } from '../../src/base/fail-point.ts';
import { type Arm, armText, FailHistory, type FailPoint } from '../rig/fail-history.ts';
import { seededRandom } from '../rig/random.ts';
import { type SlurmCluster, slurmCluster, withSlurm } from '../rig/slurm.ts';
import { slurmWork } from '../rig/slurm-fail-work.ts';

// A real daemon before a real Slurm dies at every fail point of that backend, and those after it bring all to the end that an
// undisturbed life has; nothing is left in the queue.
//
//   FIXPOINT_FAIL_HITS=20       deaths at each point, 1 without it
//   FIXPOINT_FAIL_ONLY=…        one history: `sbatch.before@2 answer.after@1`
//   FIXPOINT_FAIL_SEED, FIXPOINT_FAIL_AT_ONCE   which deaths follow one another; how many histories at a time

const HITS = Number(process.env['FIXPOINT_FAIL_HITS'] ?? 1);
const SEED = Number(process.env['FIXPOINT_FAIL_SEED'] ?? 1);
const AT_ONCE = Number(process.env['FIXPOINT_FAIL_AT_ONCE'] ?? 4);
const ONLY = process.env['FIXPOINT_FAIL_ONLY'];
/** Deaths of one history. After some it takes more than a minute until it is known that Slurm has no such job. */
const CHAIN = 4;
/** A point that was not passed so often is tried again in another history, this many times. */
const TRIES = 3;
const PATIENCE_MS = 300_000 + HITS * 300_000;

interface Wish extends Arm {
  readonly tries: number;
}

/** When in a round it is passed, and how often a life passes it at least. */
const PASSINGS: Readonly<Record<string, readonly [stage: number, passings: number]>> = {
  'slurm.folder': [1, 1],
  // Only the first life of all puts them there.
  'slurm.programs': [0, 1],
  'slurm.write': [2, 12],
  'slurm.rename': [2, 6],
  'slurm.opinion': [3, 1],
  'submission.before': [2, 4],
  'submission.after': [2, 4],
  'sbatch.before': [2, 4],
  'sbatch.after': [2, 4],
  'answer.before': [2, 4],
  'answer.after': [2, 4],
  'scancel.before': [4, 2],
  'scancel.after': [4, 2],
};
const stageOf = ({ point }: Arm): number => PASSINGS[point]?.[0] ?? 2;

const pointsOfSlurm = (Object.keys(FAIL_POINTS) as FailPoint[]).filter((point) => FAIL_POINTS[point][0] === 'slurm');

function wishes(random: () => number): Wish[] {
  return pointsOfSlurm.flatMap((point) => {
    const passings = PASSINGS[point]?.[1] ?? 1;
    const first = Math.floor(passings * random());
    return Array.from({ length: HITS }, (_, i) => ({ point, at: 1 + ((first + i) % passings), tries: 0 }));
  });
}

/** Deaths that follow one another, by chance; those of the first stage are dealt out, since a history has one first life. */
function chains(wanted: readonly Wish[], random: () => number): Wish[][] {
  const shuffled = wanted.map((wish) => ({ wish, by: random() + (stageOf(wish) === 0 ? 0 : 1) }));
  const dealt: Wish[][] = Array.from({ length: Math.ceil(wanted.length / CHAIN) }, () => []);
  for (const [i, { wish }] of shuffled.sort((a, b) => a.by - b.by).entries()) dealt[i % dealt.length]?.push(wish);
  return dealt.map((chain) => chain.sort((a, b) => stageOf(a) - stageOf(b)));
}

withSlurm('whoever passes a fail point before a real Slurm dies there', () => {
  let cluster: SlurmCluster;
  beforeAll(async () => {
    cluster = await slurmCluster('shared');
  });

  const counts = new Map<string, number>();
  const bad: string[] = [];

  /** Gives what was not passed so often. */
  async function play(chain: readonly Wish[]): Promise<Wish[]> {
    const { PATH: _path, ...env } = cluster.env;
    const played = await new FailHistory({ work: slurmWork(cluster), env, runs: undefined }, chain).play();
    for (const { point } of played.hits) counts.set(point, (counts.get(point) ?? 0) + 1);
    if (played.violations.length > 0) {
      const text = `${chain.map(armText).join(' ')}\n  ${played.violations.join('\n  ')}`;
      process.stdout.write(`VIOLATION ${text}\n`);
      bad.push(text);
    }
    const missed = new Set(played.missed.map(armText));
    return chain.filter((wish) => missed.has(armText(wish)));
  }

  async function playAll(all: readonly Wish[][]): Promise<Wish[]> {
    const waiting = [...all];
    const missed: Wish[] = [];
    const worker = async (): Promise<void> => {
      for (let chain = waiting.shift(); chain; chain = waiting.shift()) missed.push(...(await play(chain)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return missed;
  }

  test(
    `${HITS} times at each: nothing is lost, nothing runs twice, nothing is left in the queue`,
    async () => {
      const random = seededRandom(SEED);
      let wanted = ONLY === undefined ? wishes(random) : [];
      if (ONLY !== undefined) await playAll([only(ONLY)]);
      const never: string[] = [];
      while (wanted.length > 0) {
        const missed = await playAll(chains(wanted, random));
        never.push(...missed.filter(({ tries }) => tries >= TRIES).map(armText));
        // It is passed less often than that: any death at it will do.
        wanted = missed
          .filter(({ tries }) => tries < TRIES)
          .map(({ point, at, tries }) => ({ point, at: Math.ceil(at / 4), tries: tries + 1 }));
      }
      const table = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, n]) => `  ${name.padEnd(24)} ${n}`);
      process.stdout.write(`hits at each fail point, ${bad.length} histories with violations\n${table.join('\n')}\n`);
      expect({ never, bad }).toEqual({ never: [], bad: [] });
      if (ONLY === undefined) expect([...counts.keys()].sort()).toEqual([...pointsOfSlurm].sort());
    },
    PATIENCE_MS,
  );
});

function only(text: string): Wish[] {
  return text.split(' ').map((arm) => {
    const [point, at] = arm.split('@') as [FailPoint, string];
    return { point, at: Number(at), tries: TRIES };
  });
}
