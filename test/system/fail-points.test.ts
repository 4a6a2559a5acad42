import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAIL_POINTS } from '../../src/base/fail-point.ts';
import { Sandbox } from '../rig/cli.ts';
import { type Arm, armText, FailHistory, type FailPoint, type Played, type SpawnerKind } from '../rig/fail-history.ts';
import { makeInputs } from '../rig/fail-work.ts';
import { seededRandom } from '../rig/random.ts';

// Real processes die at every fail point, and those after them bring all to the end that an undisturbed life has.
//
//   FIXPOINT_FAIL_HITS=20       deaths at each point; 1 without it
//   FIXPOINT_FAIL_ONLY=…        one history: `native claim.torn@3 commit.after@2`; a third word `across` puts run folders on
//                               another file system
//   FIXPOINT_FAIL_SEED, FIXPOINT_FAIL_AT_ONCE   which deaths follow one another; how many histories at a time

const HITS = Number(process.env['FIXPOINT_FAIL_HITS'] ?? 1);
const SEED = Number(process.env['FIXPOINT_FAIL_SEED'] ?? 1);
const AT_ONCE = Number(process.env['FIXPOINT_FAIL_AT_ONCE'] ?? 4);
const ONLY = process.env['FIXPOINT_FAIL_ONLY'];
/** Deaths of one history. An attempt may be lost five times. */
const CHAIN = 5;
/** A point that was not passed so often is tried again in another history, this many times. */
const TRIES = 3;
const PATIENCE_MS = 120_000 + HITS * 240_000;

/** The run folders' own file system, when outputs lie on the disk. */
const ELSEWHERE = '/dev/shm';
const hasElsewhere = (): boolean => {
  const there = statSync(ELSEWHERE, { throwIfNoEntry: false });
  return there !== undefined && there.dev !== statSync(tmpdir()).dev;
};

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

function wishes(): Wish[] {
  return (Object.keys(FAIL_POINTS) as FailPoint[]).flatMap((point) => {
    const effect = effectOf(point);
    const across = ACROSS.has(effect);
    if (across && !hasElsewhere()) return [];
    const passer = FAIL_POINTS[point][0];
    const of = (spawner: SpawnerKind, hits: readonly number[]): Wish[] =>
      hits.map((at) => ({ point, at, spawner, across, tries: 0 }));
    const all = Array.from({ length: HITS }, (_, i) => i + 1);
    if (passer === 'native' || passer === 'shell') return of(passer, all);
    if (passer === 'runtimes') return [...of('native', all), ...of('shell', all)];
    if (SHELL.has(effect)) return of('shell', all);
    return [
      ...of(
        'native',
        all.filter((at) => at % 2 === 1),
      ),
      ...of(
        'shell',
        all.filter((at) => at % 2 === 0),
      ),
    ];
  });
}

/** Deaths that follow one another, by chance, of those that can. */
function chains(wanted: readonly Wish[], random: () => number): Wish[][] {
  const kinds = new Map<string, Wish[]>();
  for (const wish of wanted) {
    const kind = `${wish.spawner} ${wish.across} ${NEW.has(effectOf(wish.point))}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), wish]);
  }
  return [...kinds.values()].flatMap((all) => {
    const shuffled = all.map((wish) => ({ wish, at: random() })).sort((a, b) => a.at - b.at);
    const cut: Wish[][] = [];
    for (let i = 0; i < shuffled.length; i += CHAIN) cut.push(shuffled.slice(i, i + CHAIN).map(({ wish }) => wish));
    return cut;
  });
}

/** What has to come before it, so that it is passed. */
function withPrelude({ point, at }: Arm): Arm[] {
  const effect = effectOf(point);
  if (effect === 'withdraw')
    return [
      { point: 'submit.before', at: 1 },
      { point, at },
    ];
  return effect === 'socket'
    ? [
        { point: 'commit.after', at: 1 },
        { point, at },
      ]
    : [{ point, at }];
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
    const played = await new FailHistory({ spawner, inputs: folder, runs }, arms).play();
    for (const arm of played.hits) {
      const name = `${FAIL_POINTS[arm.point][0] === 'program' ? '' : `${spawner} `}${arm.point}`;
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
      let wanted = ONLY === undefined ? wishes() : [];
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
      const table = [...counts].sort().map(([name, count]) => `  ${name.padEnd(24)} ${count}`);
      process.stdout.write(`hits at each fail point, ${bad.length} histories with violations\n${table.join('\n')}\n`);
      expect({ never, bad }).toEqual({ never: [], bad: [] });
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
