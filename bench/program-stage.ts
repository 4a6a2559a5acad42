import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountKind } from './measure/account.ts';
import { type Measured, measure } from './measure/measure.ts';
import { type Expression, isRefusal, type Refusal } from './peers/peer.ts';
import { shellLine } from './peers/words.ts';
import { inScene, openScene, type Scene } from './scene.ts';
import { type Question, type Sample, type Stage, sampleOf, WrongOutcome } from './stage.ts';
import { settledNow, stampOf, writtenSince } from './stamps.ts';
import { editedTask, outputProblem, type Work } from './work.ts';

/** Questions to a tool that is a command, which is started anew each time. Ours with `run` is one of them. */
export type Express = (work: Work) => Expression | Refusal;

/** A folder in which all of the work has been done, and what to do with it when the question is answered. */
export interface Finished {
  readonly scene: Scene;
  readonly release: () => Promise<void>;
}

/** How such a folder is come by. */
export type Finish = (accounts: AccountKind, work: Work, expression: Expression) => Promise<Finished>;

export async function programStage(
  accounts: AccountKind,
  question: Question,
  work: Work,
  express: Express,
  finish: Finish = finishAnew,
): Promise<Stage | Refusal> {
  const expression = express(work);
  if (isRefusal(expression)) return expression;
  if (question === 'all') return fresh(accounts, work, expression);
  const { resumes, plan } = expression;
  if (resumes === undefined) return { cannot: 'no record between runs' };
  if (question === 'plan' && plan === undefined) return { cannot: 'no plan' };
  if (question !== 'again' && resumes === 'does not see edits') return { cannot: 'an edited task is not seen' };
  const { scene, release } = await finish(accounts, work, expression);
  return {
    command: question === 'plan' ? shellLine(plan ?? []) : shownCommand(expression),
    once: async (round) => {
      if (question === 'again') return await again(scene, work, expression);
      const edited = editedWork(work, question, round);
      const anew = express(edited);
      if (isRefusal(anew)) throw new WrongOutcome(anew.cannot);
      const sample = await afterEdit(scene, question, edited, anew);
      // A plan has changed nothing but the text.
      if (question === 'plan') scene.write(expression.files);
      return sample;
    },
    close: release,
  };
}

/** Each time in a new folder. */
function fresh(accounts: AccountKind, work: Work, expression: Expression): Stage {
  return {
    command: shownCommand(expression),
    once: () =>
      inScene(accounts, async (scene) => {
        scene.write(expression.files);
        const measured = await runChecked(scene, work, expression);
        const { forks } = measured.circumstances;
        if (forks < work.tasks) throw new WrongOutcome(`only ${forks} processes were started for ${work.tasks} tasks`);
        return sampleOf(measured, work);
      }),
    close: async () => {},
  };
}

/** In a folder of its own, which is removed afterwards. */
async function finishAnew(accounts: AccountKind, work: Work, expression: Expression): Promise<Finished> {
  const scene = openScene(accounts);
  try {
    scene.write(expression.files);
    await runChecked(scene, work, expression);
    return { scene, release: scene.close };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

const kept = new Map<string, Finished>();

/**
 * Once for all questions that leave it as it is: a hundred thousand tasks take minutes. It is kept until all scenes are
 * closed. Only for one tool.
 */
export async function finishOnce(accounts: AccountKind, work: Work, expression: Expression): Promise<Finished> {
  const key = JSON.stringify([work.shape, work.tasks, work.body.name, work.slots]);
  const known = kept.get(key);
  if (known !== undefined) return known;
  const { scene } = await finishAnew(accounts, work, expression);
  const finished = { scene, release: async () => {} };
  kept.set(key, finished);
  return finished;
}

/** Nothing is run by a plan, so the same edit is new each time; a run needs another word. */
function editedWork(work: Work, question: Question, round: number): Edited {
  return { ...work, edit: { task: editedTask(work), word: question === 'plan' ? 'v1' : `v${round + 1}` } };
}

async function again(scene: Scene, work: Work, expression: Expression): Promise<Sample> {
  const begin = await settledNow();
  const measured = await runChecked(scene, work, expression);
  expectWritten(scene, begin, 0);
  return sampleOf(measured, work);
}

type Edited = Work & Required<Pick<Work, 'edit'>>;

async function afterEdit(scene: Scene, question: Question, work: Edited, expression: Expression): Promise<Sample> {
  const { task } = work.edit;
  const begin = await settledNow();
  scene.write(expression.files);
  const path = work.body.output?.(String(task));
  if (expression.resumes === 'is told of edits' && path !== undefined) rmSync(join(scene.dir, path), { force: true });
  if (question === 'plan') {
    const measured = await measure(scene.account, {
      argv: expression.plan ?? [],
      cwd: scene.dir,
      log: 'plan',
      patienceMs: patience(work),
    });
    expectPlan(scene, measured, expression);
    expectWritten(scene, begin, 0);
    return sampleOf(measured, work);
  }
  const measured = await runChecked(scene, work, expression);
  expectWritten(scene, begin, 1);
  return sampleOf(measured, work, { firstInstructionSeconds: (stampOf(scene.dir, task) ?? Number.NaN) - begin });
}

function expectPlan(scene: Scene, measured: Measured, expression: Expression): void {
  if (measured.exit !== (expression.planExit ?? 0)) throw new WrongOutcome(`the plan ended with ${measured.exit}`);
  const said = readFileSync(join(scene.dir, 'plan.out'), 'utf8');
  if (expression.planSays?.test(said) === false) throw new WrongOutcome(`the plan said ${said.slice(-200)}`);
}

function shownCommand({ command, stdin }: Expression): string {
  return `${shellLine(command)}${stdin === undefined ? '' : ` < ${stdin}`}`;
}

export function expectWritten(scene: Scene, since: number, count: number): void {
  const written = writtenSince(scene.dir, since);
  if (written !== count) throw new WrongOutcome(`${written} tasks ran, not ${count}`);
}

async function runChecked(scene: Scene, work: Work, expression: Expression): Promise<Measured> {
  const { command, stdin } = expression;
  const { dir, account } = scene;
  const measured = await measure(account, {
    argv: command,
    cwd: dir,
    log: 'said',
    patienceMs: patience(work),
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (measured.exit !== 0) {
    const said = readFileSync(join(dir, 'said.err'), 'utf8').trimEnd().slice(-500);
    throw new WrongOutcome(`it ended with ${measured.exit}: ${said}`);
  }
  const problem = expression.problem?.(dir) ?? outputProblem(work, dir);
  if (problem !== undefined) throw new WrongOutcome(problem);
  return measured;
}

/** A run that takes longer than this hangs. */
function patience(work: Work): number {
  return 600_000 + 200 * work.tasks;
}
