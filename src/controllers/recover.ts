import type { Placed } from '../backends/backends.ts';
import { type Look, lookOf } from '../planning/facts.ts';
import { lastSuccess, liveAttempt, type TaskRecord } from '../planning/record.ts';
import { handled } from './handled.ts';
import type { HomeContext } from './home-context.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * After a start: every attempt without an outcome is looked up where it was submitted. What runs is adopted, what
 * ended is recorded, and what nobody claimed is withdrawn: its claim is taken, so a launch that is still on its
 * way starts nothing, and the task is judged afresh.
 */
export async function recover(home: HomeContext, state: WorkflowState): Promise<void> {
  const live: Placed[] = [];
  for (const key of state.book.live) {
    const attempt = liveAttempt(state.book.get(key));
    if (!attempt) continue;
    home.tokens.set(attempt.uid, { workflow: state.uid, key });
    home.slots.of(attempt.backend).keep(attempt.uid, attempt.needs);
    live.push(handled(attempt));
  }
  if (live.length === 0) return;
  const withdraw: Placed[] = [];
  const observations = await home.backends.observe(live);
  for (const [i, observation] of observations.entries()) {
    if (observation.state === 'Absent') withdraw.push(live[i] as Placed);
    else state.inbox.push(observation);
  }
  if (withdraw.length > 0) await home.backends.cancel(withdraw);
}

/** Where results lie, as those who made them wrote them: what a start looks at first, known before there is a graph. */
export function recordedLooks(records: Iterable<TaskRecord>): Look[] {
  const looks: Look[] = [];
  for (const record of records) for (const { lookId } of lastSuccess(record)?.writes ?? []) looks.push(lookOf(lookId));
  return looks;
}
