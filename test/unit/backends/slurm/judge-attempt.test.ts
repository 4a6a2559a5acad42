import { expect, test } from 'vitest';
import type { Exit } from '../../../../src/backends/backend.ts';
import type { FolderState } from '../../../../src/backends/slurm/folder-state.ts';
import { type Circumstances, judgeAttempt, type SlurmWord } from '../../../../src/backends/slurm/judge-attempt.ts';
import { answeringNodes } from '../../../../src/backends/slurm/node-states.ts';
import { pollIntervalMs } from '../../../../src/backends/slurm/poll-interval.ts';

const now: Circumstances = { cancelling: false, overMs: 60_000, graceMs: 30_000, nodeAnswers: false, job: '7_1' };
const early = { ...now, overMs: 0 };
const asked = { ...now, nodeAnswers: true };
const exit = (part: Partial<Exit> = {}): FolderState => ({
  kind: 'Ended',
  opinion: undefined,
  exit: {
    verdict: 'Exited',
    exitCode: 0,
    problem: undefined,
    startTime: 1,
    finishTime: 2,
    elapsedMs: 1,
    usage: {},
    outputs: new Map(),
    ...part,
  },
});
const claimed: FolderState = { kind: 'Claimed', node: 'n1', startTime: 5, turnedBack: false };
const turnedBack: FolderState = { ...claimed, turnedBack: true };
const none: FolderState = { kind: 'Unclaimed' };
const says = (state: string): SlurmWord => ({ kind: 'Says', state, why: '', node: 'n1' });
const unasked: SlurmWord = { kind: 'Unasked' };
const forgotten: SlurmWord = { kind: 'Forgotten', siblings: false };
const missed: SlurmWord = { kind: 'Forgotten', siblings: true };

test.each([
  // No claim.
  ['nobody was asked', none, unasked, now, { step: 'Queued' }],
  ['it waits', none, says('PENDING'), now, { step: 'Queued' }],
  ['it is about to claim', none, says('RUNNING'), now, { step: 'Queued' }],
  ['a word that nobody knows', none, says('HIBERNATING'), now, { step: 'Queued' }],
  ['over, a moment ago', none, says('FAILED'), early, { step: 'Wait' }],
  ['over without a claim', none, says('FAILED'), now, { step: 'Withdraw', reason: 'LaunchFailed' }],
  ['a success that nobody can see', none, says('COMPLETED'), now, { step: 'Withdraw', reason: 'LaunchFailed' }],
  ['cancelled while it waited', none, says('CANCELLED by 5'), now, { step: 'Withdraw', reason: 'CancelledExternally' }],
  ['its node did not boot', none, says('BOOT_FAIL'), now, { step: 'Withdraw', reason: 'NodeFailed' }],
  ['gone, siblings are there', none, missed, now, { step: 'Withdraw', reason: 'CancelledExternally' }],
  ['forgotten by a controller', none, forgotten, now, { step: 'Withdraw', reason: undefined }],
  ['forgotten, a moment ago', none, forgotten, early, { step: 'Wait' }],
  // A claim, and no record.
  ['it runs', claimed, says('RUNNING'), now, { step: 'Running', startTime: 5, node: 'n1' }],
  ['it runs, nobody was asked', claimed, unasked, now, { step: 'Running' }],
  ['it waits again', claimed, says('PENDING'), now, { step: 'Running' }],
  ['its runtime was killed', claimed, says('FAILED'), now, { step: 'Gone', claimed: true, reason: 'Lost' }],
  ['the record may be late', claimed, says('FAILED'), early, { step: 'Wait' }],
  ['no success without a record', claimed, says('COMPLETED'), now, { step: 'Gone', reason: 'Lost' }],
  ['killed by its limit', claimed, says('TIMEOUT'), now, { step: 'Gone', reason: 'WallTime' }],
  ['killed for memory', claimed, says('OUT_OF_MEMORY'), now, { step: 'Gone', reason: 'OutOfMemory' }],
  ['preempted', claimed, says('PREEMPTED'), now, { step: 'Gone', reason: 'Preempted' }],
  ['a lost node', claimed, says('NODE_FAIL'), now, { step: 'AskNode', node: 'n1' }],
  ['a lost node that is back', claimed, says('NODE_FAIL'), asked, { step: 'Gone', reason: 'NodeFailed' }],
  ['forgotten while it ran', claimed, forgotten, now, { step: 'AskNode', node: 'n1' }],
  ['forgotten, and its node knows nothing of it', claimed, forgotten, asked, { step: 'Gone', reason: 'Lost' }],
  ['a second incarnation turned back', turnedBack, says('FAILED'), now, { step: 'AskNode', node: 'n1' }],
  ['and the node of the first is back', turnedBack, says('FAILED'), asked, { step: 'Gone', reason: 'NodeFailed' }],
  [
    'it ended on another node than it was claimed on',
    { ...claimed, node: 'n2' },
    says('FAILED'),
    now,
    { step: 'AskNode', node: 'n2' },
  ],
  ['a claim that is not whole', { kind: 'Torn' }, says('RUNNING'), now, { step: 'Wait' }],
  ['a claim that stays so', { kind: 'Torn' }, says('FAILED'), now, { step: 'Gone', claimed: true }],
  ['withdrawn', { kind: 'Withdrawn' }, says('PENDING'), now, { step: 'Gone', claimed: false }],
  ['unreadable', { kind: 'Unreadable', message: 'EIO' }, says('FAILED'), now, { step: 'Unknown', message: 'EIO' }],
  // A record.
  [
    'a success outranks everybody',
    exit(),
    says('NODE_FAIL'),
    early,
    { step: 'Ended', exit: { verdict: 'Exited', exitCode: 0 } },
  ],
  ['a failure waits for its reason', exit({ exitCode: 3 }), says('COMPLETING'), early, { step: 'Wait' }],
  ['and not for ever', exit({ exitCode: 3 }), unasked, now, { step: 'Ended', exit: { exitCode: 3 } }],
  [
    'an exit code is its own reason',
    exit({ exitCode: 3 }),
    says('FAILED'),
    early,
    { step: 'Ended', exit: { verdict: 'Exited', exitCode: 3 } },
  ],
  ['memory', exit({ exitCode: 1 }), says('OUT_OF_MEMORY'), early, { step: 'Ended', exit: { verdict: 'OutOfMemory' } }],
  [
    'we asked for it',
    exit({ verdict: 'Cancelled' }),
    says('CANCELLED'),
    { ...early, cancelling: true },
    { step: 'Ended', exit: { verdict: 'Cancelled' } },
  ],
  [
    'somebody else did',
    exit({ verdict: 'Cancelled' }),
    says('CANCELLED by 0'),
    early,
    { step: 'Ended', exit: { verdict: 'Problem', problem: { reason: 'CancelledExternally' } } },
  ],
  [
    'its limit',
    exit({ verdict: 'Cancelled' }),
    says('TIMEOUT'),
    early,
    { step: 'Ended', exit: { verdict: 'WallTime' } },
  ],
  [
    'preempted, with a record',
    exit({ exitCode: 143 }),
    says('PREEMPTED'),
    early,
    { step: 'Ended', exit: { problem: { reason: 'Preempted' } } },
  ],
  [
    'a failure of its own before that',
    exit({ exitCode: 3 }),
    says('PREEMPTED'),
    early,
    { step: 'Ended', exit: { verdict: 'Exited', exitCode: 3 } },
  ],
  [
    'walltime by the runtime',
    exit({ verdict: 'WallTime' }),
    unasked,
    early,
    { step: 'Ended', exit: { verdict: 'WallTime' } },
  ],
] as const satisfies readonly (readonly [string, FolderState, SlurmWord, Circumstances, object])[])(
  '%s',
  (_, folder, word, circumstances, judged) => expect(judgeAttempt(folder, word, circumstances)).toMatchObject(judged),
);

test('a later daemon tells the same reason', () => {
  const first = judgeAttempt(exit({ verdict: 'Cancelled' }), says('TIMEOUT'), early);
  const opinion = first.step === 'Ended' ? first.opinion : undefined;
  const again = judgeAttempt({ ...exit({ verdict: 'Cancelled' }), opinion } as FolderState, unasked, early);
  expect(again).toMatchObject({ step: 'Ended', exit: { verdict: 'WallTime' }, opinion: undefined });
});

test('the words say which job, how and where', () => {
  const word: SlurmWord = { kind: 'Says', state: 'NODE_FAIL', why: 'NodeDown', node: 'n1' };
  expect(judgeAttempt(claimed, word, now)).toMatchObject({
    message: 'Slurm job 7_1 ended NODE_FAIL (NodeDown) on n1; its processes may live on n1',
  });
});

test('a node answers only where the controller says so', () => {
  const text = [
    'NodeName=n1 Arch=x86_64 State=IDLE ThreadsPerCore=1',
    'NodeName=n2 Arch=x86_64 State=DOWN* ThreadsPerCore=1',
    'NodeName=n3 State=MIXED+DRAIN Reason=x',
    'NodeName=n4 State=IDLE+NOT_RESPONDING',
    'NodeName=n5 State=IDLE* Reason=State=IDLE',
  ].join('\n');
  expect([...answeringNodes(text)]).toEqual(['n1', 'n3']);
});

test('questions become rarer the longer nothing happens, and while nobody answers', () => {
  expect(pollIntervalMs(0, 1, 0)).toBe(2_000);
  expect(pollIntervalMs(100_000, 1, 0)).toBe(10_000);
  expect(pollIntervalMs(3_600_000, 1, 0)).toBe(60_000);
  expect(pollIntervalMs(0, 10_000, 0)).toBe(10_000);
  expect(pollIntervalMs(0, 1, 3)).toBe(16_000);
  expect(pollIntervalMs(0, 1, 50)).toBe(60_000);
});
