import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER_ANNOTATION } from '../../src/apis/meta.ts';
import type { TaskItem } from '../../src/apis/task-view.ts';
import type { WorkflowDocument } from '../../src/apis/workflow.ts';
import type { VerbRequest } from '../../src/controllers/home.ts';
import type { Sandbox } from './cli.ts';
import { type Expectation, prepare, watched } from './soak-oracle.ts';

// A small workflow that, round by round, asks for everything that has an effect: outputs that are made, moved aside and put
// back, chains, patterns, folders of their own, retries, cancels, resets, elements that leave and come back.

const ELEMENTS = 6;
const FEW = 4;
const SLOW = 3;
/** Whoever waits for these is wrong. */
const FOR_EVER = 86_400;
/** Logs above 256 MiB lose their middle; this one is a hole. */
const LONG_LOG = 'truncate -s 257M "$FIXPOINT_ATTEMPT_DIR/stdout"';

/** What a round wants at one of its steps. */
interface Wanted {
  readonly edition: number;
  /** 0: commands succeed. */
  readonly broken: number;
  readonly elements: number;
}

export interface Step {
  readonly name: string;
  readonly document: WorkflowDocument | undefined;
  readonly request: VerbRequest | undefined;
  /** What can be seen without asking anybody; only then is it worth asking. */
  readonly seems: () => boolean;
  /** Whether what was asked for has come true. */
  readonly done: (tasks: ReadonlyMap<string, TaskItem>) => boolean;
}

/** What the lives of a history have to do. */
export interface Work {
  /** Before the first round. */
  prepare(box: Sandbox): void;
  /** One round. Every request has an id, so that however often it is asked for it is carried out once. */
  steps(box: Sandbox, edition: number): Step[];
  /** What the rounds up to this one may run. */
  expectations(rounds: number): Map<string, Expectation>;
  /** Outputs that do not hold what an undisturbed life makes, and files that nobody asked for. */
  wrongFiles(box: Sandbox, edition: number): string[];
  /** What an undisturbed life, which serves, leaves where no process of this machine tells of it. */
  leftElsewhere?(box: Sandbox): Promise<string[]>;
  /** Ends whatever is left there. */
  clear?(box: Sandbox): Promise<void>;
  /** What is not reached by then never is; and so much longer for each death that is still to come. */
  readonly patienceMs: number;
  readonly patienceOfDeathMs: number;
}

/** All of it as processes. `inputs`: files that the tasks read. A sweep comes every 5 seconds, a lost attempt is tried again after one. */
export function processWork(inputs: string): Work {
  return {
    prepare: prepareWork,
    steps: (box, edition) => stepsOf(box, inputs, edition),
    expectations,
    wrongFiles,
    patienceMs: 45_000,
    patienceOfDeathMs: 5_000,
  };
}

const key = (i: number): string => String(i).padStart(3, '0');
const keys = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}/${key(i)}`);
const little = { cpu: '50m' };
const single = ['g', 's', 'p', 'r', 'big', 'd'] as const;

/** Files that nobody has changed for a while, as digests that are kept need them. */
export function makeInputs(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < ELEMENTS; i++) writeFileSync(join(folder, `${key(i)}.txt`), `input ${i}\n`);
}

function prepareWork(box: Sandbox): void {
  prepare(box);
  box.write('linked.txt', 'linked\n');
}

/** Somebody writes, by hand, where an output was just moved away and its successor is not there yet. */
export function writeWhereNothingLies(box: Sandbox): void {
  const path = box.path('a', `${key(0)}.txt`);
  if (!existsSync(path)) box.write(`a/${key(0)}.txt`, 'by hand\n');
}

function documentOf(box: Sandbox, inputs: string, { edition, broken, elements }: Wanted): WorkflowDocument {
  const e = '${{ params.edition }}';
  const out = '${{ outputs.o }}';
  const fails = '[ ${{ params.broken }} = 0 ] || { echo broken > ${{ outputs.o }}; exit 1; }';
  const made = (name: string, path: string, body: string, more: object = {}) => ({
    name,
    resources: little,
    outputs: [{ name: 'o', path }],
    run: watched(body),
    ...more,
  });
  const tasks = [
    made('a', 'a/${{ key }}.txt', `cat \${{ inputs.i }} > /dev/null; ${fails}; sleep 0.05; echo ${e} > ${out}`, {
      foreach: { range: { count: elements, format: '%03d' } },
      inputs: [{ name: 'i', path: `${inputs}/\${{ key }}.txt` }],
    }),
    made('b', 'b/${{ key }}.txt', `cat \${{ inputs.i }} > ${out}`, {
      foreach: { each: 'a' },
      inputs: [{ name: 'i', path: '${{ tasks.a.at(key).outputs.o }}' }],
    }),
    { name: 'c', resources: little, dependsOn: ['b'], run: watched(`: ${e}`) },
    {
      name: 'g',
      resources: little,
      outputs: [{ name: 'o', glob: 'g/*.txt' }],
      run: watched(`mkdir -p g; for i in 1 2 3; do echo ${e} > g/$i.txt; done`),
    },
    made('s', 's/s.txt', `cat \${{ inputs.i }} > /dev/null; echo ${e} > ${out}`, {
      staging: 'Link',
      inputs: [{ name: 'i', path: 'linked.txt' }],
    }),
    made('p', 'p/p.txt', `cat p/conf.txt > ${out}`, {
      files: [{ name: 'conf', path: 'p/conf.txt', content: `${e}\n` }],
    }),
    made('r', 'r/r.txt', `[ -e r-${e} ] || { : > r-${e}; exit 1; }; echo ${e} > ${out}`, {
      retry: { limit: 2, backoff: { initial: '100ms' } },
    }),
    { name: 'big', resources: little, run: watched(`: ${e}; ${LONG_LOG}; sleep 0.1`) },
    {
      name: 'd',
      resources: little,
      run: watched(`: ${e}; setsid -f sleep ${FOR_EVER} 9>&- < /dev/null > /dev/null 2>&1`),
    },
    {
      name: 'slow',
      foreach: { range: { count: SLOW, format: '%03d' } },
      resources: little,
      run: watched(`sleep ${FOR_EVER}`),
    },
  ];
  const metadata = { name: 'w', annotations: { [FOLDER_ANNOTATION]: box.dir } };
  const spec = { params: { edition, broken }, tasks };
  return { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata, spec };
}

function stepsOf(box: Sandbox, inputs: string, edition: number): Step[] {
  const whole = { edition, broken: 0, elements: ELEMENTS };
  const wants = (name: string, wanted: Wanted, seems: Step['seems'], done: Step['done']): Step => {
    return { name, document: documentOf(box, inputs, wanted), request: undefined, seems, done };
  };
  const asks = (verb: VerbRequest['verb'], tasks: string[], done: Step['done']): Step => {
    const request = { id: `${verb}-${tasks[0]?.replace('/', '-')}-${edition}`, verb, tasks };
    return { name: request.id, document: undefined, request, seems: () => true, done };
  };
  const right = (elements: number) => (): boolean => wrongFiles(box, edition, elements).length === 0;
  const slow =
    (phase: string): Step['done'] =>
    (tasks) =>
      keys('slow', SLOW).every((k) => phaseOf(tasks, k) === phase);
  const broken = (n: number): Step =>
    wants(
      `broken ${n}`,
      { ...whole, broken: n },
      () => keys('a', ELEMENTS).every((k) => textOf(box, `${k}.txt`) === 'broken\n'),
      (tasks) => keys('a', ELEMENTS).every((k) => phaseOf(tasks, k) === 'Failed'),
    );
  const made = wants('made', whole, right(ELEMENTS), (tasks) => areMade(tasks, ELEMENTS));
  const attemptsOf = (tasks: ReadonlyMap<string, TaskItem>): number =>
    tasks.get('a/000')?.status.attempts.filter(({ phase }) => phase === 'Succeeded').length ?? 0;
  const few = { ...whole, elements: FEW };
  return [
    ...(edition === 1 ? [] : [{ ...asks('reset', keys('slow', SLOW), () => true), name: 'slow again' }]),
    { ...made, done: (tasks) => made.done(tasks) && slow('Running')(tasks) },
    asks('cancel', keys('slow', SLOW), slow('Cancelled')),
    asks(
      'reset',
      ['a/000', 'g', 's', 'p', 'big', 'd'],
      (tasks) => attemptsOf(tasks) === 2 * edition && made.done(tasks),
    ),
    broken(1),
    { ...made, name: 'restored 1' },
    broken(2),
    { ...made, name: 'restored 2' },
    wants('few', few, right(FEW), (tasks) => !tasks.has(`a/${key(FEW)}`) && areMade(tasks, FEW)),
    { ...made, name: 'whole again' },
  ];
}

function expectations(rounds: number): Map<string, Expectation> {
  const expected = new Map<string, Expectation>();
  const add = (names: readonly string[], perRound: number, ends = ['Succeeded Completed']): void => {
    for (const name of names) expected.set(name, { ends, again: perRound * rounds - 1, loses: 0 });
  };
  // The edition, broken twice.
  add(keys('a', ELEMENTS), 3);
  add(keys('b', ELEMENTS), 1);
  // One is reset, and two leave and come back.
  add(['a/000', ...keys('a', ELEMENTS).slice(FEW)], 4);
  add(['b/000', ...keys('b', ELEMENTS).slice(FEW)], 2);
  // The edition, what was reset, what left, what came back.
  add(['c'], 4);
  // One fails first, the others are reset.
  add(single, 2);
  add(keys('slow', SLOW), 1, ['Cancelled CancelledByRequest']);
  return expected;
}

function phaseOf(tasks: ReadonlyMap<string, TaskItem>, name: string): string | undefined {
  return tasks.get(name)?.status.phase;
}

function areMade(tasks: ReadonlyMap<string, TaskItem>, elements: number): boolean {
  const names = [...keys('a', elements), ...keys('b', elements), 'c', ...single];
  return names.every((name) => phaseOf(tasks, name) === 'Succeeded');
}

function textOf(box: Sandbox, path: string): string | undefined {
  return unlessGone(() => readFileSync(box.path(path), 'utf8'));
}

/** Nothing where there is no such file: while work is under way one may go between any two looks. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function wrongFiles(box: Sandbox, edition: number, elements = ELEMENTS): string[] {
  const wrong: string[] = [];
  const folder = (name: string, files: readonly string[], more: readonly string[] = []): void => {
    for (const file of files) {
      const text = textOf(box, `${name}/${file}`);
      if (text !== `${edition}\n`)
        wrong.push(`${name}/${file} holds ${JSON.stringify(text)}, not the edition ${edition}`);
    }
    const known = new Set([...files, ...more]);
    const others = unlessGone(() => readdirSync(box.path(name))) ?? [];
    for (const file of others.filter((file) => !known.has(file))) wrong.push(`${name}/${file}: nobody asked for it`);
  };
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${key(i)}.txt`);
  const gone = numbered(ELEMENTS).slice(elements);
  // What a task that has left the spec made stays the user's.
  for (const layer of ['a', 'b']) folder(layer, numbered(elements), gone);
  folder('g', ['1.txt', '2.txt', '3.txt']);
  folder('s', ['s.txt']);
  folder('p', ['p.txt'], ['conf.txt']);
  folder('r', ['r.txt']);
  return wrong;
}
