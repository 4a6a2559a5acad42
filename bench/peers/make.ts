import { argvOf, parentsOf, type Work } from '../work.ts';
import type { Expression, Peer } from './peer.ts';
import { dollarsDoubled, lines, shellLine } from './words.ts';

export const MAKE: Peer = {
  name: 'make',
  source: { kind: 'Debian', package: 'make', program: 'make' },
  version: (program) => [program, '--version'],
  express,
};

function express(work: Work, program: string): Expression {
  const { output } = work.body;
  const target = (task: number): string => output?.(String(task)) ?? `t${task}`;
  const targets = Array.from({ length: work.tasks }, (_, task) => target(task)).join(' ');
  const rules = parentsOf(work).map(
    (parents, task) =>
      `${target(task)}: ${parents.map(target).join(' ')}\n\t@${dollarsDoubled(shellLine(argvOf(work, task)))}`,
  );
  const phony = output === undefined ? ['.PHONY: all $(TARGETS)'] : ['.PHONY: all'];
  const command = [program, '--no-print-directory', `-j${work.slots}`];
  return {
    files: { Makefile: lines([`TARGETS = ${targets}`, 'all: $(TARGETS)', ...phony, ...rules]) },
    command: [...command, 'all'],
    ...(output === undefined ? {} : { plan: [...command, '-n', 'all'], resumes: 'is told of edits' }),
  };
}
