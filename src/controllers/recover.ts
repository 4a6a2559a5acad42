import type { Placed } from '../backends/backends.ts';
import { nextEventLoopTurn } from '../base/event-loop.ts';
import { type Look, lookOf } from '../planning/facts.ts';
import {
  type Attempt,
  lastSuccess,
  liveAttempt,
  type SettledAttempt,
  type SettledRecord,
  type TaskRecord,
} from '../planning/record.ts';
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

/** So many records are taken in before others have their turn. */
const RECORDS_A_TURN = 5_000;

/**
 * Takes in what the ledger holds of a workflow, one record after another. Where results lie, as those who made them wrote
 * it, is what a start looks at next: a thread reads there meanwhile.
 */
export async function takeRecords(
  { files }: Pick<HomeContext, 'files'>,
  { book }: WorkflowState,
  records: Iterable<TaskRecord | SettledRecord>,
): Promise<void> {
  let looks: Look[] = [];
  let taken = 0;
  for (const record of records) {
    const success = lastSuccess<Attempt | SettledAttempt>(record);
    for (const { lookId } of success?.writes ?? []) looks.push(lookOf(lookId));
    book.take(record);
    if (++taken % RECORDS_A_TURN !== 0) continue;
    void files.expect?.(looks);
    looks = [];
    await nextEventLoopTurn();
  }
}
