import type { ToolAnswer } from './tools.ts';

/**
 * What an unwelcome answer of a tool means. The difference that counts is whether it may have been carried out: a request
 * that was sent and not answered may have been (measured: a controller that was frozen took the job when it went on,
 * long after sbatch had said `Socket timed out`).
 *
 * | kind | meaning | carried out |
 * |---|---|---|
 * | Away | Slurm, munge or the tool itself cannot be reached | surely not |
 * | Doubtful | it was sent, or may have been, and there is no answer | nobody knows |
 * | Busy | Slurm says: not now (queue full, submit limits, partition down) | surely not |
 * | Refused | Slurm says no to what was asked, and will again | surely not |
 */
export type FailureKind = 'Away' | 'Doubtful' | 'Busy' | 'Refused';

export interface ToolFailure {
  readonly kind: FailureKind;
  /** Slurm's own words. */
  readonly message: string;
}

/** No connection was made, or nobody could be told who we are. */
const AWAY =
  /connect failure|munge encode failed|could not establish a configuration source|connection refused|unable to contact slurmdbd/i;
const DOUBTFUL =
  /socket timed out|send failure|receive failure|shutdown failure|zero bytes were transmitted|unexpected message received|unable to contact slurm controller|connection reset|communication|transport endpoint|insane message|header lengths|munge decode failed|authentication/i;
const BUSY =
  /temporarily unable|resource temporarily unavailable|(?:assoc|qos)\w*submitjob|rate limit|standby mode|try again|partition not available|in drain|pending operation|job submissions? (?:is|are) disabled|in reconfig|disk quota|no space left|error writing (?:script|state)|i\/o error writing/i;
const REFUSED = /batch job submission failed|sbatch: (?:error|unrecognized|fatal)|try "sbatch --help"/i;

/** Why sbatch failed; call it for answers other than exit code 0 only. */
export function submitFailure(answer: ToolAnswer): ToolFailure {
  const message = slurmWords(answer);
  if (answer.notStarted !== undefined || answer.exitCode === 126 || answer.exitCode === 127)
    return { kind: 'Away', message };
  if (answer.timedOut || answer.exitCode === undefined) return { kind: 'Doubtful', message };
  // Without a credential nothing is sent. Else, of several tries of one sbatch, one that was sent counts.
  const unsent = /munge encode failed/i.test(answer.stderr) && !/munge decode failed/i.test(answer.stderr);
  if (!unsent && DOUBTFUL.test(answer.stderr.replace(/^.*connect failure.*$/gim, '')))
    return { kind: 'Doubtful', message };
  if (AWAY.test(answer.stderr)) return { kind: 'Away', message };
  if (BUSY.test(answer.stderr)) return { kind: 'Busy', message };
  return { kind: REFUSED.test(answer.stderr) ? 'Refused' : 'Doubtful', message };
}

/** What a tool says on stderr, without who says it; the last lines count, and no more than a few. */
export function slurmWords(answer: ToolAnswer): string {
  if (answer.timedOut) return 'it did not answer in time';
  const lines = answer.stderr
    .split('\n')
    .map((line) =>
      line.replace(/^(?:sbatch|squeue|sacct|scancel|scontrol|slurm_load_jobs)?:? ?(?:error|fatal): /, '').trim(),
    )
    .filter((line) => line !== '' && !line.startsWith('Try "sbatch'));
  if (lines.length > 0) return [...new Set(lines)].slice(-4).join('; ').slice(0, 1_000);
  if (answer.notStarted !== undefined) return `it could not be started (${answer.notStarted})`;
  return answer.exitCode === undefined ? 'it was killed' : `it ended with exit code ${answer.exitCode}`;
}
