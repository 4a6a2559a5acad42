import { type Attempt, lastAttempt } from '../planning/record.ts';
import { handled } from './handled.ts';
import type { HomeContext } from './home-context.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Of the end of stderr, kept in the status of a failing task. */
const LOG_TAIL_BYTES = 600;

/**
 * A few last lines of each failure that the status shows, so that the cause is seen without another command. Those of
 * other attempts are dropped; what an earlier daemon read is in the stored status. `read` is called when there is more.
 */
export function keepLogTails(home: HomeContext, state: WorkflowState, read: () => void): void {
  const shown = new Set<string>();
  for (const { name, log } of state.status?.failing ?? []) {
    const attempt = lastAttempt(state.book.get(name));
    if (!attempt) continue;
    shown.add(attempt.uid);
    if (log === undefined && !state.logTails.has(attempt.uid)) void readLogTail(home, state, attempt, read);
  }
  for (const uid of state.logTails.keys()) if (!shown.has(uid)) state.logTails.delete(uid);
}

async function readLogTail(home: HomeContext, state: WorkflowState, attempt: Attempt, read: () => void): Promise<void> {
  // Asked for once, whatever comes of it.
  state.logTails.set(attempt.uid, '');
  const part = await home.backends.readLog(handled(attempt), 'stderr', -LOG_TAIL_BYTES).catch(() => undefined);
  const text = part?.text.trimEnd() ?? '';
  if (text === '' || !state.logTails.has(attempt.uid)) return;
  state.logTails.set(attempt.uid, text);
  read();
}
