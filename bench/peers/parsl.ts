import type { Peer } from './peer.ts';
import { driven, packageVersion } from './python-driver.ts';

const REQUIREMENTS = ['parsl==2026.10.26'];

/** Two of its executors: threads of one process, and worker processes behind an interchange. */
function parsl(name: string, executor: string): Peer {
  return {
    name,
    source: { kind: 'PyPI', venv: 'parsl', requirements: REQUIREMENTS, program: 'python' },
    version: packageVersion('parsl'),
    mostTasks: 10_000,
    express: (work, program) =>
      work.body.output === undefined
        ? driven(work, { program, script: 'parsl_driver.py', args: [executor] })
        : driven(work, { program, script: 'parsl_driver.py', args: [executor, 'memo'] }, 'sees edits'),
  };
}

export const PARSL_THREADS = parsl('parsl-threads', 'threads');
export const PARSL_HTEX = parsl('parsl-htex', 'htex');
