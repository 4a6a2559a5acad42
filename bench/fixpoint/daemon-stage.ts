import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account, AccountKind } from '../measure/account.ts';
import { observe, type Running, watchMemory } from '../measure/measure.ts';
import { threadsSeconds } from '../measure/proc.ts';
import type { Refusal } from '../peers/peer.ts';
import { shellLine } from '../peers/words.ts';
import { expectWritten, finishOnce } from '../program-stage.ts';
import { openScene, type Scene } from '../scene.ts';
import { type Question, type Sample, type Stage, sampleOf, WrongOutcome } from '../stage.ts';
import { nowSeconds, settledNow, stampOf } from '../stamps.ts';
import { editedTask, outputProblem, type Work } from '../work.ts';
import { answeredIn } from './answered-in.ts';
import { endDaemon, startDaemon, tell, until, untilSucceeded } from './daemon.ts';
import { documentOf } from './document.ts';
import { DOCUMENT, expressed, fixpoint, hasWorkflow, STATE } from './program.ts';

const WATCHED = 'watched';
const WATCHED_DOCUMENT = join(WATCHED, 'bench.json');
const EDITED = 'edited.json';
const QUIET_MS = 100;
const REST_MS = 4_000;
/** Less cpu time than this within QUIET_MS is nothing. */
const QUIET_SECONDS = 0.002;
const PATIENCE_MS = 60_000;

/** A daemon that has all of the work behind it: what a `run` did, or, to be edited, what it found in a watched folder. */
export async function daemonStage(accounts: AccountKind, question: Question, work: Work): Promise<Stage | Refusal> {
  switch (question) {
    case 'all':
      return { cannot: 'a daemon is asked about what has been done' };
    case 'again':
      return await asked(accounts, work, again, fixpoint('apply', '-f', DOCUMENT, '--state', STATE));
    case 'plan':
      return await asked(accounts, work, plan, fixpoint('plan', '-f', EDITED, '--state', STATE));
    case 'edit':
      return await watching(accounts, work);
  }
}

interface Served {
  readonly scene: Scene;
  readonly daemon: Running;
  readonly work: Work;
}

async function asked(
  accounts: AccountKind,
  work: Work,
  ask: (served: Served) => Promise<Sample>,
  command: readonly string[],
): Promise<Stage> {
  const { scene, release } = await finishOnce(accounts, work, expressed(work));
  const daemon = await startDaemon(scene, work.slots);
  await quiet(scene.account);
  return {
    command: shellLine(command),
    once: () => ask({ scene, daemon, work }),
    close: async () => {
      await endDaemon(daemon, 'SIGTERM');
      await release();
    },
  };
}

async function watching(accounts: AccountKind, work: Work): Promise<Stage> {
  const scene = openScene(accounts);
  try {
    scene.write({ [WATCHED_DOCUMENT]: documentOf(work, { workdir: scene.dir }) });
    const daemon = await startDaemon(scene, work.slots, { args: ['--watch', WATCHED] });
    await until('the watched file is applied', PATIENCE_MS, () => hasWorkflow(scene.dir));
    await untilSucceeded(scene, work.tasks);
    const problem = outputProblem(work, scene.dir);
    if (problem !== undefined) throw new WrongOutcome(problem);
    await quiet(scene.account);
    // Who edits has looked at what was made: it is older than the two seconds after which a file is known by its times.
    await pause(REST_MS);
    const served = shellLine(fixpoint('daemon', '--state', STATE, '--watch', WATCHED));
    return {
      command: `mv ${EDITED} ${WATCHED_DOCUMENT}    # beside ${served}`,
      once: (round) => edit({ scene, daemon, work }, round),
      close: async () => {
        await endDaemon(daemon, 'SIGTERM');
        await scene.close();
      },
    };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

async function again(served: Served): Promise<Sample> {
  const answerMs = await answeredIn(served.scene, served.work, 'apply');
  return await told(served, ['apply', '-f', DOCUMENT], 0, { answerMs });
}

async function plan(served: Served): Promise<Sample> {
  const { scene, work } = served;
  const edit = { task: editedTask(work), word: 'v1' };
  scene.write({ [EDITED]: documentOf({ ...work, edit }) });
  const answerMs = await answeredIn(scene, { ...work, edit }, 'plan');
  const sample = await told(served, ['plan', '-f', EDITED], 2, { answerMs });
  const said = readFileSync(join(scene.dir, 'told.out'), 'utf8');
  if (!/\b1 Reset\b/.test(said)) throw new WrongOutcome(`the plan said ${said.slice(-200)}`);
  return sample;
}

/** What the command costs, together with what the daemon does for it, also after it has ended. Nothing may run. */
async function told(
  served: Served,
  args: readonly string[],
  exit: number,
  more: Readonly<Record<string, number>> = {},
): Promise<Sample> {
  const { scene, daemon, work } = served;
  const { account } = scene;
  const begin = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const before = threadsSeconds(daemon.pid);
  const measured = await tell(scene, args, 'told');
  await quiet(account);
  const daemonCpuMs = (threadsSeconds(daemon.pid) - before) * 1000;
  if (measured.exit !== exit) throw new WrongOutcome(`${args.join(' ')} ended with ${measured.exit}`);
  expectWritten(scene, begin, 0);
  return sampleOf({ ...measured, ...memory.stop(), ...finish() }, work, { ...more, daemonCpuMs });
}

/** From the moment at which the edited file is in its place to the first act of the task. */
async function edit({ scene, daemon, work }: Served, round: number): Promise<Sample> {
  const { account } = scene;
  const task = editedTask(work);
  const before = stampOf(scene.dir, task);
  const edited = documentOf({ ...work, edit: { task, word: `v${round + 1}` } }, { workdir: scene.dir });
  scene.write({ [EDITED]: edited });
  const since = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const begin = nowSeconds();
  const from = performance.now();
  renameSync(join(scene.dir, EDITED), join(scene.dir, WATCHED_DOCUMENT));
  const changed = (): boolean => ![undefined, before].includes(stampOf(scene.dir, task));
  await until('the edited task runs', PATIENCE_MS, changed);
  const wallSeconds = (performance.now() - from) / 1000;
  const firstInstructionSeconds = (stampOf(scene.dir, task) ?? Number.NaN) - begin;
  await untilSucceeded(scene, work.tasks);
  await quiet(account);
  expectWritten(scene, since, 1);
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
