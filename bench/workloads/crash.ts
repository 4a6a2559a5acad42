import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expressed, fixpointVersion } from '../fixpoint/program.ts';
import { emptied, observe, start } from '../measure/measure.ts';
import { type Expression, isRefusal } from '../peers/peer.ts';
import { shellLine } from '../peers/words.ts';
import { inScene, type Scene } from '../scene.ts';
import { record, type Session, type Taken } from '../session.ts';
import { failure, type Sample, WrongOutcome } from '../stage.ts';
import { SPAN, type Work } from '../work.ts';
import type { Workload } from './workload.ts';

const WORK: Work = { shape: 'fan', tasks: 60, body: SPAN, slots: 8 };
/** Rounds are added until there were so many kills: a tool that gets on quickly is killed less often in one round. */
const KILLS = 20;
const KILLS_OF_A_ROUND = 5;
const SEED = 42;
/** The master lives this long, in seconds: long enough for every tool to come to its tasks now and then. */
const SHORTEST_LIFE = 0.5;
const LONGEST_LIFE = 3.5;
/** What is still alive so long after the end has been left over. */
const LEFT_OVER_MS = 5_000;

export const CRASH: Workload = {
  name: 'crash',
  about:
    '60 tasks of half a second, 8 slots. The master is killed with SIGKILL at random times (seed 42) and started again at once, up to five times a round, then it may end; rounds are added until there were 20 kills. Tasks note their begin and their end in one log, which is what is counted here: sums over all rounds. Snakemake is unlocked after each kill.',
  columns: ['tasks', 'kills', 'starts', 'startedAgain', 'overlapping', 'lost', 'leftOver'],
  run: async (session) => {
    session.say(`crash, ${WORK.tasks} tasks, ${WORK.slots} slots`);
    await rounds(session, { name: 'fixpoint', version: fixpointVersion() }, expressed(WORK));
    for (const { peer, program, version } of session.peers) {
      const expression = peer.express(WORK, program);
      if (!peer.recovers || isRefusal(expression))
        session.say(`  ${peer.name} skipped: it does not go on where it was`);
      else await rounds(session, { name: peer.name, version }, expression);
    }
  },
};

async function rounds(session: Session, who: Taken['who'], expression: Expression): Promise<void> {
  const wanted = session.quick ? 1 : KILLS;
  // Everyone is killed at the same ages.
  const random = seededRandom(SEED);
  const samples: Sample[] = [];
  try {
    for (let kills = 0; kills < wanted; ) {
      const most = Math.min(wanted - kills, KILLS_OF_A_ROUND);
      const sample = await inScene(session.accounts, (scene) => round(scene, expression, most, random));
      kills += sample.figures['kills'] ?? 0;
      samples.push(sample);
    }
  } catch (error) {
    session.fail(`  ${who.name} FAILED: ${failure(error)}`);
    return;
  }
  const subject = { workload: 'crash', variant: '', tasks: WORK.tasks, slots: WORK.slots };
  record(session, { subject, who, command: shellLine(expression.command), samples, counts: true });
}

async function round(scene: Scene, expression: Expression, most: number, random: () => number): Promise<Sample> {
  const { account } = scene;
  const finish = observe(account);
  scene.write(expression.files);
  const kills = await killedAndRestarted(scene, expression, random, most);
  const left = await emptied(account, LEFT_OVER_MS);
  const figures = { tasks: WORK.tasks, kills, ...counted(scene), leftOver: left.length };
  return { figures, circumstances: finish().circumstances };
}

/** How often it was killed before it came to an end. */
async function killedAndRestarted(
  { account, dir }: Scene,
  expression: Expression,
  random: () => number,
  most: number,
): Promise<number> {
  const run = async (argv: readonly string[], lifeMs: number | undefined): Promise<number | NodeJS.Signals> => {
    const { stdin } = expression;
    const running = start(account, { argv, cwd: dir, log: 'said', ...(stdin === undefined ? {} : { stdin }) });
    if (lifeMs !== undefined) {
      await Promise.race([running.ended, pause(lifeMs)]);
      running.child.kill('SIGKILL');
    }
    return await running.ended;
  };
  for (let kills = 0; ; kills++) {
    const life = kills < most ? (SHORTEST_LIFE + (LONGEST_LIFE - SHORTEST_LIFE) * random()) * 1000 : undefined;
    const exit = await run(expression.command, life);
    if (exit === 0) return kills;
    if (exit !== 'SIGKILL') {
      const said = readFileSync(join(dir, 'said.err'), 'utf8').slice(-500);
      throw new WrongOutcome(`it ended with ${exit} after ${kills} kills: ${said}`);
    }
    if (expression.afterCrash !== undefined) await run(expression.afterCrash, undefined);
  }
}

/** From the log of the tasks. Its lines are in the order in which things happened. */
function counted({ dir }: Scene): Readonly<Record<string, number>> {
  const path = join(dir, 'log');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  const starts = new Map<string, number>();
  const open = new Map<string, Set<string>>();
  const ended = new Set<string>();
  const overlapping = new Set<string>();
  for (const line of lines) {
    const [letter, id = '', pid = ''] = line.split(' ');
    const alive = open.get(id) ?? new Set();
    open.set(id, alive);
    if (letter === 'S') {
      if (alive.size > 0) overlapping.add(id);
      alive.add(pid);
      starts.set(id, (starts.get(id) ?? 0) + 1);
    } else if (alive.delete(pid)) ended.add(id);
    else throw new WrongOutcome(`an end without a beginning: ${line}`);
  }
  const numbers = [...starts.values()];
  return {
    starts: numbers.reduce((sum, n) => sum + n, 0),
    startedAgain: numbers.filter((n) => n > 1).length,
    overlapping: overlapping.size,
    lost: WORK.tasks - ended.size,
  };
}

/** Mulberry32: the same seed gives the same numbers in [0, 1). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
