import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Measured, measure, type Running, start } from '../measure/measure.ts';
import { shellLine } from '../peers/words.ts';
import type { Scene } from '../scene.ts';
import { WrongOutcome } from '../stage.ts';
import type { Work } from '../work.ts';
import { documentOf, WORKFLOW } from './document.ts';
import { DOCUMENT, fixpoint, STATE, statusProblem } from './program.ts';

const LOOK_MS = 5;
const READY_MS = 120_000;
const execute = promisify(execFile);

/** Starts it and waits until it serves. */
export async function startDaemon(
  { account, dir }: Scene,
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
    cwd: dir,
    log,
    ...(more.env === undefined ? {} : { env: more.env }),
  });
  await until('the daemon serves', READY_MS, () => {
    if (running.child.exitCode !== null) throw new WrongOutcome(`the daemon ended with ${running.child.exitCode}`);
    return readFileSync(join(dir, `${log}.err`), 'utf8').includes('"serving"');
  });
  return running;
}

/** Sends the signal and waits for the end. */
export async function endDaemon(running: Running, signal: NodeJS.Signals): Promise<void> {
  running.child.kill(signal);
  await running.ended;
}

/** A command to the daemon of this place that makes it start nothing; measured together with what the daemon does meanwhile. */
export async function tell({ account, dir }: Scene, args: readonly string[], log: string): Promise<Measured> {
  return await measure(account, { argv: fixpoint(...args, '--state', STATE), cwd: dir, log });
}

/** Hands the work over to the daemon of this place. */
export async function applyWork(scene: Scene, work: Work): Promise<void> {
  scene.write({ [DOCUMENT]: documentOf(work) });
  await applyFile(scene, DOCUMENT);
}

/** Returns when the client does: what the daemon starts for it is not waited for. */
export async function applyFile({ account, dir }: Scene, file: string): Promise<void> {
  const argv = fixpoint('apply', '-f', file, '--state', STATE);
  const exit = await start(account, { argv, cwd: dir, log: 'apply' }).ended;
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

/** Waits until all tasks have succeeded: one client waits, outside of the account, and costs nothing meanwhile. */
export async function untilSucceeded({ dir }: Scene, tasks: number): Promise<void> {
  const timeout = `${Math.ceil(patienceFor(tasks) / 1000)}s`;
  const [program = '', ...args] = fixpoint(
    'wait',
    WORKFLOW,
    '--for',
    'phase=Succeeded',
    '--timeout',
    timeout,
    '--state',
    STATE,
  );
  await execute(program, args, { cwd: dir });
  const problem = statusProblem(dir, tasks);
  if (problem !== undefined) throw new WrongOutcome(problem);
}

export async function until(what: string, patienceMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new WrongOutcome(`waited in vain: ${what}`);
    await pause(LOOK_MS);
  }
}
