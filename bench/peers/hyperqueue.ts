import type { Peer } from './peer.ts';
import { driven, packageVersion } from './python-driver.ts';

/** Its Python package: server and worker in one process, no journal. The command-line program is in no registry. */
export const HYPERQUEUE: Peer = {
  name: 'hyperqueue',
  source: { kind: 'PyPI', venv: 'hyperqueue', requirements: ['hyperqueue==0.27.0'], program: 'python' },
  version: packageVersion('hyperqueue'),
  mostTasks: 10_000,
  express: (work, program) =>
    work.body.output === undefined
      ? driven(work, { program, script: 'hyperqueue_driver.py' })
      : { cannot: 'no record between runs' },
};
