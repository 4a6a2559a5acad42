import { expect, test } from 'vitest';
import { slurmWords, submitFailure } from '../../../../src/backends/slurm/tool-failure.ts';
import type { ToolAnswer } from '../../../../src/backends/slurm/tools.ts';

const said = (stderr: string, part: Partial<ToolAnswer> = {}): ToolAnswer => ({
  exitCode: 1,
  stdout: '',
  stderr,
  timedOut: false,
  notStarted: undefined,
  ...part,
});
const FAILED = 'sbatch: error: Batch job submission failed:';

test.each([
  // As a real Slurm said them.
  ['Refused', `sbatch: error: invalid partition specified: x\n${FAILED} Invalid partition name specified`],
  ['Refused', `${FAILED} Requested node configuration is not available`],
  ['Refused', `${FAILED} Invalid job array specification`],
  ['Refused', `${FAILED} Invalid qos specification`],
  ['Refused', `${FAILED} Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)`],
  ['Doubtful', `${FAILED} Socket timed out on send/recv operation`],
  ['Doubtful', `${FAILED} Zero Bytes were transmitted or received`],
  ['Doubtful', `${FAILED} Unable to contact slurm controller (receive failure)`],
  ['Doubtful', 'something that nobody has seen'],
  ['Doubtful', ''],
  ['Away', `${FAILED} Unable to contact slurm controller (connect failure)`],
  [
    'Away',
    `sbatch: error: Munge encode failed: Failed to access "/run/munge.socket": No such file or directory\n${FAILED} Protocol authentication error`,
  ],
  ['Busy', `${FAILED} Resource temporarily unavailable`],
  ['Busy', `sbatch: error: AssocMaxSubmitJobLimit\n${FAILED} Job violates accounting/QOS policy (job submit limit)`],
  ['Busy', `sbatch: error: QOSMaxSubmitJobPerUserLimit\n${FAILED} Job violates accounting/QOS policy`],
  ['Busy', `${FAILED} Required partition not available (inactive or drain)`],
] as const)('%s: %s', (kind, stderr) => expect(submitFailure(said(stderr)).kind).toBe(kind));

test('bad options are refused before anything is sent', () => {
  const answer = said(`sbatch: unrecognized option '--bogus'\nTry "sbatch --help" for more information\n`, {
    exitCode: 255,
  });
  expect(submitFailure(answer)).toEqual({ kind: 'Refused', message: "sbatch: unrecognized option '--bogus'" });
});

test('of several tries, one that was sent makes it doubtful', () => {
  const stderr = `${FAILED} Socket timed out on send/recv operation\nsbatch: error: Unable to contact slurm controller (connect failure)`;
  expect(submitFailure(said(stderr)).kind).toBe('Doubtful');
});

test('one that was killed, or took too long, may have submitted', () => {
  expect(submitFailure(said('', { exitCode: undefined })).kind).toBe('Doubtful');
  expect(submitFailure(said('', { timedOut: true })).kind).toBe('Doubtful');
});

test('one that was never started has not', () => {
  expect(submitFailure(said('', { exitCode: undefined, notStarted: 'ENOENT' })).kind).toBe('Away');
  expect(submitFailure(said("timeout: failed to run command 'sbatch': No such file", { exitCode: 127 })).kind).toBe(
    'Away',
  );
});

test("the message is Slurm's own, without who says it", () => {
  expect(slurmWords(said(`sbatch: error: a\n${FAILED} b\n`))).toBe('a; Batch job submission failed: b');
});
