import { expect, test } from 'vitest';
import { JOB_STATES, phaseOf, stateWord } from '../../../../src/backends/slurm/states.ts';

test.each([
  ['PENDING', 'Queued'],
  ['REQUEUED', 'Queued'],
  ['SPECIAL_EXIT', 'Queued'],
  ['RUNNING', 'Active'],
  ['COMPLETING', 'Active'],
  ['SUSPENDED', 'Active'],
  ['STAGE_OUT', 'Active'],
] as const)('%s is %s', (state, phase) => expect(phaseOf(state)).toEqual({ phase }));

test.each([
  ['COMPLETED', 'Lost', false],
  ['FAILED', 'Lost', false],
  ['CANCELLED by 1000', 'CancelledExternally', false],
  ['CANCELLED+', 'CancelledExternally', false],
  ['TIMEOUT', 'WallTime', false],
  ['DEADLINE', 'WallTime', false],
  ['OUT_OF_MEMORY', 'OutOfMemory', false],
  ['PREEMPTED', 'Preempted', false],
  ['NODE_FAIL', 'NodeFailed', true],
  ['BOOT_FAIL', 'NodeFailed', false],
  ['LAUNCH_FAILED', 'LaunchFailed', false],
] as const)('%s without a record is %s', (state, reason, asksNode) =>
  expect(phaseOf(state)).toEqual({ phase: 'Over', reason, asksNode }),
);

test('nothing is concluded from a word that nobody knows', () => {
  for (const state of ['', 'HIBERNATING', 'constructor', 'completed']) expect(phaseOf(state).phase).toBe('Unclear');
});

test('every word of the table is one', () => {
  for (const word of JOB_STATES.keys()) expect(stateWord(word)).toBe(word);
});
