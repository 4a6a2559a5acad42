import { isRefusal } from './peers/peer.ts';
import { record, type Session, type Subject } from './session.ts';
import { type Contender, failure, type Question, type Sample, type Stage } from './stage.ts';
import type { Work } from './work.ts';

export interface Comparison {
  readonly workload: string;
  readonly variant: string;
  readonly question: Question;
  readonly work: Work;
}

/**
 * Ours against each of the others, in alternating pairs: ours, the other, ours, the other. What disturbs the machine for a
 * while disturbs both. Ours alone is measured where nobody else takes part.
 */
export async function compare(
  session: Session,
  comparison: Comparison,
  ours: Contender,
  others: readonly Contender[],
): Promise<void> {
  const { workload, variant, question, work } = comparison;
  const subject: Subject = { workload, variant, tasks: work.tasks, slots: work.slots };
  session.say(`${workload} ${variant}, ${work.tasks} tasks, ${work.slots} slots`);
  const ourStage = await stageOf(session, ours, question, work);
  if (ourStage === undefined) return;
  const ourSamples: Sample[] = [];
  try {
    for (const other of others) {
      const stage = await stageOf(session, other, question, work);
      if (stage === undefined) continue;
      const pairs = await attempt(session, other, () => alternate(session.pairs, ourStage, stage, ourSamples));
      await stage.close();
      if (pairs !== undefined) {
        record(session, { subject, who: other, command: stage.command, samples: pairs.theirs, against: pairs.ours });
      }
    }
    if (ourSamples.length === 0) await attempt(session, ours, () => repeat(session.pairs, ourStage, ourSamples));
  } finally {
    await ourStage.close();
  }
  if (ourSamples.length > 0) {
    record(session, { subject, who: ours, command: ourStage.command, samples: ourSamples });
  }
}

async function stageOf(
  session: Session,
  contender: Contender,
  question: Question,
  work: Work,
): Promise<Stage | undefined> {
  const stage = await attempt(session, contender, () => contender.stage(question, work));
  if (stage === undefined || !isRefusal(stage)) return stage;
  session.say(`  ${contender.name} skipped: ${stage.cannot}`);
  return undefined;
}

/** A run that went wrong is an error of that contender alone. */
async function attempt<T>(session: Session, contender: Contender, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    session.fail(`  ${contender.name} FAILED: ${failure(error)}`);
    return undefined;
  }
}

async function alternate(
  pairs: number,
  ours: Stage,
  theirs: Stage,
  allOurs: Sample[],
): Promise<{ readonly ours: readonly Sample[]; readonly theirs: readonly Sample[] }> {
  const samples = { ours: [] as Sample[], theirs: [] as Sample[] };
  for (let round = 0; round < pairs; round++) {
    // Rounds of ours go on from one peer to the next, so that every edit is a new one.
    const own = await ours.once(allOurs.length);
    allOurs.push(own);
    samples.ours.push(own);
    samples.theirs.push(await theirs.once(round));
  }
  return samples;
}

async function repeat(times: number, stage: Stage, samples: Sample[]): Promise<void> {
  for (let round = 0; round < times; round++) samples.push(await stage.once(round));
}
