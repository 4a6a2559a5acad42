import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account, AccountKind } from '../measure/account.ts';
import { observe, type Running, watchMemory } from '../measure/measure.ts';
import type { Refusal } from '../peers/peer.ts';
import { shellLine } from '../peers/words.ts';
import { expectWritten } from '../program-stage.ts';
import { openScene, type Scene } from '../scene.ts';
import { type Question, type Sample, type Stage, sampleOf, WrongOutcome } from '../stage.ts';
import { settledNow, stampOf } from '../stamps.ts';
import { outputProblem, type Work } from '../work.ts';
import { endDaemon, startDaemon, tell, until, untilSucceeded } from './daemon.ts';
import { documentOf } from './document.ts';
import { fixpoint, hasWorkflow, STATE } from './program.ts';

const WATCHED = 'watched';
const DOCUMENT = join(WATCHED, 'bench.json');
const QUIET_MS = 100;
/** Less cpu time than this within QUIET_MS is nothing. */
const QUIET_SECONDS = 0.002;
const PATIENCE_MS = 60_000;

/** A daemon that watches a folder and has done all of the work in it. */
export async function daemonStage(accounts: AccountKind, question: Question, work: Work): Promise<Stage | Refusal> {
  if (question === 'all') return { cannot: 'a daemon is asked about what it has done' };
  const scene = openScene(accounts);
  const { account } = scene;
  try {
    scene.write({ [DOCUMENT]: documentOf(work, { workdir: scene.dir }) });
    const daemon = await startDaemon(scene, work.slots, { args: ['--watch', WATCHED] });
    await until('the watched file is applied', PATIENCE_MS, () => hasWorkflow(scene.dir));
    await untilSucceeded(scene, work.tasks);
    const problem = outputProblem(work, scene.dir);
    if (problem !== undefined) throw new WrongOutcome(problem);
    await quiet(account);
    return stage({ scene, daemon, work }, question);
  } catch (error) {
    await scene.close();
    throw error;
  }
}

interface Served {
  readonly scene: Scene;
  readonly daemon: Running;
  readonly work: Work;
}

function stage(served: Served, question: Exclude<Question, 'all'>): Stage {
  const { scene, daemon } = served;
  const command = {
    again: shellLine(fixpoint('apply', '-f', DOCUMENT, '--state', STATE)),
    plan: shellLine(fixpoint('plan', '-f', 'edited.json', '--state', STATE)),
    edit: `mv edited.json ${DOCUMENT}    # beside ${shellLine(fixpoint('daemon', '--state', STATE, '--watch', WATCHED))}`,
  }[question];
  const once = { again, plan, edit }[question];
  return {
    command,
    once: (round) => once(served, round),
    close: async () => {
      await endDaemon(daemon, 'SIGTERM');
      await scene.close();
    },
  };
}

async function again(served: Served): Promise<Sample> {
  return await told(served, ['apply', '-f', DOCUMENT], 0);
}

async function plan(served: Served): Promise<Sample> {
  const { scene, work } = served;
  const edit = { task: Math.floor(work.tasks / 2), word: 'v1' };
  scene.write({ 'edited.json': documentOf({ ...work, edit }, { workdir: scene.dir }) });
  const sample = await told(served, ['plan', '-f', 'edited.json'], 2);
  const said = readFileSync(join(scene.dir, 'told.out'), 'utf8');
  if (!/\b1 Reset\b/.test(said)) throw new WrongOutcome(`the plan said ${said.slice(-200)}`);
  return sample;
}

/** What the command costs, together with what the daemon does for it, also after it has ended. Nothing may run. */
async function told(served: Served, args: readonly string[], exit: number): Promise<Sample> {
  const { scene, daemon, work } = served;
  const { account } = scene;
  const begin = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const measured = await tell(scene, args, 'told');
  await quiet(account);
  if (measured.exit !== exit) throw new WrongOutcome(`${args.join(' ')} ended with ${measured.exit}`);
  expectWritten(scene, begin, 0);
  return sampleOf({ ...measured, ...memory.stop(), ...finish() }, work);
}

/** From the moment at which the edited file is in its place to the first act of the task. */
async function edit({ scene, daemon, work }: Served, round: number): Promise<Sample> {
  const { account } = scene;
  const task = Math.floor(work.tasks / 2);
  const before = stampOf(scene.dir, task);
  const edited = documentOf({ ...work, edit: { task, word: `v${round + 1}` } }, { workdir: scene.dir });
  scene.write({ 'edited.json': edited });
  const begin = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const from = performance.now();
  renameSync(join(scene.dir, 'edited.json'), join(scene.dir, DOCUMENT));
  const changed = (): boolean => ![undefined, before].includes(stampOf(scene.dir, task));
  await until('the edited task runs', PATIENCE_MS, changed);
  const wallSeconds = (performance.now() - from) / 1000;
  const firstInstructionSeconds = (stampOf(scene.dir, task) ?? Number.NaN) - begin;
  await untilSucceeded(scene, work.tasks);
  await quiet(account);
  expectWritten(scene, begin, 1);
  const measured = { exit: 0, wallSeconds, ...memory.stop(), ...finish() };
  return sampleOf(measured, work, { firstInstructionSeconds });
}

/** Waits until the daemon does nothing more. */
async function quiet(account: Account): Promise<void> {
  let before = account.cpuSeconds();
  await until('the daemon rests', PATIENCE_MS, async () => {
    await pause(QUIET_MS);
    const now = account.cpuSeconds();
    const rests = now - before < QUIET_SECONDS;
    before = now;
    return rests;
  });
}
