import type { DefinitionPreimage } from '../../graph/graph.ts';
import { type CodeDigests, definitionDigest, executionKey } from '../../graph/identity.ts';
import { attemptToken } from '../../graph/keys.ts';
import type { Attempt, TaskRecord } from '../../planning/record.ts';

/**
 * A record without what follows from the rest of it. Digests and tokens do not compress, and most of them can be made again:
 * the token from task, definition and number, the definition from its pre-image, the execution key from definition and
 * contributions. One that does not follow (the record of a renamed task, a result that was accepted) is kept as it is.
 */
export type LeanRecord = Omit<TaskRecord, 'attempts'> & { readonly attempts: readonly LeanAttempt[] };

type Derived = 'uid' | 'definition' | 'execution';
type LeanAttempt = Omit<Attempt, Derived> & Partial<Pick<Attempt, Derived>>;

export function leanRecord(workflow: string, record: TaskRecord): LeanRecord {
  return { ...record, attempts: record.attempts.map((attempt) => leanAttempt(workflow, record.key, attempt)) };
}

export function wholeRecord(workflow: string, record: LeanRecord): TaskRecord {
  return { ...record, attempts: record.attempts.map((attempt) => wholeAttempt(workflow, record.key, attempt)) };
}

function leanAttempt(workflow: string, key: string, attempt: Attempt): LeanAttempt {
  const { uid, definition, execution, ...rest } = attempt;
  return {
    ...rest,
    ...(uid === attemptToken(workflow, key, definition, attempt.number) ? {} : { uid }),
    ...(definition === definitionOf(attempt) ? {} : { definition }),
    ...(execution === executionKey(definition, attempt.contributions) ? {} : { execution }),
  };
}

function wholeAttempt(workflow: string, key: string, lean: LeanAttempt): Attempt {
  const definition = lean.definition ?? definitionOf(lean);
  return {
    ...lean,
    definition,
    execution: lean.execution ?? executionKey(definition, lean.contributions),
    uid: lean.uid ?? attemptToken(workflow, key, definition, lean.number),
  };
}

function definitionOf({ preimage }: Pick<Attempt, 'preimage'>): string {
  const { templateDigest, values, code } = preimage;
  return definitionDigest({ templateDigest, values: values as Values }, code as CodeDigests);
}

type Values = DefinitionPreimage['values'];
