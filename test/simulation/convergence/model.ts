import { createHash } from 'node:crypto';

/** A workflow as the reference sees it: what a task reads, makes and computes, nothing of how a home runs it. */
export interface Model {
  readonly tasks: readonly ModelTask[];
  readonly params: Readonly<Record<string, string>>;
  /** `defaults.setup`, the same for every task. */
  readonly setup: string | undefined;
}

/**
 * | flavour | its outputs |
 * |---|---|
 * | Hash | eight hexadecimal digits of a digest of everything it reads |
 * | Bit | one bit of that digest: half of all changes stop here |
 * | Const | its salt, whatever it reads |
 * | Script | as Hash, by a tracked script `./call<N>.sh` |
 * | Nothing | none: it reads and makes no file |
 * | Gate | no body at all |
 * | Recorded | the line that an imported WfFormat task writes |
 */
export type Flavour = 'Hash' | 'Bit' | 'Const' | 'Script' | 'Nothing' | 'Gate' | 'Recorded';

export interface ModelTask {
  readonly name: string;
  /** Edges only go from lower to higher ranks, so no edit makes a cycle. */
  readonly rank: number;
  readonly flavour: Flavour;
  /** Part of the command and of what it computes. */
  readonly salt: string;
  /** Lines of code without effect: the command differs, what it computes does not. */
  readonly cosmetic: number;
  /** Whole-line comments. */
  readonly comments: number;
  readonly params: readonly string[];
  readonly script: string | undefined;
  readonly inputs: readonly ModelInput[];
  readonly mentions: readonly ModelMention[];
  readonly dependsOn: readonly string[];
  readonly after: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly path: string }[];
  /** `Early` fails before it writes, `Late` with half an output in place. */
  readonly fails: 'No' | 'Early' | 'Late';
  readonly cpu: number;
  readonly retry: number;
  /** Seconds that it sleeps, as a word of the command. */
  readonly sleep: string;
  /** What an imported task calls itself, whatever its name is. */
  readonly label: string;
}

export interface ModelInput {
  readonly name: string;
  readonly paths: readonly string[];
  readonly list: boolean;
}

export interface ModelMention {
  readonly task: string;
  readonly output: string;
}

/** What a script file does: its text changes with both numbers, its results only with `version`. */
export interface ScriptFile {
  readonly version: number;
  readonly cosmetic: number;
}

export const PARTIAL = 'partial\n';

export function plainTask(name: string, rank: number, flavour: Flavour): ModelTask {
  return {
    name,
    rank,
    flavour,
    salt: 's0',
    cosmetic: 0,
    comments: 0,
    params: [],
    script: undefined,
    inputs: [],
    mentions: [],
    dependsOn: [],
    after: [],
    outputs: [],
    fails: 'No',
    cpu: 1,
    retry: 0,
    sleep: '',
    label: name,
  };
}

/** What a task writes, from what it reads: contents of inputs in order, then of mentions. */
export function computed(
  task: ModelTask,
  model: Model,
  read: readonly string[],
  script: ScriptFile | undefined,
): Map<string, string> {
  const values = task.params.map((name) => model.params[name] ?? '');
  const made = new Map<string, string>();
  if (task.flavour === 'Recorded') {
    const checksum = read.length === 0 ? 'none' : sha256(read.join(''));
    const label = [task.label, ...(task.salt === 's0' ? [] : [task.salt]), ...values].join('-');
    for (const output of task.outputs) made.set(output.path, `${label} ${output.name} ${checksum}\n`);
    return made;
  }
  const lines = [task.salt, ...values, ...(script === undefined ? [] : [`v${script.version}`])];
  const digest = sha256(lines.map((line) => `${line}\n`).join('') + read.join(''));
  for (const [i, output] of task.outputs.entries()) {
    if (task.flavour === 'Const') made.set(output.path, `${task.salt}\n`);
    // The second output of a task depends on less than the first.
    else if (task.flavour === 'Bit' || i > 0)
      made.set(output.path, `${Number.parseInt(digest[i] as string, 16) >> 3}\n`);
    else made.set(output.path, `${digest.slice(0, 8)}\n`);
  }
  return made;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function makersOf(model: Model): Map<string, ModelTask> {
  const makers = new Map<string, ModelTask>();
  for (const task of model.tasks) for (const output of task.outputs) makers.set(output.path, task);
  return makers;
}

export function withTask(model: Model, name: string, change: Partial<ModelTask>): Model {
  return { ...model, tasks: model.tasks.map((task) => (task.name === name ? { ...task, ...change } : task)) };
}
