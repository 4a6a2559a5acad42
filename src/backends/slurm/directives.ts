import { breaksLine, slurmOptionProblem, splitOptions } from '../../apis/slurm-options.ts';
import type { SlurmOptions } from '../../apis/workflow.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { Launch } from '../backend.ts';

/**
 * What an attempt asks for, as options of sbatch, each one word. No shell ever sees them.
 *
 * | ours | sbatch |
 * |---|---|
 * | cpu | `--ntasks=1 --cpus-per-task`, rounded up; more tasks by `slurm.extraArgs` |
 * | memory | `--mem` in MiB, per node, rounded up; none: the partition's default |
 * | gpu | `--gpus-per-node`; none: nothing |
 * | walltime | `--time` in minutes: the walltime, the grace and some time to spare, since the runtime keeps the walltime itself and ends with a record; none: the partition's default |
 */
export function directivesOf({
  needs,
  slurm,
  graceMs,
}: Pick<Launch, 'needs' | 'slurm' | 'graceMs'>): Result<readonly string[], string> {
  const words = ['--ntasks=1', `--cpus-per-task=${Math.max(1, Math.ceil(needs.cpu))}`];
  if (needs.memoryBytes > 0) words.push(`--mem=${Math.ceil(needs.memoryBytes / MIB)}M`);
  if (needs.gpu > 0) words.push(`--gpus-per-node=${needs.gpu}`);
  if (needs.walltimeMs > 0)
    words.push(`--time=${Math.ceil((needs.walltimeMs + graceMs + WALLTIME_SPARE_MS) / MINUTE_MS)}`);
  if (slurm === undefined) return ok(words);
  const own = optionsOf(slurm);
  return own.ok ? ok([...words, ...own.value]) : own;
}

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
/** Slurm counts the time of a job from before its script runs, and looks at limits twice a minute or so. */
const WALLTIME_SPARE_MS = 60_000;

const NAMED = ['partition', 'account', 'qos', 'constraint', 'licenses', 'reservation'] as const;

function optionsOf(slurm: SlurmOptions): Result<string[], string> {
  const words: string[] = [];
  for (const name of NAMED) {
    const value = slurm[name];
    if (value === undefined) continue;
    if (value === '' || breaksLine(value)) return fail(`slurm.${name} is empty or holds a line break or NUL`);
    words.push(`--${name}=${value}`);
  }
  if (slurm.exclusive === true) words.push('--exclusive');
  const more = splitOptions(slurm.extraOptions ?? '');
  if (more === undefined) return fail('slurm.extraOptions: a quote is not closed');
  for (const word of [...(slurm.extraArgs ?? []), ...more]) {
    const problem = slurmOptionProblem(word);
    if (problem !== undefined) return fail(`slurm: ${JSON.stringify(word.slice(0, 80))}: ${problem}`);
    words.push(word);
  }
  return ok(words);
}
