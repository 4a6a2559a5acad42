import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Account, AccountKind } from './measure/account.ts';
import { type Measured, measure } from './measure/measure.ts';
import { type Expression, isRefusal, type Refusal } from './peers/peer.ts';
import { shellLine } from './peers/words.ts';
import { newPlace, type Place } from './place.ts';
import { type Question, type Sample, type Stage, sampleOf, WrongOutcome } from './stage.ts';
import { settledNow, stampOf, writtenSince } from './stamps.ts';
import { outputProblem, type Work } from './work.ts';

/** Questions to a tool that is a command, which is started anew each time. Ours with `run` is one of them. */
export type Express = (work: Work) => Expression | Refusal;

export async function programStage(
  accounts: AccountKind,
  question: Question,
  work: Work,
  express: Express,
): Promise<Stage | Refusal> {
  const expression = express(work);
  if (isRefusal(expression)) return expression;
  if (question === 'all') return fresh(accounts, work, expression);
  const { resumes, plan } = expression;
  if (resumes === undefined) return { cannot: 'no record between runs' };
  if (question === 'plan' && plan === undefined) return { cannot: 'no plan' };
  if (question !== 'again' && resumes === 'does not see edits') return { cannot: 'an edited task is not seen' };
  const series = await prepared(accounts, work, expression);
  return {
    command: shellLine(question === 'plan' ? (plan ?? []) : expression.command),
    once: (round) => series.once(question, round, express),
    close: series.close,
  };
}

/** Each time in a new folder. */
function fresh(accounts: AccountKind, work: Work, expression: Expression): Stage {
  return {
    command: shellLine(expression.command),
    once: async () => {
      const place = newPlace();
      const account = accounts.open();
      try {
        place.write(expression.files);
        const measured = await runChecked(account, place, work, expression);
        const { forks } = measured.circumstances;
        if (forks < work.tasks) throw new WrongOutcome(`only ${forks} processes were started for ${work.tasks} tasks`);
        return sampleOf(measured, work);
      } finally {
        await account.close();
        place.remove();
      }
    },
    close: async () => {},
  };
}

interface Series {
  readonly once: (question: Question, round: number, express: Express) => Promise<Sample>;
  readonly close: () => Promise<void>;
}

/** One folder in which all of the work has been done. */
async function prepared(accounts: AccountKind, work: Work, expression: Expression): Promise<Series> {
  const place = newPlace();
  const account = accounts.open();
  const close = async (): Promise<void> => {
    await account.close();
    place.remove();
  };
  try {
    place.write(expression.files);
    await runChecked(account, place, work, expression);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    once: async (question, round, express) => {
      if (question === 'again') return await again(account, place, work, expression);
      const task = Math.floor(work.tasks / 2);
      // Nothing is run by a plan, so the same edit is new each time; a run needs another word.
      const word = question === 'plan' ? 'v1' : `v${round + 1}`;
      const edited = express({ ...work, edit: { task, word } });
      if (isRefusal(edited)) throw new WrongOutcome(edited.cannot);
      return await afterEdit(account, place, question, { ...work, edit: { task, word } }, edited);
    },
    close,
  };
}

async function again(account: Account, place: Place, work: Work, expression: Expression): Promise<Sample> {
  const begin = await settledNow();
  const measured = await runChecked(account, place, work, expression);
  expectWritten(place, begin, 0);
  return sampleOf(measured, work);
}

type Edited = Work & Required<Pick<Work, 'edit'>>;

async function afterEdit(
  account: Account,
  place: Place,
  question: Question,
  work: Edited,
  expression: Expression,
): Promise<Sample> {
  const { task } = work.edit;
  const begin = await settledNow();
  place.write(expression.files);
  const path = work.body.output?.(String(task));
  if (expression.resumes === 'is told of edits' && path !== undefined) rmSync(join(place.dir, path), { force: true });
  if (question === 'plan') {
    const measured = await measure(account, { argv: expression.plan ?? [], cwd: place.dir, log: 'plan' });
    expectPlan(place, measured, expression);
    expectWritten(place, begin, 0);
    return sampleOf(measured, work);
  }
  const measured = await runChecked(account, place, work, expression);
  expectWritten(place, begin, 1);
  return sampleOf(measured, work, { firstInstructionSeconds: (stampOf(place.dir, task) ?? Number.NaN) - begin });
}

function expectPlan(place: Place, measured: Measured, expression: Expression): void {
  if (measured.exit !== (expression.planExit ?? 0)) throw new WrongOutcome(`the plan ended with ${measured.exit}`);
  const said = readFileSync(join(place.dir, 'plan.out'), 'utf8');
  if (expression.planSays?.test(said) === false) throw new WrongOutcome(`the plan said ${said.slice(-200)}`);
}

export function expectWritten(place: Place, since: number, count: number): void {
  const written = writtenSince(place.dir, since);
  if (written !== count) throw new WrongOutcome(`${written} tasks ran, not ${count}`);
}

async function runChecked(account: Account, place: Place, work: Work, expression: Expression): Promise<Measured> {
  const { command, stdin } = expression;
  const { dir } = place;
  const measured = await measure(account, {
    argv: command,
    cwd: dir,
    log: 'said',
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
