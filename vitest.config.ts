import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

// Six layers. `unit` and `contract` share one module graph per thread, which keeps hundreds of small tests cheap;
// such tests must therefore not leave state behind. `system` drives the built program in dist/ as a user does, so it
// runs in processes of its own; `alone` is what counts what a whole machine does, or has a whole cluster at work, and comes when
// nobody else is.
const MINUTE = 60_000;

/** One layer: where its files are and how long one test and one hook may take. */
const layer = (
  name: string,
  include: string[],
  pool: 'threads' | 'forks',
  isolate: boolean,
  timeout: number,
  globalSetup: string[] = [],
  exclude: string[] = [],
): TestProjectInlineConfiguration => ({
  test: {
    name,
    include,
    exclude,
    pool,
    isolate,
    testTimeout: timeout,
    hookTimeout: timeout,
    environment: 'node',
    setupFiles: ['test/rig/property-seed.ts'],
    globalSetup,
  },
});

const ALONE = ['test/system/budgets.test.ts', 'test/system/cluster-home*.test.ts'];

const afterAllOthers = ({ test }: TestProjectInlineConfiguration): TestProjectInlineConfiguration => ({
  test: { ...test, maxWorkers: 1, sequence: { groupOrder: 1 } },
});

// Continuous integration counts tests by machine: with a folder in this variable each run leaves a report there.
const reports = process.env.FIXPOINT_TEST_REPORTS;

const config = defineConfig({
  test: {
    reporters: reports ? ['default', ['json', { outputFile: `${reports}/${process.pid}.json` }]] : ['default'],
    passWithNoTests: false,
    globalSetup: ['test/rig/slurm-teardown.ts'],
    maxWorkers: 2,
    projects: [
      layer('tidy', ['test/tidy.test.ts'], 'threads', false, MINUTE),
      layer('unit', ['test/unit/**/*.test.ts'], 'threads', false, MINUTE / 2),
      layer('contract', ['test/contract/**/*.test.ts'], 'threads', false, MINUTE),
      layer('simulation', ['test/simulation/**/*.test.ts'], 'threads', true, 5 * MINUTE),
      layer('system', ['test/system/**/*.test.ts'], 'forks', true, 3 * MINUTE, ['test/rig/kubernetes-end.ts'], ALONE),
      afterAllOthers(layer('alone', ALONE, 'forks', true, 3 * MINUTE, ['test/rig/kubernetes-end.ts'])),
    ],
  },
});

// The one default export of the repository: vitest finds its configuration by it.
export default config;
