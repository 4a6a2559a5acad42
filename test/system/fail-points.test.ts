import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAIL_POINTS } from '../../src/base/fail-point.ts';
import { Sandbox } from '../rig/cli.ts';
import { type Arm, armText, FailHistory, type FailPoint, isProgram, type Played } from '../rig/fail-history.ts';
import { makeInputs, processWork } from '../rig/fail-work.ts';
import { seededRandom } from '../rig/random.ts';

// Real processes die at every fail point, and those after them bring all to the end that an undisturbed life has.
//
//   FIXPOINT_FAIL_HITS=20       deaths at each point, 1 without it; of runtimes with either spawner
//   FIXPOINT_FAIL_ONLY=…        one history: `native claim.torn@3 commit.after@2`; a third word `across` puts run folders on
//                               another file system
//   FIXPOINT_FAIL_SEED, FIXPOINT_FAIL_AT_ONCE   which deaths follow one another; how many histories at a time

const HITS = Number(process.env['FIXPOINT_FAIL_HITS'] ?? 1);
const SEED = Number(process.env['FIXPOINT_FAIL_SEED'] ?? 1);
const AT_ONCE = Number(process.env['FIXPOINT_FAIL_AT_ONCE'] ?? 6);
const ONLY = process.env['FIXPOINT_FAIL_ONLY'];
/** Deaths of one history. A task may be lost five times; deaths of runtimes are dealt out, so that they do not meet in one. */
const CHAIN = 10;
/** A point that was not passed so often is tried again in another history, this many times. */
const TRIES = 3;
const PATIENCE_MS = 120_000 + HITS * 240_000;

/** The run folders' own file system, when outputs lie on the disk. */
const ELSEWHERE = '/dev/shm';
const hasElsewhere = (): boolean => {
  const there = statSync(ELSEWHERE, { throwIfNoEntry: false });
  return there !== undefined && there.dev !== statSync(tmpdir()).dev;
};

type SpawnerKind = 'native' | 'shell';

interface Wish extends Arm {
  readonly spawner: SpawnerKind;
  readonly across: boolean;
  readonly tries: number;
}

/** Only where a rename does not do. */
const ACROSS: ReadonlySet<string> = new Set(['copy', 'move']);
/** Only in a new state. */
const NEW: ReadonlySet<string> = new Set(['migrate']);
/** Only the shell runtime leaves anything to be swept. */
const SHELL: ReadonlySet<string> = new Set(['sweep']);
const effectOf = (point: string): string => point.slice(0, point.indexOf('.'));

/** How often a life passes it at least; where it does not say, that is more often than anybody asks for. */
const PASSINGS: Readonly<Record<string, number>> = {
  state: 1,
  lock: 1,
  ledger: 1,
  migrate: 1,
  socket: 1,
  listen: 1,
  holder: 1,
  spawn: 1,
  time: 1,
  rewrite: 1,
  digests: 1,
  ready: 1,
  link: 1,
  place: 1,
  publish: 1,
  limit: 1,
  aside: 1,
  leave: 1,
  dismiss: 1,
  close: 1,
  unlock: 1,
  sweep: 2,
  reset: 1,
  request: 2,
  prune: 4,
  cancel: 3,
  signal: 3,
  kill: 3,
  withdraw: 4,
  match: 3,
  folder: 4,
  copy: 8,
};

function wishes(random: () => number): Wish[] {
  return (Object.keys(FAIL_POINTS) as FailPoint[]).flatMap((point) => {
    const effect = effectOf(point);
    const across = ACROSS.has(effect);
    if (across && !hasElsewhere()) return [];
    const passer = FAIL_POINTS[point][0];
    // These histories run processes: see `slurm-fail-points.test.ts`.
    if (passer === 'slurm') return [];
    // One death alone is not always the first: the first attempt of all could not take that.
    const first = passer === 'program' ? 0 : Math.floor(4 * random());
    const of = (spawner: SpawnerKind, from: number, step: number): Wish[] => {
      const wished: Wish[] = [];
      for (let i = from; i < HITS; i += step)
        wished.push({ point, at: 1 + ((first + i) % (PASSINGS[effect] ?? HITS + first)), spawner, across, tries: 0 });
      return wished;
    };
    if (passer === 'native' || passer === 'shell') return of(passer, 0, 1);
    if (SHELL.has(effect)) return of('shell', 0, 1);
    // Two programs: what holds for one says nothing of the other.
    if (passer === 'runtimes') return [...of('native', 0, 1), ...of('shell', 0, 1)];
    const [one, other] = random() < 0.5 ? (['native', 'shell'] as const) : (['shell', 'native'] as const);
    return [...of(one, 0, 2), ...of(other, 1, 2)];
  });
}

/** What must have been hit in the end, by the list of all alone, as the table names it. */
function namesToHit(): string[] {
  const names = (Object.keys(FAIL_POINTS) as FailPoint[]).flatMap((point) => {
    const passer = FAIL_POINTS[point][0];
    if (passer === 'slurm' || (ACROSS.has(effectOf(point)) && !hasElsewhere())) return [];
    if (passer === 'program') return [point];
    return passer === 'runtimes' ? [`native ${point}`, `shell ${point}`] : [`${passer} ${point}`];
  });
  return names.sort();
}

/** When in a round its effects come: deaths in this order fit into one round. */
const STAGES: readonly (readonly string[])[] = [
  ['state', 'lock', 'ledger', 'migrate', 'socket', 'listen', 'holder'],
  ['accept', 'commit', 'digests', 'time', 'rewrite', 'spawn', 'submit', 'send', 'withdraw', 'folder'],
  [
    'ready',
    'receive',
    'follow',
    'claim',
    'notice',
    'mkdir',
    'write',
    'session',
    'link',
    'place',
    'log',
    'exec',
    'publish',
  ],
  ['stamp', 'record', 'observe', 'ack', 'limit', 'remove', 'sweep', 'kill'],
  ['cancel', 'signal', 'end', 'request', 'reset', 'displace', 'move', 'match'],
  ['copy', 'restore', 'aside', 'prune'],
  ['leave', 'dismiss', 'close', 'unlock'],
];
const stageOf = ({ point }: Arm): number => STAGES.findIndex((stage) => stage.includes(effectOf(point)));

/** Deaths that follow one another, by chance, of those that can. */
function chains(wanted: readonly Wish[], random: () => number): Wish[][] {
  const kinds = new Map<string, Wish[]>();
  for (const wish of wanted) {
    const kind = `${wish.spawner} ${wish.across} ${NEW.has(effectOf(wish.point))}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), wish]);
  }
  return [...kinds.values()].flatMap((all) => {
    const shuffled = all.map((wish) => ({ wish, by: random() + (isProgram(wish) ? 1 : 0) }));
    const dealt: Wish[][] = Array.from({ length: Math.ceil(all.length / CHAIN) }, () => []);
    for (const [i, { wish }] of shuffled.sort((a, b) => a.by - b.by).entries()) dealt[i % dealt.length]?.push(wish);
    return dealt.map((chain) => chain.sort((a, b) => stageOf(a) - stageOf(b)));
  });
}

/** The death that has to come before it, so that it is passed. */
const PRELUDES: Readonly<Record<string, FailPoint>> = {
  aside: 'restore.after',
  rewrite: 'commit.after',
  socket: 'commit.after',
  withdraw: 'submit.before',
};

function withPrelude(arm: Arm): Arm[] {
  const before = PRELUDES[effectOf(arm.point)];
  return before === undefined ? [arm] : [{ point: before, at: 1 }, arm];
}

describe('whoever passes a fail point dies there', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fxp-inputs-'));
    makeInputs(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const counts = new Map<string, number>();
  const bad: string[] = [];

  async function play(chain: readonly Wish[]): Promise<Played> {
    const [{ spawner, across }] = chain as [Wish];
    const runs = across ? mkdtempSync(join(ELSEWHERE, 'fxp-')) : undefined;
    const arms = ONLY === undefined ? chain.flatMap(withPrelude) : chain;
    const env = { FIXPOINT_SPAWNER: spawner };
    const played = await new FailHistory({ work: processWork(folder), env, runs }, arms).play();
    for (const arm of played.hits) {
      const name = `${isProgram(arm) ? '' : `${spawner} `}${arm.point}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    if (played.violations.length > 0) {
      const text = `${spawner} ${arms.map(armText).join(' ')}${across ? ' across' : ''}\n  ${played.violations.join('\n  ')}`;
      process.stdout.write(`VIOLATION ${text}\n`);
      bad.push(text);
    }
    return played;
  }

  /** One chain after the other, a few at a time; gives what was not passed so often. */
  async function playAll(all: readonly Wish[][]): Promise<Wish[]> {
    const waiting = [...all];
    const missed: Wish[] = [];
    const worker = async (): Promise<void> => {
      for (let chain = waiting.shift(); chain; chain = waiting.shift()) {
        const played = await play(chain);
        const texts = new Set(played.missed.map(armText));
        missed.push(...chain.filter((wish) => texts.has(armText(wish))));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return missed;
  }

  test(
    `${HITS} times at each: nothing is lost, nothing runs twice, nothing is left over`,
    async () => {
      const random = seededRandom(SEED);
      let wanted = ONLY === undefined ? wishes(random) : [];
      if (ONLY !== undefined) await playAll([only(ONLY)]);
      const never: string[] = [];
      while (wanted.length > 0) {
        const missed = await playAll(chains(wanted, random));
        const name = ({ spawner, point, at }: Wish): string => `${spawner} ${point}@${at}`;
        never.push(...missed.filter(({ tries }) => tries >= TRIES).map(name));
        // It is passed less often than that: any death at it will do.
        wanted = missed
          .filter(({ tries }) => tries < TRIES)
          .map((wish) => ({ ...wish, at: Math.ceil(wish.at / 4), tries: wish.tries + 1 }));
      }
      const table = [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, count]) => `  ${name.padEnd(24)} ${count}`);
      process.stdout.write(`hits at each fail point, ${bad.length} histories with violations\n${table.join('\n')}\n`);
      expect({ never, bad }).toEqual({ never: [], bad: [] });
      if (ONLY === undefined) expect([...counts.keys()].sort()).toEqual(namesToHit());
    },
    PATIENCE_MS,
  );
});

function only(text: string): Wish[] {
  const words = text.split(' ');
  const across = words.at(-1) === 'across';
  const [spawner, ...arms] = across ? words.slice(0, -1) : words;
  return arms.map((arm) => {
    const [point, at] = arm.split('@') as [FailPoint, string];
    return { point, at: Number(at), spawner: spawner as SpawnerKind, across, tries: TRIES };
  });
}

describe('what is armed', () => {
  test('must be known', async () => {
    const box = new Sandbox();
    try {
      process.env['FIXPOINT_FAIL_POINT'] = 'commit.sideways@1';
      const { code, stderr } = await box.cli('version');
      expect(code).toBe(2);
      for (const name of Object.keys(FAIL_POINTS)) expect(stderr).toContain(name);
    } finally {
      delete process.env['FIXPOINT_FAIL_POINT'];
      await box.dispose();
    }
  });
});
