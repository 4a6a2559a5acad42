import type { EventLine } from '../apis/task-view.ts';
import type { JournalEntry } from '../planning/journal.ts';
import type { JournalLine } from '../store/store.ts';

/**
 * Lines of `events` from one entry of the journal. The end of a short attempt tells its start as well, under the version
 * before its own: the store gives it two.
 */
export function eventLines(line: JournalLine, workflow: string): EventLine[] {
  const { entry, seq } = line;
  if (entry.type !== 'AttemptEnded' || !entry.start) return [eventLine(line, workflow)];
  const { task, number, start } = entry;
  const started = { ...line, seq: seq - 1, entry: { type: 'AttemptStarted' as const, task, number, ...start } };
  return [eventLine(started, workflow), eventLine(line, workflow)];
}

function eventLine(line: JournalLine, workflow: string): EventLine {
  const { entry } = line;
  const told = tell(entry);
  return {
    time: new Date(line.time).toISOString(),
    type: told.warning ? 'Warning' : 'Normal',
    reason: told.reason,
    ...('task' in entry ? { task: entry.task } : {}),
    ...(told.attempt === undefined ? {} : { attempt: told.attempt }),
    message: told.message,
    resourceVersion: String(line.seq),
    workflow,
  };
}

interface Told {
  readonly reason: string;
  readonly message: string;
  readonly attempt?: number;
  readonly warning?: boolean;
}

function tell(entry: JournalEntry): Told {
  switch (entry.type) {
    case 'AttemptIntended': {
      const causes = entry.attempt.because.map((b) => ('task' in b ? b.task : b.field));
      const why = causes.length > 0 ? `, because of ${causes.slice(0, 5).join(', ')}` : '';
      return {
        reason: 'AttemptCreated',
        attempt: entry.attempt.number,
        message: `attempt ${entry.attempt.number} created${why}`,
      };
    }
    case 'AttemptStarted':
      return { reason: 'AttemptStarted', attempt: entry.number, message: `attempt ${entry.number} started` };
    case 'AttemptEnded': {
      const { phase, reason, message } = entry.outcome;
      const text =
        phase === 'Succeeded'
          ? 'succeeded'
          : `${phase === 'Failed' ? 'failed' : 'was cancelled'}: ${message ?? reason}`;
      return { reason, attempt: entry.number, warning: phase === 'Failed', message: `attempt ${entry.number} ${text}` };
    }
    case 'ResultAccepted':
      return {
        reason: 'ResultAccepted',
        attempt: entry.number,
        message: `the result of attempt ${entry.number} was accepted`,
      };
    case 'TaskReset':
      return { reason: 'TaskReset', message: `reset: ${entry.cause}` };
    case 'ResetAlsoDone':
      return { reason: 'ResetAlso', message: 'upstreams were reset together with this task' };
    case 'TaskForgiven':
      return { reason: 'TaskRetried', message: `failures are forgiven by request ${entry.request}` };
    case 'TaskCancelled':
      return { reason: 'TaskCancelled', message: `cancelled by request ${entry.request}` };
    case 'AttemptReleased':
      return {
        reason: 'AttemptReleased',
        warning: true,
        message: `attempt ${entry.upTo} counts as over, by request ${entry.request}`,
      };
    case 'RestoreIntended':
      return {
        reason: 'RestoringOutputs',
        attempt: entry.number,
        message: `outputs of attempt ${entry.number} are looked for where later attempts moved them`,
      };
    case 'OutputsRestored':
      return {
        reason: 'OutputsRestored',
        attempt: entry.number,
        message: `outputs of attempt ${entry.number} were put back`,
      };
    case 'AsideIntended':
      return { reason: 'SettingOutputsAside', message: 'skipped now: what it made before is to be moved aside' };
    case 'OutputsSetAside':
      return {
        reason: 'OutputsSetAside',
        message: 'what it made before was moved to the run folder that it came from',
      };
    case 'TaskMoved':
      return { reason: 'TaskAdopted', message: `renamed to ${entry.to}` };
    case 'TaskPruned':
      return { reason: 'TaskPruned', message: 'left the spec; its record is archived' };
    case 'WorkflowApplied':
      return { reason: 'WorkflowApplied', message: entry.message };
    case 'WorkflowInvalid':
    case 'SourceSuspect':
      return { reason: entry.type, warning: true, message: entry.message };
    case 'WorkflowPhase':
      return {
        reason: entry.reason,
        warning: entry.phase === 'Failed',
        message: `${entry.phase}${entry.message === '' ? '' : `: ${entry.message}`}`,
      };
    case 'RequestHandled':
      return {
        reason: 'RequestHandled',
        warning: entry.verb === 'unknown',
        message: `${entry.message} (request ${entry.request})`,
      };
    case 'WorkflowDeleted':
      return { reason: 'WorkflowDeleted', message: entry.message };
  }
}
