import { isObject } from './own-property.ts';
import type { Add } from './walk-schema.ts';

/** Options of sbatch that a field of ours sets, and the field. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['partition', 'slurm.partition'],
  ['account', 'slurm.account'],
  ['qos', 'slurm.qos'],
  ['constraint', 'slurm.constraint'],
  ['licenses', 'slurm.licenses'],
  ['reservation', 'slurm.reservation'],
  ['exclusive', 'slurm.exclusive'],
  ['cpus-per-task', 'resources.cpu'],
  ['mem', 'resources.memory'],
  ['mem-per-cpu', 'resources.memory'],
  ['mem-per-gpu', 'resources.memory'],
  ['gpus', 'resources.gpu'],
  ['gpus-per-node', 'resources.gpu'],
  ['gpus-per-socket', 'resources.gpu'],
  ['gpus-per-task', 'resources.gpu'],
  ['time', 'resources.walltime'],
  ['time-min', 'resources.walltime'],
]);

/** Options of sbatch that would break how attempts are submitted, found again, run or read, and why. */
const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ['array', 'Fixpoint makes the arrays'],
  ['job-name', 'jobs are found again by it'],
  ['comment', 'Fixpoint writes it'],
  ['requeue', 'an attempt runs once; write retry'],
  ['no-requeue', 'Fixpoint sets it'],
  ['dependency', 'write dependsOn'],
  ['export', 'the environment is the login environment and env'],
  ['export-file', 'the environment is the login environment and env'],
  ['get-user-env', 'the environment is the login environment and env'],
  ['input', 'write stdin'],
  ['output', 'write stdout'],
  ['error', 'write stderr'],
  ['open-mode', 'write stdout'],
  ['chdir', 'write workdir'],
  ['signal', 'Fixpoint tells attempts when they must end'],
  ['parsable', 'Fixpoint reads the answer of sbatch'],
  ['quiet', 'Fixpoint reads the answer of sbatch'],
  ['verbose', 'Fixpoint reads the answer of sbatch'],
  ['test-only', 'nothing would be submitted'],
  ['wait', 'sbatch would not answer before the job has ended'],
  ['wrap', 'write run'],
  ['container', 'the attempt runtime would not see its files'],
  ['clusters', 'a backend submits to one cluster'],
  ['cluster', 'a backend submits to one cluster'],
  ['uid', 'attempts run as whoever runs Fixpoint'],
  ['gid', 'attempts run as whoever runs Fixpoint'],
  ['help', 'nothing would be submitted'],
  ['usage', 'nothing would be submitted'],
  ['version', 'nothing would be submitted'],
]);

/** The parts of one text, as a shell would split it, without anything else that a shell does. */
export function splitOptions(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (const character of text) {
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return quote === undefined ? words : undefined;
}

/** Why this word may not be given to sbatch; undefined: it may. sbatch takes any beginning of a name that is of one only. */
export function slurmOptionProblem(word: string): string | undefined {
  if (breaksLine(word)) return 'holds a line break or NUL.';
  const name = /^--([a-z][a-z0-9-]*)(?:=|$)/.exec(word)?.[1];
  if (name === undefined) return 'is not written as --name or --name=value.';
  const field = FIELDS.get(name);
  if (field !== undefined) return `--${name} is set by ${field}: write that.`;
  const why = FORBIDDEN.get(name);
  if (why !== undefined) return `--${name} is not allowed: ${why}.`;
  const whole = [...FIELDS.keys(), ...FORBIDDEN.keys()].find((other) => other.startsWith(name));
  return whole === undefined ? undefined : `--${name} may be short for --${whole}: write names whole.`;
}

/** It would end a word or a line elsewhere. */
export function breaksLine(text: string): boolean {
  return text.includes('\0') || /[\r\n]/.test(text);
}

/** What can be said of `slurm` before its expressions have values. */
export function checkSlurm(slurm: unknown, path: readonly (string | number)[], add: Add): void {
  if (!isObject(slurm)) return;
  const check = (word: string, at: readonly (string | number)[]): void => {
    // An expression in the value says nothing about the name; one in the name is judged when it has a value.
    const known = word.includes('${{') ? (/^--[a-z-]+(?==)/.exec(word)?.[0] ?? undefined) : word;
    const problem = known === undefined ? undefined : slurmOptionProblem(known);
    if (problem !== undefined) add('E-OPTION', at, problem);
  };
  const { extraArgs, extraOptions } = slurm;
  if (Array.isArray(extraArgs))
    extraArgs.forEach((word: unknown, i) => {
      if (typeof word === 'string') check(word, [...path, 'extraArgs', i]);
    });
  if (typeof extraOptions !== 'string' || extraOptions.includes('${{')) return;
  const words = splitOptions(extraOptions);
  if (words === undefined) add('E-OPTION', [...path, 'extraOptions'], 'a quote is not closed.');
  for (const word of words ?? []) check(word, [...path, 'extraOptions']);
}
