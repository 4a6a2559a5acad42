import type { Json } from '../base/json.ts';
import type { Attempt, Outcome, TaskRecord } from './record.ts';
import { emptyRecord, NONE_PUT_BACK, nextNumber } from './record.ts';

/**
 * The entries of the journal that make task records. Nothing is ever changed in it: `reduce` over all entries
 * of a workflow, in order, is its recorded state.
 */
export type TaskEntry =
  | { readonly type: 'AttemptIntended'; readonly task: string; readonly attempt: Attempt }
  | ({ readonly type: 'AttemptStarted'; readonly task: string; readonly number: number } & Start)
  | {
      readonly type: 'AttemptEnded';
      readonly task: string;
      readonly number: number;
      readonly outcome: Outcome;
      /** Of an attempt whose start no entry of its own tells. */
      readonly start?: Start;
    }
  /** By hand: the recorded result counts under this identity from now on (`accept`). */
  | {
      readonly type: 'ResultAccepted';
      readonly task: string;
      readonly number: number;
      readonly definition: string;
      readonly execution: string;
      readonly preimage: Attempt['preimage'];
      readonly contributions: Attempt['contributions'];
      readonly request: string;
    }
  | { readonly type: 'TaskReset'; readonly task: string; readonly upTo: number; readonly cause: string }
  | { readonly type: 'ResetAlsoDone'; readonly task: string; readonly definition: string }
  | { readonly type: 'TaskForgiven'; readonly task: string; readonly upTo: number; readonly request: string }
  | {
      readonly type: 'TaskCancelled';
      readonly task: string;
      readonly request: string;
      readonly execution: string | undefined;
    }
  | { readonly type: 'AttemptReleased'; readonly task: string; readonly upTo: number; readonly request: string }
  /** Outputs of this attempt, which a later one moved aside, are to be put back. */
  | { readonly type: 'RestoreIntended'; readonly task: string; readonly number: number }
  /** They were put back. */
  | { readonly type: 'OutputsRestored'; readonly task: string; readonly number: number }
  /** It is skipped: what its attempts have made is to be moved aside. */
  | { readonly type: 'AsideIntended'; readonly task: string }
  /** It was moved. */
  | { readonly type: 'OutputsSetAside'; readonly task: string }
  /** Rename: the record goes on under another key. */
  | { readonly type: 'TaskMoved'; readonly task: string; readonly to: string }
  /** Left the spec: the record is archived. */
  | { readonly type: 'TaskPruned'; readonly task: string };

/** What is known of an attempt from its start on. */
export interface Start {
  readonly startTime: number;
  readonly handle: Json | undefined;
  readonly directory: string | undefined;
}

/** Entries about the workflow as a whole. They are history and request memory; records do not depend on them. */
export type WorkflowEntry =
  | { readonly type: 'WorkflowApplied'; readonly generation: number; readonly message: string }
  | { readonly type: 'WorkflowInvalid' | 'SourceSuspect'; readonly message: string }
  | { readonly type: 'WorkflowPhase'; readonly phase: string; readonly reason: string; readonly message: string }
  | { readonly type: 'RequestHandled'; readonly request: string; readonly verb: string; readonly message: string }
  | { readonly type: 'WorkflowDeleted'; readonly message: string };

export type JournalEntry = TaskEntry | WorkflowEntry;

export function isTaskEntry(entry: JournalEntry): entry is TaskEntry {
  return 'task' in entry;
}

/** Records by key. A key that a task has left keeps an empty record. */
export type Records = Map<string, TaskRecord>;

/** Applies one entry. Entries about an unknown attempt or an attempt that ended are ignored: they are stale. */
export function reduce(records: Records, entry: TaskEntry): void {
  const record = records.get(entry.task) ?? emptyRecord(entry.task);
  const used = nextNumber(record) - 1;
  // What leaves a key leaves the numbers that were used there.
  const vacated = { ...emptyRecord(entry.task), floor: used };
  if (entry.type === 'TaskMoved') {
    const floor = Math.max(used, nextNumber(records.get(entry.to)) - 1);
    records.set(entry.task, vacated);
    records.set(entry.to, { ...record, key: entry.to, floor });
  } else if (entry.type === 'TaskPruned') records.set(entry.task, vacated);
  else records.set(entry.task, reduceRecord(record, entry));
}

function reduceRecord(record: TaskRecord, entry: Exclude<TaskEntry, { type: 'TaskMoved' | 'TaskPruned' }>): TaskRecord {
  switch (entry.type) {
    case 'AttemptIntended':
      // A number is used once: an intent that is not newer than the last attempt is a duplicate.
      if (entry.attempt.number < nextNumber(record)) return record;
      return { ...record, attempts: [...record.attempts, entry.attempt], cancelled: undefined, putBack: undefined };
    case 'AttemptStarted':
      return replaceOpen(record, entry.number, (a) => started(a, entry));
    case 'AttemptEnded':
      return replaceOpen(record, entry.number, (a) => ({
        ...(entry.start ? started(a, entry.start) : a),
        state: 'Ended',
        outcome: entry.outcome,
      }));
    case 'ResultAccepted':
      return {
        ...record,
        attempts: record.attempts.map((a) =>
          a.number === entry.number && a.outcome?.phase === 'Succeeded'
            ? {
                ...a,
                definition: entry.definition,
                execution: entry.execution,
                preimage: entry.preimage,
                contributions: entry.contributions,
              }
            : a,
        ),
      };
    case 'TaskReset':
      return {
        ...record,
        resetUpTo: Math.max(record.resetUpTo, entry.upTo),
        forgivenUpTo: Math.max(record.forgivenUpTo, entry.upTo),
        cancelled: undefined,
      };
    case 'ResetAlsoDone':
      return { ...record, resetAlsoFor: entry.definition };
    case 'TaskForgiven':
      return { ...record, forgivenUpTo: Math.max(record.forgivenUpTo, entry.upTo), cancelled: undefined };
    case 'TaskCancelled':
      return { ...record, cancelled: { request: entry.request, execution: entry.execution } };
    case 'AttemptReleased':
      return { ...record, releasedUpTo: Math.max(record.releasedUpTo, entry.upTo) };
    case 'RestoreIntended':
      return { ...record, putBack: entry.number };
    case 'AsideIntended':
      return { ...record, putBack: NONE_PUT_BACK };
    case 'OutputsRestored':
    case 'OutputsSetAside':
      return record;
  }
}

function started(attempt: Attempt, { startTime, handle, directory }: Start): Attempt {
  return { ...attempt, state: 'Started', startTime, handle, directory: directory ?? attempt.directory };
}

function replaceOpen(record: TaskRecord, number: number, change: (attempt: Attempt) => Attempt): TaskRecord {
  const at = record.attempts.length - 1;
  const last = record.attempts[at];
  if (!last || last.number !== number || last.state === 'Ended') return record;
  const attempts = record.attempts.slice();
  attempts[at] = change(last);
  return { ...record, attempts };
}
