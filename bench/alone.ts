import { fixpointVersion } from './fixpoint/program.ts';
import { inScene, type Scene } from './scene.ts';
import { record, type Session } from './session.ts';
import { failure, type Sample } from './stage.ts';
import type { Work } from './work.ts';

export interface Solo {
  readonly workload: string;
  readonly variant: string;
  readonly work: Work;
  readonly times: number;
  /** For people to repeat it. */
  readonly command: string;
}

/** What only ours is asked: the same thing several times, each in a scene of its own. */
export async function alone(session: Session, solo: Solo, once: (scene: Scene) => Promise<Sample>): Promise<void> {
  const { workload, variant, work, command } = solo;
  session.say(`${workload} ${variant}, ${work.tasks} tasks, ${work.slots} slots`);
  const samples: Sample[] = [];
  try {
    while (samples.length < solo.times) samples.push(await inScene(session.accounts, once));
  } catch (error) {
    session.fail(`  fixpoint FAILED: ${failure(error)}`);
    return;
  }
  const subject = { workload, variant, tasks: work.tasks, slots: work.slots };
  record(session, { subject, who: { name: 'fixpoint', version: fixpointVersion() }, command, samples });
}
