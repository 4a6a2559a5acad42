import { argvOf, parentsOf, type Work } from '../work.ts';
import type { Expression, Peer } from './peer.ts';
import { dollarsDoubled, lines, shellLine } from './words.ts';

export const NINJA: Peer = {
  name: 'ninja',
  source: { kind: 'Debian', package: 'ninja-build', program: 'ninja' },
  version: (program) => [program, '--version'],
  express,
};

function express(work: Work, program: string): Expression {
  const { output } = work.body;
  const target = (task: number): string => output?.(String(task)) ?? `t${task}`;
  const builds = parentsOf(work).map(
    (parents, task) =>
      `build ${target(task)}: run ${parents.map(target).join(' ')}\n  argv = ${dollarsDoubled(shellLine(argvOf(work, task)))}`,
  );
  const command = [program, '--quiet', `-j${work.slots}`];
  return {
    files: { 'build.ninja': lines(['rule run', '  command = $argv', ...builds]) },
    command,
    ...(output === undefined ? {} : { plan: [program, `-j${work.slots}`, '-n'], resumes: 'sees edits' }),
  };
}
