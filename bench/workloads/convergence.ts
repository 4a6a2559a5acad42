import { compare } from '../compare.ts';
import { oursCold, oursWarm, peerContenders } from '../contenders.ts';
import type { Session } from '../session.ts';
import type { Question } from '../stage.ts';
import { STAMP, type Work } from '../work.ts';
import { SLOTS, sizes, type Workload } from './workload.ts';

interface About {
  readonly name: string;
  readonly question: Question;
  readonly full: readonly number[];
  readonly quick: number;
  /** Which task is edited. */
  readonly variants: readonly { readonly variant: string; readonly edited: NonNullable<Work['edited']> }[];
  readonly about: string;
}

const ANY: About['variants'] = [{ variant: '', edited: 'last' }];

/** Questions about a fan of finished tasks with one output each: ours anew and ours with a daemon, and peers that keep records. */
function aboutFinished({ name, question, full, quick, variants, about }: About): Workload {
  const run = async (session: Session): Promise<void> => {
    for (const tasks of sizes(session, full, quick))
      for (const { variant, edited } of variants) {
        const work = { shape: 'fan', tasks, body: STAMP, slots: SLOTS, edited } as const;
        const comparison = { workload: name, variant, question, work } as const;
        await compare(session, comparison, oursCold(session.accounts), peerContenders(session));
        // By itself: both use one state, and a `run` beside a daemon would only talk to it.
        await compare(session, comparison, oursWarm(session.accounts), []);
      }
  };
  return {
    name,
    about,
    columns: [
      'firstInstructionSeconds',
      'answerMs',
      'wallSeconds',
      'cpuSeconds',
      'daemonCpuMs',
      'treePeakMb',
      'mainPeakMb',
    ],
    run,
  };
}

export const NOOP = aboutFinished({
  name: 'noop',
  question: 'again',
  full: [1_000, 10_000, 100_000],
  quick: 50,
  variants: ANY,
  about:
    'The finished work again, unchanged: N tasks with one output each. `fixpoint` is a new process with `run`, `fixpoint daemon` an `apply` to a daemon (the client’s start included, and the cpu time of both; `answer`: to a client that runs already). Checked: nothing ran.',
});

export const PLAN = aboutFinished({
  name: 'plan',
  question: 'plan',
  full: [1_000, 100_000],
  quick: 50,
  variants: [
    { variant: 'last', edited: 'last' },
    { variant: 'element', edited: 'element' },
  ],
  about:
    'One of N finished tasks was edited: say what would run. `last`: the task that stands by itself beside the fan; `element`: one of the fan’s, by a parameter that all of them read. `answer`: from the request to the whole answer, by a client that runs already; all outputs are looked at for it. make does not see an edited command; the output of that task is removed for it. Checked: nothing ran, and our plan names one task.',
});

export const EDIT = aboutFinished({
  name: 'edit1',
  question: 'edit',
  full: [1_000],
  quick: 20,
  variants: ANY,
  about:
    'One of N finished tasks is edited: from just before the edit is written until the first act of the task, which writes the time. `fixpoint daemon` watches the folder of the file. Checked: exactly that task ran.',
});
