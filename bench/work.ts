import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What is asked of every tool: a graph of tasks 0 … N-1 and what each of them does. Tools differ in how they express
 * it, never in what is done. Its first lines are the vocabulary of all of `bench/`.
 */
export interface Work {
  readonly shape: 'fan' | 'chain' | 'chains' | 'layers';
  readonly tasks: number;
  readonly body: Body;
  /** So many tasks may run at once. */
  readonly slots: number;
  /** One task has been edited: its body gets this word instead of `ORIGINAL`. */
  readonly edit?: { readonly task: number; readonly word: string };
  /** Which will be: the last one, which stands by itself where the others are elements of a loop, or one of those. */
  readonly edited?: 'last' | 'element';
}

export function editedTask({ tasks, edited }: Work): number {
  return edited === 'element' ? Math.floor(tasks / 2) : tasks - 1;
}

export const ORIGINAL = 'v0';

/** What a task does. The id is a number, or what stands for it in the language of the tool; the word too. */
export interface Body {
  readonly name: string;
  readonly argv: (id: string, word: string) => readonly string[];
  /** The same as a script for `bash -euo pipefail`, for tools that would take a script. */
  readonly script?: string;
  /** The one file that it makes; undefined: none. */
  readonly output?: (id: string) => string;
}

/** Nothing, and no shell. */
export const NOTHING: Body = { name: 'true', argv: () => ['true'] };

/** Nothing, in a strict shell, as scientists' scripts run. */
export const SCRIPT: Body = {
  name: 'bash',
  argv: () => ['bash', '-euo', 'pipefail', '-c', 'true'],
  script: 'true',
};

export const OUTPUT_FOLDER = 'out';

/** Its first act is to write down when that was, in seconds with microseconds, to a file of its own. */
export const STAMP: Body = {
  name: 'stamp',
  argv: (id, word) => ['bash', '-c', 'echo $EPOCHREALTIME > "$1"', 'task', `${OUTPUT_FOLDER}/${id}`, word],
  output: (id) => `${OUTPUT_FOLDER}/${id}`,
};

/** Notes in one log when its first act was. */
export const NOTE: Body = {
  name: 'note',
  argv: (id) => ['bash', '-c', 'echo $EPOCHREALTIME $1 >> log', 'task', id],
};

/** Notes its begin and its end in one log, each by one appending write, and takes half a second. */
export const SPAN: Body = {
  name: 'half a second',
  argv: (id) => ['bash', '-c', 'echo S $1 $$ >> log; sleep 0.5; echo E $1 $$ >> log', 'task', id],
};

/** Outlives every measurement; ends with its account. */
export const SLEEP: Body = { name: 'sleep', argv: () => ['sleep', '3600'] };

export function argvOf(work: Work, task: number): readonly string[] {
  return work.body.argv(String(task), work.edit?.task === task ? work.edit.word : ORIGINAL);
}

/** Side by side, in the shape `chains`. */
export const CHAINS = 10;
const SEED = 42;
const PARENTS_IN_LAYERS = 3;

/** The tasks that come before each task. */
export function parentsOf(work: Work): readonly (readonly number[])[] {
  switch (work.shape) {
    case 'fan':
      return Array.from({ length: work.tasks }, () => []);
    case 'chain':
      return Array.from({ length: work.tasks }, (_, i) => (i === 0 ? [] : [i - 1]));
    case 'chains':
      return Array.from({ length: work.tasks }, (_, i) => (i < CHAINS ? [] : [i - CHAINS]));
    case 'layers':
      return layers(work.tasks);
  }
}

/** Square root of N layers of as many tasks, each after three different ones of the layer before. */
function layers(tasks: number): readonly (readonly number[])[] {
  const width = Math.max(PARENTS_IN_LAYERS, Math.round(Math.sqrt(tasks)));
  const next = xorshift(SEED);
  return Array.from({ length: tasks }, (_, i) => {
    const layer = Math.floor(i / width);
    if (layer === 0) return [];
    const parents = new Set<number>();
    while (parents.size < PARENTS_IN_LAYERS) parents.add((layer - 1) * width + (next() % width));
    return [...parents].sort((a, b) => a - b);
  });
}

/** Xorshift of 32 bits: the same seed gives the same graph to every tool. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** What is wrong with the outputs in this folder; undefined: all are there. */
export function outputProblem(work: Work, dir: string): string | undefined {
  if (work.body.output === undefined) return undefined;
  const there = readdirSync(join(dir, OUTPUT_FOLDER)).length;
  return there === work.tasks ? undefined : `${there} of ${work.tasks} outputs are there`;
}
