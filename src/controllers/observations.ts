import type { EndReason } from '../apis/reasons.ts';
import type { Exit, FileSpace, Observation } from '../backends/backend.ts';
import { ABSENT_DIGEST, lookOf, unreadableCode } from '../planning/facts.ts';
import type { TaskEntry } from '../planning/journal.ts';
import { type Attempt, liveAttempt, type Outcome, UNREAD } from '../planning/record.ts';
import { outcomeOf } from './outcome.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * From what a backend observed to entries of the journal. Reports about an attempt that is not the task's live one
 * are stale and ignored: the attempt's token is its fence.
 */
export async function takeObservations(
  state: WorkflowState,
  files: FileSpace,
  keyOf: (token: string) => string | undefined,
  now: number,
): Promise<TaskEntry[]> {
  const entries: TaskEntry[] = [];
  // The entries are applied later: what one batch has said already is remembered here.
  const started = new Set<string>();
  const ended = new Set<string>();
  // Taken out only when all are understood: a look that fails must not lose what was reported.
  let taken = 0;
  for (let observation = state.inbox[0]; observation; observation = state.inbox[++taken]) {
    const { token } = observation;
    const key = keyOf(token);
    const known = key === undefined ? undefined : liveAttempt(state.book.get(key));
    if (key === undefined || known?.uid !== token || ended.has(token)) continue;
    const attempt: Attempt = started.has(token) ? { ...known, state: 'Started' } : known;
    if (observation.state === 'Running') started.add(token);
    if (observation.state === 'Ended' || observation.state === 'Gone') ended.add(token);
    entries.push(...(await entriesOf(state, files, key, attempt, observation, now)));
  }
  state.inbox.splice(0, taken);
  return entries;
}

async function entriesOf(
  state: WorkflowState,
  files: FileSpace,
  key: string,
  attempt: Attempt,
  observation: Observation,
  now: number,
): Promise<TaskEntry[]> {
  const number = attempt.number;
  if (observation.state !== 'Unknown' && state.unconfirmed.delete(attempt.uid)) state.mark(key);
  switch (observation.state) {
    case 'Running':
      if (attempt.state === 'Started') return [];
      return [
        {
          type: 'AttemptStarted',
          task: key,
          number,
          startTime: observation.startTime,
          handle: observation.handle,
          directory: observation.directory,
        },
      ];
    case 'Ended': {
      // The clock of the boot ticks in hundredths: an end that seems to lie ahead would look like a clock set back.
      const exit = { ...observation.exit, finishTime: Math.min(observation.exit.finishTime, now) };
      const outcome = await judgedOutcome(state, files, attempt, exit);
      return [endOf(key, attempt, outcome, observation.exit.startTime)];
    }
    case 'Gone': {
      const outcome = goneOutcome(state, attempt, observation, now);
      // It ran, though the notice of its start was lost: its hands were on the files.
      return [endOf(key, attempt, outcome, observation.claimed ? now : undefined)];
    }
    case 'Unknown':
      state.unconfirmed.add(attempt.uid);
      state.mark(key);
      return [];
    case 'Absent':
    case 'Queued':
      return [];
  }
}

/** `startTime` counts where no notice of the start ever came; undefined: it never started. */
function endOf(task: string, attempt: Attempt, outcome: Outcome, startTime: number | undefined): TaskEntry {
  const end = { type: 'AttemptEnded' as const, task, number: attempt.number, outcome };
  if (attempt.state === 'Started' || startTime === undefined) return end;
  return { ...end, start: { startTime, handle: undefined, directory: attempt.directory } };
}

function goneOutcome(
  state: WorkflowState,
  attempt: Attempt,
  { claimed, message, reason }: Extract<Observation, { state: 'Gone' }>,
  now: number,
): Outcome {
  const cancelled = state.cancelling.get(attempt.uid);
  const common = { finishTime: now, outputs: [], message };
  if (cancelled) return { ...common, phase: 'Cancelled', reason: cancelled };
  if (reason !== undefined) return { ...common, phase: 'Failed', reason };
  if (!claimed && attempt.state === 'Intended') return { ...common, phase: 'Cancelled', reason: 'Withdrawn' };
  return { ...common, phase: 'Failed', reason: 'Lost' };
}

/** A success counts only if its inputs are still what they were when it was started. */
async function judgedOutcome(state: WorkflowState, files: FileSpace, attempt: Attempt, exit: Exit): Promise<Outcome> {
  const reason: EndReason = state.cancelling.get(attempt.uid) ?? 'Cancelled';
  const outcome = outcomeOf(exit, attempt.writes, reason);
  if (outcome.phase !== 'Succeeded') return outcome;
  const changed = await changedInput(state, files, attempt);
  if (changed === undefined) return outcome;
  return {
    ...outcome,
    phase: 'Failed',
    reason: 'InputChanged',
    message: `input ${changed} changed while the task ran`,
    outputs: [],
  };
}

/** By what it was started with: the spec may have other inputs by now. */
async function changedInput(state: WorkflowState, files: FileSpace, attempt: Attempt): Promise<string | undefined> {
  const inputs = (attempt.reads ?? []).filter(({ slot }) => slot.startsWith('inputs.'));
  const looks = inputs.flatMap((read) => read.looks.filter((id) => id !== UNREAD).map(lookOf));
  if (looks.length === 0) return undefined;
  const seen = await files.look(looks);
  for (const [id, digest] of seen) state.setFact(id, digest);
  // What cannot be read now has not been seen to change.
  const differs = (now: string, then: string | undefined): boolean => unreadableCode(now) === undefined && now !== then;
  const changed = inputs.find(({ slot, looks: ids }) =>
    ids.some(
      (id, at) => id !== UNREAD && differs(seen.get(id) ?? ABSENT_DIGEST, attempt.contributions.precise[slot]?.[at]),
    ),
  );
  return changed?.slot.slice('inputs.'.length);
}
