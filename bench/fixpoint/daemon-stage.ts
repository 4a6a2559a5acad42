import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account, AccountKind } from '../measure/account.ts';
import { observe, type Running, watchMemory } from '../measure/measure.ts';
import type { Refusal } from '../peers/peer.ts';
import { shellLine } from '../peers/words.ts';
import { newPlace, type Place } from '../place.ts';
import { expectWritten } from '../program-stage.ts';
import { type Question, type Sample, type Stage, sampleOf, WrongOutcome } from '../stage.ts';
import { settledNow, stampOf } from '../stamps.ts';
import { outputProblem, type Work } from '../work.ts';
import { endDaemon, startDaemon, tell, until, untilSucceeded } from './daemon.ts';
import { documentOf } from './document.ts';
import { fixpoint, STATE } from './program.ts';

const WATCHED = 'watched';
const DOCUMENT = join(WATCHED, 'bench.json');
const QUIET_MS = 100;
/** Less cpu time than this within QUIET_MS is nothing. */
const QUIET_SECONDS = 0.002;
const PATIENCE_MS = 60_000;

/** A daemon that watches a folder and has done all of the work in it. */
export async function daemonStage(accounts: AccountKind, question: Question, work: Work): Promise<Stage | Refusal> {
  if (question === 'all') return { cannot: 'a daemon is asked about what it has done' };
  const place = newPlace();
  const account = accounts.open();
  try {
    place.write({ [DOCUMENT]: documentOf(work, { workdir: place.dir }) });
    const daemon = await startDaemon(account, place, work.slots, { args: ['--watch', WATCHED] });
    await untilSucceeded(place, work.tasks);
    const problem = outputProblem(work, place.dir);
    if (problem !== undefined) throw new WrongOutcome(problem);
    await quiet(account);
    return stage({ account, place, daemon, work }, question);
  } catch (error) {
    await account.close();
    place.remove();
    throw error;
  }
}

interface Served {
  readonly account: Account;
  readonly place: Place;
  readonly daemon: Running;
  readonly work: Work;
}

function stage(served: Served, question: Exclude<Question, 'all'>): Stage {
  const { account, place, daemon } = served;
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
      await account.close();
      place.remove();
    },
  };
}

async function again({ account, place, daemon, work }: Served): Promise<Sample> {
  return await told({ account, place, daemon, work }, ['apply', '-f', DOCUMENT], 0);
}

async function plan(served: Served): Promise<Sample> {
  const { place, work } = served;
  const edit = { task: Math.floor(work.tasks / 2), word: 'v1' };
  place.write({ 'edited.json': documentOf({ ...work, edit }, { workdir: place.dir }) });
  const sample = await told(served, ['plan', '-f', 'edited.json'], 2);
  const said = readFileSync(join(place.dir, 'told.out'), 'utf8');
  if (!/\b1 Reset\b/.test(said)) throw new WrongOutcome(`the plan said ${said.slice(-200)}`);
  return sample;
}

/** What the command costs, together with what the daemon does for it, also after it has ended. Nothing may run. */
async function told(served: Served, args: readonly string[], exit: number): Promise<Sample> {
  const { account, place, daemon, work } = served;
  const begin = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const measured = await tell(account, place, args, 'told');
  await quiet(account);
  if (measured.exit !== exit) throw new WrongOutcome(`${args.join(' ')} ended with ${measured.exit}`);
  expectWritten(place, begin, 0);
  return sampleOf({ ...measured, ...memory.stop(), ...finish() }, work);
}

/** From the moment at which the edited file is in its place to the first act of the task. */
async function edit({ account, place, daemon, work }: Served, round: number): Promise<Sample> {
  const task = Math.floor(work.tasks / 2);
  const before = stampOf(place.dir, task);
  const edited = documentOf({ ...work, edit: { task, word: `v${round + 1}` } }, { workdir: place.dir });
  place.write({ 'edited.json': edited });
  const begin = await settledNow();
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const from = performance.now();
  renameSync(join(place.dir, 'edited.json'), join(place.dir, DOCUMENT));
  const changed = (): boolean => ![undefined, before].includes(stampOf(place.dir, task));
  await until('the edited task runs', PATIENCE_MS, changed);
  const wallSeconds = (performance.now() - from) / 1000;
  const firstInstructionSeconds = (stampOf(place.dir, task) ?? Number.NaN) - begin;
  await untilSucceeded(place, work.tasks);
  await quiet(account);
  expectWritten(place, begin, 1);
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
