import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from '../measure/account.ts';
import { type Measured, measure, type Running, start } from '../measure/measure.ts';
import { shellLine } from '../peers/words.ts';
import type { Place } from '../place.ts';
import { WrongOutcome } from '../stage.ts';
import type { Work } from '../work.ts';
import { documentOf } from './document.ts';
import { DOCUMENT, fixpoint, STATE, statusOf } from './program.ts';

const LOOK_MS = 5;
const ASK_MS = 500;
const READY_MS = 120_000;

/** Starts it and waits until it serves. */
export async function startDaemon(
  account: Account,
  place: Place,
  slots: number,
  more: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly log?: string;
  } = {},
): Promise<Running> {
  const log = more.log ?? 'daemon';
  const running = start(account, {
    argv: fixpoint('daemon', '--state', STATE, '--cpus', String(slots), ...(more.args ?? [])),
    cwd: place.dir,
    log,
    ...(more.env === undefined ? {} : { env: more.env }),
  });
  await until('the daemon serves', READY_MS, () => {
    if (running.child.exitCode !== null) throw new WrongOutcome(`the daemon ended with ${running.child.exitCode}`);
    return readFileSync(join(place.dir, `${log}.err`), 'utf8').includes('"serving"');
  });
  return running;
}

/** Sends the signal and waits for the end. */
export async function endDaemon(running: Running, signal: NodeJS.Signals): Promise<void> {
  running.child.kill(signal);
  await running.ended;
}

/** A command to the daemon of this place, measured together with what the daemon does meanwhile. */
export async function tell(account: Account, place: Place, args: readonly string[], log: string): Promise<Measured> {
  return await measure(account, { argv: fixpoint(...args, '--state', STATE), cwd: place.dir, log });
}

/** Hands the work over to the daemon of this place. */
export async function applyWork(account: Account, place: Place, work: Work): Promise<void> {
  place.write({ [DOCUMENT]: documentOf(work) });
  await applyFile(account, place, DOCUMENT);
}

export async function applyFile(account: Account, place: Place, file: string): Promise<void> {
  const { exit } = await tell(account, place, ['apply', '-f', file], 'apply');
  if (exit !== 0) throw new WrongOutcome(`apply ended with ${exit}`);
}

/** A daemon without anything special, for people to repeat it. */
export function daemonCommand(work: Work): string {
  return shellLine(fixpoint('daemon', '--state', STATE, '--cpus', String(work.slots)));
}

/** Generous: a run that takes longer than this for so many tasks is stuck. */
export function patienceFor(tasks: number): number {
  return 120_000 + 100 * tasks;
}

/** Waits until all tasks have succeeded, without asking so often that the answers cost. */
export async function untilSucceeded(place: Place, tasks: number): Promise<void> {
  await until(`${tasks} tasks succeed`, patienceFor(tasks), async () => {
    await pause(ASK_MS);
    if (!existsSync(join(place.dir, STATE))) return false;
    const { phase, counts } = statusOf(place.dir);
    if (phase === 'Failed' || phase === 'Cancelled') throw new WrongOutcome(`the workflow is ${phase}`);
    return phase === 'Succeeded' && counts['Succeeded'] === tasks;
  });
}

export async function until(what: string, patienceMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new WrongOutcome(`waited in vain: ${what}`);
    await pause(LOOK_MS);
  }
}
