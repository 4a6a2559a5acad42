import type { EndReason } from '../../apis/reasons.ts';
import type { Exit } from '../backend.ts';
import type { FolderState, Opinion } from './folder-state.ts';
import { phaseOf } from './states.ts';

/**
 * What becomes of an attempt, from what its run folder and Slurm say. Pure: no clock, no file.
 *
 * | run folder | Slurm | judgement |
 * |---|---|---|
 * | record of a success, or an end that we asked for | anything | Ended, as the record says |
 * | record of a failure | not over yet | Wait for its opinion, at most `OPINION_MS`; then Ended as the record says |
 * | record of a failure | over | Ended; why it was ended from outside is in Slurm's words (time, memory, preemption …) |
 * | claim taken by us | anything | Gone, never started |
 * | no claim | waits, runs, or was not asked | Queued |
 * | no claim | over, or forgotten, for less than the grace | Wait: the file system may be slow |
 * | no claim | over, or forgotten, for longer | Withdraw: the claim is taken, whoever comes late turns back |
 * | claim | waits again, runs, or was not asked | Running |
 * | claim, no record | over for less than the grace | Wait |
 * | claim, no record | over for longer, the node was asked | Gone |
 * | claim, no record | over by NODE_FAIL, forgotten, on another node than the claim's, or its second incarnation turned back | AskNode: Unknown until its node answers, then Gone |
 * | cannot be read | anything | Unknown |
 *
 * Absence is never success, and a failed look-up is no absence (`Unasked`).
 */
export type SlurmWord =
  /** It was not submitted yet, or there was no good answer. */
  | { readonly kind: 'Unasked' }
  | { readonly kind: 'Says'; readonly state: string; readonly why: string; readonly node: string }
  /** It is not in the queue, nor in accounting. `siblings`: other elements of its array are. */
  | { readonly kind: 'Forgotten'; readonly siblings: boolean };

export interface Circumstances {
  /** We asked for its end. */
  readonly cancelling: boolean;
  /** For how long it has looked over. */
  readonly overMs: number;
  readonly graceMs: number;
  /** Its node has answered since it looked over: what Slurm does not know any more is not there. */
  readonly nodeAnswers: boolean;
  /** Slurm's name of it, for messages. */
  readonly job: string;
}

export type Judgement =
  | { readonly step: 'Queued' | 'Wait' }
  | { readonly step: 'Running'; readonly startTime: number; readonly node: string }
  | { readonly step: 'Ended'; readonly exit: Exit; readonly opinion: Opinion | undefined }
  | {
      readonly step: 'Gone';
      readonly claimed: boolean;
      readonly reason: EndReason | undefined;
      readonly message: string;
    }
  | { readonly step: 'Withdraw'; readonly reason: EndReason | undefined; readonly message: string }
  | { readonly step: 'AskNode'; readonly node: string; readonly message: string }
  | { readonly step: 'Unknown'; readonly message: string };

export function judgeAttempt(folder: FolderState, word: SlurmWord, now: Circumstances): Judgement {
  switch (folder.kind) {
    case 'Unreadable':
      return { step: 'Unknown', message: folder.message };
    case 'Withdrawn':
      return { step: 'Gone', claimed: false, reason: undefined, message: 'withdrawn before it started' };
    case 'Ended':
      return judgeRecord(folder.exit, folder.opinion, word, now);
    case 'Unclaimed':
      return judgeUnclaimed(word, now);
    case 'Claimed':
    case 'Torn':
      return judgeClaimed(folder, word, now);
  }
}

/** The queue is asked about it at once, or a few seconds later. A failure that is known to be one can wait so long for its reason. */
const OPINION_MS = 30_000;

function judgeRecord(exit: Exit, known: Opinion | undefined, word: SlurmWord, now: Circumstances): Judgement {
  const failed = (exit.verdict === 'Exited' && exit.exitCode !== 0) || exit.verdict === 'Cancelled';
  if (!failed || (exit.verdict === 'Cancelled' && now.cancelling)) return { step: 'Ended', exit, opinion: undefined };
  if (known) return { step: 'Ended', exit: withOpinion(exit, known), opinion: undefined };
  const over = word.kind === 'Says' && phaseOf(word.state).phase === 'Over';
  if (!over && word.kind !== 'Forgotten' && now.overMs < OPINION_MS) return { step: 'Wait' };
  const opinion = { state: over ? word.state : '', message: over ? saying(word, now) : '' };
  return { step: 'Ended', exit: withOpinion(exit, opinion), opinion };
}

/** Ends by a signal, or asked for by somebody else: the record says how, Slurm may know why. */
function withOpinion(exit: Exit, { state, message }: Opinion): Exit {
  const phase = phaseOf(state);
  if (phase.phase !== 'Over') return exit;
  const signalled = exit.verdict === 'Cancelled' || SIGNALLED.has(exit.exitCode ?? 0);
  if (phase.reason === 'OutOfMemory') return exit.verdict === 'Exited' ? { ...exit, verdict: 'OutOfMemory' } : exit;
  if (!signalled) return exit;
  if (phase.reason === 'WallTime') return { ...exit, verdict: 'WallTime' };
  return OUTSIDE.has(phase.reason) ? { ...exit, verdict: 'Problem', problem: { reason: phase.reason, message } } : exit;
}

/** TERM and KILL, as shells report them. */
const SIGNALLED: ReadonlySet<number> = new Set([137, 143]);
const OUTSIDE: ReadonlySet<EndReason> = new Set(['CancelledExternally', 'Preempted', 'NodeFailed']);

function judgeUnclaimed(word: SlurmWord, now: Circumstances): Judgement {
  if (word.kind === 'Unasked') return { step: 'Queued' };
  const phase = word.kind === 'Says' ? phaseOf(word.state) : undefined;
  if (phase !== undefined && phase.phase !== 'Over') return { step: 'Queued' };
  if (now.overMs < now.graceMs) return { step: 'Wait' };
  if (word.kind === 'Forgotten') return { step: 'Withdraw', ...forgotten(word, now) };
  // It ended without having come as far as its claim.
  const reason = phase?.phase === 'Over' && phase.reason !== 'Lost' ? phase.reason : 'LaunchFailed';
  return { step: 'Withdraw', reason, message: saying(word, now) };
}

function judgeClaimed(
  folder: Extract<FolderState, { kind: 'Claimed' | 'Torn' }>,
  word: SlurmWord,
  now: Circumstances,
): Judgement {
  const phase = word.kind === 'Says' ? phaseOf(word.state) : undefined;
  if (word.kind === 'Unasked' || (phase !== undefined && phase.phase !== 'Over')) {
    if (folder.kind === 'Torn') return { step: 'Wait' };
    return { step: 'Running', startTime: folder.startTime, node: folder.node };
  }
  if (now.overMs < now.graceMs) return { step: 'Wait' };
  const claimedOn = folder.kind === 'Claimed' ? folder.node : '';
  const turnedBack = folder.kind === 'Claimed' && folder.turnedBack;
  const elsewhere = word.kind === 'Says' && word.node !== '' && claimedOn !== '' && word.node !== claimedOn;
  const asks = word.kind === 'Forgotten' || turnedBack || elsewhere || (phase?.phase === 'Over' && phase.asksNode);
  const known =
    word.kind === 'Forgotten' ? { reason: 'Lost' as const, message: forgotten(word, now).message } : undefined;
  const message = known?.message ?? (word.kind === 'Says' ? saying(word, now) : '');
  const node = claimedOn === '' && word.kind === 'Says' ? word.node : claimedOn;
  if (asks && !now.nodeAnswers)
    return { step: 'AskNode', node, message: `${message}; its processes may live on ${node || 'its node'}` };
  const reason = known?.reason ?? (phase?.phase === 'Over' ? phase.reason : 'Lost');
  return { step: 'Gone', claimed: true, reason: turnedBack ? 'NodeFailed' : reason, message };
}

function forgotten(
  { siblings }: Extract<SlurmWord, { kind: 'Forgotten' }>,
  { job }: Circumstances,
): { readonly reason: EndReason | undefined; readonly message: string } {
  // One element of an array that is gone was cancelled while it waited: that leaves no trace. All of it: Slurm forgot.
  return siblings
    ? { reason: 'CancelledExternally', message: `Slurm job ${job} was cancelled while it waited` }
    : { reason: undefined, message: `Slurm does not know job ${job} any more` };
}

function saying({ state, why, node }: Extract<SlurmWord, { kind: 'Says' }>, { job }: Circumstances): string {
  return `Slurm job ${job} ended ${state}${why === '' ? '' : ` (${why})`}${node === '' ? '' : ` on ${node}`}`;
}
