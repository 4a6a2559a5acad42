import type { Peer } from './peer.ts';
import { driven, packageVersion } from './python-driver.ts';

export const DASK: Peer = {
  name: 'dask',
  source: { kind: 'PyPI', venv: 'dask', requirements: ['distributed==2026.8.0'], program: 'python' },
  version: packageVersion('distributed'),
  mostTasks: 10_000,
  express: (work, program) =>
    work.body.output === undefined
      ? driven(work, { program, script: 'dask_driver.py' })
      : { cannot: 'no record between runs' },
};
