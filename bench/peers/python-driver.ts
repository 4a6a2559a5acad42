import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { argvOf, parentsOf, type Work } from '../work.ts';
import type { Expression, Resumption } from './peer.ts';

const DRIVERS = resolve(import.meta.dirname, '../drivers');
const FINISHED = 'finished';

/**
 * Libraries are driven by a script of `bench/drivers`: it reads the work from `work.json`, does it, and writes down how
 * many tasks succeeded. `program` is something in the `bin` folder of the tool's environment.
 */
export function driven(
  work: Work,
  driver: { readonly program: string; readonly script: string; readonly args?: readonly string[] },
  resumes?: Resumption,
): Expression {
  const tasks = parentsOf(work).map((parents, task) => ({ argv: argvOf(work, task), parents }));
  return {
    files: { 'work.json': JSON.stringify({ slots: work.slots, tasks }) },
    command: [join(dirname(driver.program), 'python'), join(DRIVERS, driver.script), ...(driver.args ?? [])],
    ...(resumes === undefined ? {} : { resumes }),
    problem: (dir) => {
      const finished = Number(readFileSync(join(dir, FINISHED), 'utf8'));
      return finished === work.tasks ? undefined : `${finished} of ${work.tasks} tasks succeeded`;
    },
  };
}

/** How the version of a package is asked of the environment that has it. */
export function packageVersion(name: string): (program: string) => readonly string[] {
  return (program) => [
    join(dirname(program), 'python'),
    '-c',
    `import importlib.metadata as m; print(m.version(${JSON.stringify(name)}))`,
  ];
}
