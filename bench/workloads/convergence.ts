import { compare } from '../compare.ts';
import { oursCold, oursWarm, peerContenders } from '../contenders.ts';
import type { Session } from '../session.ts';
import type { Question } from '../stage.ts';
import { STAMP } from '../work.ts';
import { SLOTS, sizes, type Workload } from './workload.ts';

/** Questions about a fan of finished tasks with one output each: ours anew and ours with a daemon, and peers that keep records. */
function aboutFinished(
  name: string,
  question: Question,
  full: readonly number[],
  quick: number,
  about: string,
): Workload {
  const run = async (session: Session): Promise<void> => {
    for (const tasks of sizes(session, full, quick)) {
      const comparison = {
        workload: name,
        variant: '',
        question,
        work: { shape: 'fan', tasks, body: STAMP, slots: SLOTS },
      } as const;
      await compare(session, comparison, oursCold(session.accounts), peerContenders(session));
      // By itself: both use one state, and a `run` beside a daemon would only talk to it.
      await compare(session, comparison, oursWarm(session.accounts), []);
    }
  };
  return {
    name,
    about,
    columns: ['firstInstructionSeconds', 'wallSeconds', 'cpuSeconds', 'daemonCpuMs', 'treePeakMb', 'mainPeakMb'],
    run,
  };
}

export const NOOP = aboutFinished(
  'noop',
  'again',
  [1_000, 10_000, 100_000],
  50,
  'The finished work again, unchanged: N tasks with one output each. `fixpoint` is a new process with `run`, `fixpoint daemon` an `apply` to a daemon (the client’s start included, and the cpu time of both). Checked: nothing ran.',
);

export const PLAN = aboutFinished(
  'plan',
  'plan',
  [1_000, 100_000],
  50,
  'One of N finished tasks was edited: say what would run. make does not see an edited command; the output of that task is removed for it. Checked: nothing ran, and our plan names one task.',
);

export const EDIT = aboutFinished(
  'edit1',
  'edit',
  [1_000],
  20,
  'One of N finished tasks is edited: from just before the edit is written until the first act of the task, which writes the time. `fixpoint daemon` watches the folder of the file. Checked: exactly that task ran.',
);
