import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ORIGINAL, type Work } from '../work.ts';
import type { Expression, Peer, Refusal } from './peer.ts';
import { lines, shellLine } from './words.ts';

const JOB_LOG = 'joblog';

export const PARALLEL: Peer = {
  name: 'parallel',
  source: { kind: 'Debian', package: 'parallel', program: 'parallel' },
  version: (program) => [program, '--version'],
  mostTasks: 10_000,
  recovers: true,
  express,
};

function express(work: Work, program: string): Expression | Refusal {
  if (work.shape !== 'fan') return { cannot: 'no dependencies' };
  // Without `{}` it would append the number, which `true` ignores as well, but `bash -c` does too.
  const command = shellLine(work.body.argv('{}', ORIGINAL));
  return {
    files: { in: lines(Array.from({ length: work.tasks }, (_, i) => String(i))) },
    stdin: 'in',
    command: [program, `-j${work.slots}`, '--will-cite', '--resume-failed', '--joblog', JOB_LOG, command],
    resumes: 'does not see edits',
    problem: (dir) => {
      const jobs = readFileSync(join(dir, JOB_LOG), 'utf8').trimEnd().split('\n').slice(1);
      const well = new Set(
        jobs
          .map((job) => job.split('\t'))
          .filter((job) => job[6] === '0')
          .map((job) => job[0]),
      );
      return well.size === work.tasks ? undefined : `${well.size} of ${work.tasks} jobs succeeded`;
    },
  };
}
