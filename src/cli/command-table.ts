import type { CommandRun } from './command.ts';

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly words?: readonly { readonly pattern: string; readonly meaning: string }[];
  readonly options: readonly OptionSpec[];
  readonly hidden?: string;
  /** On demand: a command pays for its own imports only. */
  readonly load: () => Promise<{ readonly run: CommandRun }>;
}

export interface OptionSpec {
  readonly flags: string;
  readonly meaning: string;
  /** May be given several times. */
  readonly many?: boolean;
}

const option = (flags: string, meaning: string): OptionSpec => ({ flags, meaning });
const several = (flags: string, meaning: string): OptionSpec => ({ flags, meaning, many: true });
const word = (pattern: string, meaning: string) => ({ pattern, meaning });

const CLUSTER = [
  option(
    '--kubeconfig <file>',
    'of a cluster that runs workflows (default: KUBECONFIG, ~/.kube/config, or as in a pod)',
  ),
  option('--context <name>', 'of the kubeconfig (default: the current one)'),
];
const HERE = [
  option('--server <address>', 'daemon to talk to: unix:PATH'),
  option('--state <dir>', 'state folder (default: the nearest .fixpoint upwards)'),
];
const WHERE = [...HERE, ...CLUSTER];
const NAMESPACE = option('-n, --namespace <name>', 'namespace (default: default)');
const FILES = several('-f, --filename <path>', 'file, folder, or - for standard input; may be repeated');
const RECURSIVE = option('-R, --recursive', 'folders with all that is below them');
const SELECTOR = option('-l, --selector <labels>', 'label selector, as kubectl: a=b,c!=d');
const PARAM = several('--param <name=value>', 'set a parameter; may be repeated');
const PARAM_FILE = several('--param-file <file>', 'YAML or JSON file with parameters; may be repeated');
const CAPACITY = [
  option('--config <file>', 'backends and their limits (default: config.yaml in the state folder)'),
  option('--cpus <n>', 'cores that tasks may use'),
  option('--memory <quantity>', 'memory that tasks may use'),
  option('--gpus <n>', 'GPUs that tasks may use'),
  option(
    '--keep-runs <which>',
    'run folders that stay whole: all, failed (only those), none; else successes are compacted',
  ),
];
const output = (kinds: string): OptionSpec => option('-o, --output <format>', `one of ${kinds}`);
const WORKFLOW = word('<workflow>', 'name of the workflow');
const ONE_TASK = word('[task]', 'key of a task, such as align/NA12878');

const RUNNING: readonly CommandSpec[] = [
  {
    name: 'run',
    summary: 'apply a file and reconcile until the workflow is at rest',
    words: [word('<file>', 'the workflow')],
    options: [
      PARAM,
      PARAM_FILE,
      option('--follow [bool]', 'false: only submit (default: true)'),
      option('--yes', 'approve what needs approval'),
      several(
        '--until <key>',
        'only this task and what is upstream of it: a key, a glob or a fan-out; may be repeated',
      ),
      option('--fresh', 'run everything again'),
      option('--no-retry', 'leave failed tasks failed'),
      ...CAPACITY,
      option('--state <dir>', 'state folder (default: .fixpoint beside the file)'),
      option('--runs <dir>', 'where run folders go (default: in the state folder)'),
      NAMESPACE,
      output('json'),
    ],
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'daemon',
    summary: 'reconcile for ever, serving a state folder',
    options: [
      option('--state <dir>', 'state folder (default: .fixpoint here)'),
      option('--runs <dir>', 'where run folders go (default: in the state folder)'),
      several('--watch <dir>', 'apply the workflow files in this folder; may be repeated'),
      option('--home <kind>', 'embedded (default), or cluster: run the Workflows of a Kubernetes cluster'),
      ...CLUSTER,
      option('-n, --namespace <name>', 'with --home cluster: only of this namespace (default: of all)'),
      option('--metrics <address>', 'with --home cluster: HOST:PORT for /metrics, /livez and /readyz'),
      option('--leader-elect-lease-duration <duration>', 'after so long without a renewal another may lead (15s)'),
      option('--leader-elect-renew-deadline <duration>', 'after so long without one the leader itself stops (10s)'),
      option('--leader-elect-retry-period <duration>', 'between two renewals, and two looks of who waits (2s)'),
      ...CAPACITY,
    ],
    load: () => import('./commands/daemon.ts'),
  },
];

const RESOURCES: readonly CommandSpec[] = [
  {
    name: 'apply',
    summary: 'create or change workflows from files',
    options: [
      FILES,
      RECURSIVE,
      NAMESPACE,
      PARAM,
      PARAM_FILE,
      option('--dry-run', 'check only'),
      output('name, json, yaml'),
      ...WHERE,
    ],
    load: () => import('./commands/apply.ts'),
  },
  {
    name: 'delete',
    summary: 'delete workflows by name, label or file',
    words: [word('[names...]', 'names of workflows')],
    options: [
      FILES,
      RECURSIVE,
      NAMESPACE,
      SELECTOR,
      option('--ignore-not-found', 'what is gone already is no error'),
      ...WHERE,
    ],
    load: () => import('./commands/delete.ts'),
  },
  {
    name: 'get',
    summary: 'show workflows, or the tasks of one',
    words: [
      word('<kind>', 'workflows, workflow or tasks'),
      word('[names...]', 'names of workflows; for tasks: the workflow, then keys'),
    ],
    options: [
      output('wide, name, json, yaml'),
      option('-w, --watch', 'go on showing what changes'),
      SELECTOR,
      NAMESPACE,
      option('-A, --all-namespaces', 'across namespaces'),
      ...WHERE,
    ],
    load: () => import('./commands/get.ts'),
  },
  {
    name: 'describe',
    summary: 'everything about a workflow, or one of its tasks',
    words: [WORKFLOW, ONE_TASK],
    options: [NAMESPACE, ...WHERE],
    load: () => import('./commands/describe.ts'),
  },
  {
    name: 'wait',
    summary: 'wait until a workflow is in a state',
    words: [WORKFLOW],
    options: [
      option('--for <what>', 'condition=TYPE[=STATUS], phase=PHASE or delete'),
      option('--timeout <duration>', 'give up after this long (default: 30s; 0s: never)'),
      NAMESPACE,
      ...WHERE,
    ],
    load: () => import('./commands/wait.ts'),
  },
];

const VIEWS: readonly CommandSpec[] = [
  {
    name: 'plan',
    summary: 'what would happen; exit code 0: nothing, 2: something, 1: an error',
    words: [word('[workflow]', 'name of a workflow (or use -f)')],
    options: [FILES, NAMESPACE, PARAM, PARAM_FILE, output('json'), ...WHERE],
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'explain',
    summary: 'why a task ran, runs, will run, waits or will not run',
    words: [WORKFLOW, ONE_TASK],
    options: [output('json'), NAMESPACE, ...WHERE],
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'logs',
    summary: 'output of tasks',
    words: [WORKFLOW, word('[tasks...]', 'keys or globs; none: all')],
    options: [
      option('-f, --follow', 'go on as output comes'),
      option('--attempt <n>', 'of this attempt (default: the last)'),
      option('--stderr', 'standard error instead of standard output'),
      option('--tail <n>', 'only the last lines'),
      NAMESPACE,
      ...WHERE,
    ],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'events',
    summary: 'what happened, in order',
    words: [WORKFLOW],
    options: [option('-w, --watch', 'go on as things happen'), output('json'), NAMESPACE, ...WHERE],
    load: () => import('./commands/events.ts'),
  },
  {
    name: 'graph',
    summary: 'the graph of a workflow',
    words: [word('[workflow]', 'name of a workflow (or use -f)')],
    options: [FILES, output('text, dot, mermaid, json'), NAMESPACE, PARAM, PARAM_FILE, ...WHERE],
    load: () => import('./commands/graph.ts'),
  },
];

const FILE_TOOLS: readonly CommandSpec[] = [
  {
    name: 'lint',
    summary: 'every check that needs no server',
    words: [word('<files...>', 'files, folders, or -')],
    options: [RECURSIVE, PARAM, PARAM_FILE, output('json')],
    load: () => import('./commands/lint.ts'),
  },
  {
    name: 'render',
    summary: 'the document as it will be reconciled; nothing is executed',
    words: [word('<file>', 'the workflow')],
    options: [PARAM, PARAM_FILE, NAMESPACE, output('json, yaml')],
    load: () => import('./commands/render.ts'),
  },
  {
    name: 'import',
    summary: 'a recorded workflow (wfformat) as a Workflow, on standard output',
    words: [word('<format>', 'wfformat'), word('<file>', 'the instance')],
    options: [
      option('--time-scale <x>', 'factor on recorded times (default: 1)'),
      option('--size-scale <x>', 'factor on recorded file sizes (default: 1)'),
    ],
    load: () => import('./commands/import.ts'),
  },
  {
    name: 'schema',
    summary: 'the JSON Schema of a kind',
    words: [word('<kind>', 'Workflow')],
    options: [],
    load: () => import('./commands/schema.ts'),
  },
  { name: 'crds', summary: 'the CustomResourceDefinitions', options: [], load: () => import('./commands/crds.ts') },
  {
    name: 'init',
    summary: 'write a starter workflow',
    words: [word('[file]', 'default: workflow.yaml')],
    options: [],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'doctor',
    summary: 'what on this machine could keep workflows from running',
    options: [
      option('--backend <name>', 'only what this backend needs: process'),
      option('--orphans', 'instead: processes on this host whose attempt is over or unknown; ends none of them'),
      ...HERE,
    ],
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'release-finalizers',
    summary: 'in a cluster, let go of workflows and pods that are being deleted and wait for an operator that is gone',
    options: [
      ...CLUSTER,
      option('-n, --namespace <name>', 'of this namespace (default: that of the context)'),
      option('--all-namespaces', 'of all namespaces'),
    ],
    load: () => import('./commands/release-finalizers.ts'),
  },
  { name: 'version', summary: 'print the version', options: [], load: () => import('./commands/version.ts') },
];

const verb = (name: string, summary: string, extra: readonly OptionSpec[] = []): CommandSpec => ({
  name,
  summary,
  words: [WORKFLOW, word('[tasks...]', 'keys or globs of tasks; none: all')],
  options: [SELECTOR, ...extra, NAMESPACE, ...WHERE],
  load: () => import('./commands/verb.ts'),
});

const VERB_COMMANDS: readonly CommandSpec[] = [
  verb('suspend', 'launch nothing new'),
  verb('resume', 'launch again'),
  verb('cancel', 'end what runs and run no more of it'),
  verb('retry', 'give failed tasks another chance', [
    option('--force', 'also where the end of the last attempt is unconfirmed'),
    option('--ancestors', 'also everything upstream'),
  ]),
  verb('reset', 'run tasks again, and what follows from them', [
    option('--ancestors', 'also everything upstream'),
    option('--only', 'without what follows from them'),
  ]),
  verb('complete', 'take tasks for succeeded, by hand'),
  verb('fail', 'take tasks for failed, by hand'),
  verb('accept', 'let recorded results count for the current definition'),
  verb('approve', 'approve a plan that is held'),
];

/** Every command of the program, in the order of its help. */
export const COMMANDS: readonly CommandSpec[] = [...RUNNING, ...RESOURCES, ...VIEWS, ...VERB_COMMANDS, ...FILE_TOOLS];
