import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { FOLDER_ANNOTATION } from '../../src/apis/meta.ts';
import type { TaskItem } from '../../src/apis/task-view.ts';
import type { WorkflowDocument } from '../../src/apis/workflow.ts';
import type { VerbRequest } from '../../src/controllers/home.ts';
import type { Sandbox } from './cli.ts';
import { until } from './eventually.ts';
import type { Step, Work } from './fail-work.ts';
import type { SlurmCluster } from './slurm.ts';
import { type Expectation, prepare, watched } from './soak-oracle.ts';

// A small workflow on a real Slurm that, round by round, asks for everything that has an effect there: arrays and jobs of
// several shapes, a failure, cancels of what runs and of what waits.

const ELEMENTS = 3;
const FOR_EVER = 86_400;
const ENDLESS = ['slow', 'later'];
const MADE = ['a', 'b'].flatMap((name) => Array.from({ length: ELEMENTS }, (_, i) => `${name}/${i}`)).concat('f');

/** Each asks for something else, so each is a submission of its own. */
const shape = (nice: number) => ({ extraArgs: [`--nice=${nice}`] });

function documentOf(box: Sandbox, edition: number): WorkflowDocument {
  const e = '${{ params.edition }}';
  const task = (name: string, nice: number, body: string, more: object = {}) => ({
    name,
    backend: 'slurm',
    // The least that the cluster of the tests enforces.
    resources: { cpu: 1, memory: '64Mi' },
    // Jobs have the environment of a login, not ours.
    env: [{ name: 'LOG', value: box.path('log') }],
    slurm: shape(nice),
    run: watched(body),
    ...more,
  });
  const made = (name: string, nice: number, body: string, more: object = {}) =>
    task(name, nice, `${body}echo ${e} > \${{ outputs.o }}`, {
      outputs: [{ name: 'o', path: `${name}/\${{ key }}.txt` }],
      ...more,
    });
  const tasks = [
    made('a', 1, 'sleep 0.2; ', { foreach: { range: { count: ELEMENTS } } }),
    made('b', 2, 'cat ${{ inputs.i }} > /dev/null; ', {
      foreach: { each: 'a' },
      inputs: [{ name: 'i', path: '${{ tasks.a.at(key).outputs.o }}' }],
    }),
    made('f', 3, `[ -e f-${e} ] || { : > f-${e}; exit 1; }; `, {
      outputs: [{ name: 'o', path: 'f/f.txt' }],
      retry: { limit: 2, backoff: { initial: '100ms' } },
    }),
    task('slow', 4, `sleep ${FOR_EVER}`),
    task('later', 5, ':', { slurm: { extraArgs: ['--begin=now+1hour'] } }),
  ];
  const metadata = { name: 'w', annotations: { [FOLDER_ANNOTATION]: box.dir } };
  return { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata, spec: { params: { edition }, tasks } };
}

function stepsOf(box: Sandbox, edition: number): Step[] {
  const asks = (verb: VerbRequest['verb'], done: Step['done']): Step => {
    const request = { id: `${verb}-${edition}`, verb, tasks: ENDLESS };
    return { name: request.id, document: undefined, request, seems: () => true, done };
  };
  const made: Step = {
    name: 'made',
    document: documentOf(box, edition),
    request: undefined,
    seems: () => wrongFiles(box, edition).length === 0,
    done: (tasks) => MADE.every((key) => phaseOf(tasks, key) === 'Succeeded'),
  };
  const cancelled: Step['done'] = (tasks) => ENDLESS.every((key) => phaseOf(tasks, key) === 'Cancelled');
  return [
    ...(edition === 1 ? [] : [asks('reset', () => true)]),
    { ...made, done: (tasks) => made.done(tasks) && phaseOf(tasks, 'slow') === 'Running' },
    asks('cancel', cancelled),
    { ...made, name: 'at rest', done: (tasks) => made.done(tasks) && cancelled(tasks) },
  ];
}

function expectations(rounds: number): Map<string, Expectation> {
  const expected = new Map<string, Expectation>();
  const add = (key: string, runs: number, end: string): void =>
    void expected.set(key, { ends: [end], again: runs - 1, loses: 0 });
  for (const key of MADE) add(key, rounds, 'Succeeded Completed');
  // Once it fails.
  add('f', 2 * rounds, 'Succeeded Completed');
  add('slow', rounds, 'Cancelled CancelledByRequest');
  // Nobody waits for an hour.
  add('later', 0, 'Cancelled CancelledByRequest');
  return expected;
}

function phaseOf(tasks: ReadonlyMap<string, TaskItem>, key: string): string | undefined {
  return tasks.get(key)?.status.phase;
}

function wrongFiles(box: Sandbox, edition: number): string[] {
  const files = MADE.map((key) => (key === 'f' ? 'f/f.txt' : `${key}.txt`));
  const textOf = (file: string): string | undefined =>
    existsSync(box.path(file)) ? readFileSync(box.path(file), 'utf8') : undefined;
  const wrong = files
    .map((file) => [file, textOf(file)] as const)
    .filter(([, text]) => text !== `${edition}\n`)
    .map(([file, text]) => `${file} holds ${JSON.stringify(text)}, not the edition ${edition}`);
  const there = ['a', 'b', 'f']
    .filter((folder) => existsSync(box.path(folder)))
    .flatMap((folder) => readdirSync(box.path(folder)).map((name) => `${folder}/${name}`));
  const others = there.filter((file) => !files.includes(file));
  return [...wrong, ...others.map((file) => `${file}: nobody asked for it`)];
}

/** A question about the queue may have to wait for its turn. */
const QUEUE_MS = 45_000;
/** With an sbatch whose answer nobody heard: that it surely came to nothing is known after 50 and 30 seconds. */
const PATIENCE_MS = 150_000;
const PATIENCE_OF_DEATH_MS = 20_000;

export function slurmWork(cluster: SlurmCluster): Work {
  /** Jobs of this history alone, by where they log: id, state, log. */
  const jobs = async (box: Sandbox): Promise<string[]> => {
    const rows = await cluster.tool('squeue', '--noheader', '--me', '--Format=JobArrayID:|,State:|,STDOUT:');
    return rows.split('\n').filter((row) => row.includes(`${box.dir}/`));
  };
  return {
    prepare,
    steps: stepsOf,
    expectations,
    wrongFiles,
    patienceMs: PATIENCE_MS,
    patienceOfDeathMs: PATIENCE_OF_DEATH_MS,
    leftElsewhere: async (box) => {
      await until('the queue is empty', async () => (await jobs(box)).length === 0, QUEUE_MS).catch(() => undefined);
      return (await jobs(box)).map((row) => `still in the queue: ${row}`);
    },
    clear: async (box) => {
      const left = (await jobs(box)).map((row) => row.slice(0, row.search(/[|_]/)));
      if (left.length > 0) await cluster.tool('scancel', ...new Set(left));
    },
  };
}
