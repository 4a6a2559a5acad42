import type { EndReason } from '../apis/reasons.ts';
import type { Backend, Exit, Observation } from '../backends/backend.ts';
import type { GraphTask } from '../graph/graph.ts';
import { externalLooks, type Look, lookId, outputLook } from '../planning/facts.ts';
import type { TaskEntry } from '../planning/journal.ts';
import { type Attempt, liveAttempt, type Outcome } from '../planning/record.ts';
import { outcomeOf } from './outcome.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * From what a backend observed to entries of the journal. Reports about an attempt that is not the task's live one
 * are stale and ignored: the attempt's token is its fence.
 */
export async function takeObservations(
  state: WorkflowState,
  backend: Backend,
  keyOf: (token: string) => string | undefined,
  now: number,
): Promise<TaskEntry[]> {
  const entries: TaskEntry[] = [];
  // The entries are applied later: what one batch has said already is remembered here.
  const started = new Set<string>();
  const ended = new Set<string>();
  // Taken out one by one, when it has been understood: a look that fails must not lose what was reported.
  for (let observation = state.inbox[0]; observation; state.inbox.shift(), observation = state.inbox[0]) {
    const { token } = observation;
    const key = keyOf(token);
    const known = key === undefined ? undefined : liveAttempt(state.book.get(key));
    if (key === undefined || known?.uid !== token || ended.has(token)) continue;
    const attempt: Attempt = started.has(token) ? { ...known, state: 'Started' } : known;
    if (observation.state === 'Running') started.add(token);
    if (observation.state === 'Ended' || observation.state === 'Gone') ended.add(token);
    entries.push(...(await entriesOf(state, backend, key, attempt, observation, now)));
  }
  return entries;
}

async function entriesOf(
  state: WorkflowState,
  backend: Backend,
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
      const outcome = await judgedOutcome(state, backend, key, attempt, observation.exit);
      const end: TaskEntry = { type: 'AttemptEnded', task: key, number, outcome };
      if (attempt.state === 'Started') return [end];
      return [startOf(key, attempt, observation.exit.startTime), end];
    }
    case 'Gone': {
      const outcome = goneOutcome(state, attempt, observation, now);
      const end: TaskEntry = { type: 'AttemptEnded', task: key, number, outcome };
      // It ran, though the notice of its start was lost: its hands were on the files.
      if (attempt.state === 'Started' || !observation.claimed) return [end];
      return [startOf(key, attempt, now), end];
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

/** The start of an attempt whose notice never came. */
function startOf(task: string, attempt: Attempt, startTime: number): TaskEntry {
  return {
    type: 'AttemptStarted',
    task,
    number: attempt.number,
    startTime,
    handle: undefined,
    directory: attempt.directory,
  };
}

function goneOutcome(
  state: WorkflowState,
  attempt: Attempt,
  { claimed, message }: Extract<Observation, { state: 'Gone' }>,
  now: number,
): Outcome {
  const cancelled = state.cancelling.get(attempt.uid);
  const common = { finishTime: now, outputs: [], message };
  if (cancelled) return { ...common, phase: 'Cancelled', reason: cancelled };
  if (!claimed && attempt.state === 'Intended') return { ...common, phase: 'Cancelled', reason: 'Withdrawn' };
  return { ...common, phase: 'Failed', reason: 'Lost' };
}

/** A success counts only if its inputs are still what they were when it was started. */
async function judgedOutcome(
  state: WorkflowState,
  backend: Backend,
  key: string,
  attempt: Attempt,
  exit: Exit,
): Promise<Outcome> {
  const index = state.graph.byKey.get(key);
  const task = index === undefined ? undefined : (state.graph.tasks[index] as GraphTask);
  const reason: EndReason = state.cancelling.get(attempt.uid) ?? 'Cancelled';
  const outcome = outcomeOf(exit, attempt.writes, reason);
  if (outcome.phase !== 'Succeeded' || !task) return outcome;
  const changed = await changedInput(state, backend, task, attempt);
  if (changed === undefined) return outcome;
  return {
    ...outcome,
    phase: 'Failed',
    reason: 'InputChanged',
    message: `input ${changed} changed while the task ran`,
    outputs: [],
  };
}

async function changedInput(
  state: WorkflowState,
  backend: Backend,
  task: GraphTask,
  attempt: Attempt,
): Promise<string | undefined> {
  const reads: { name: string; at: number; look: Look }[] = [];
  for (const input of state.inputs(task)) {
    if (input.form === 'glob') reads.push({ name: input.name, at: 0, look: externalLooks(input)[0] as Look });
    else
      input.paths.forEach((path, at) => {
        const producer = input.producers[at];
        const made =
          producer === undefined ? undefined : state.graph.tasks[producer]?.outputs.find((o) => o.path === path);
        reads.push({
          name: input.name,
          at,
          look: made ? outputLook(made) : { path, fingerprint: input.fingerprint, glob: false },
        });
      });
  }
  if (reads.length === 0) return undefined;
  const seen = await backend.files.look(reads.map((r) => r.look));
  for (const [id, digest] of seen) state.setFact(id, digest);
  return reads.find((r) => attempt.contributions.precise[`inputs.${r.name}`]?.[r.at] !== seen.get(lookId(r.look)))
    ?.name;
}
