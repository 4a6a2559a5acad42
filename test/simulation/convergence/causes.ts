import type { Because } from '../../../src/apis/task-view.ts';
import type { Cause, Why } from './reference.ts';

/** How a cause may be told: the names of fields are the document's, or of what an edge brings. */
const TOLD: Readonly<Record<Exclude<Cause, 'New'>, RegExp>> = {
  Command: /^run$/,
  Params: /^(run#\d|params\b)/,
  Script: /^script /,
  Inputs: /^inputs\b/,
  Mentions: /^(run#\d|tasks\b)/,
  Upstream: /^dependsOn\b/,
  Outputs: /^outputs\b/,
  Handling: /^(resources|retry)\b/,
};

/** What may be told besides: expressions are numbered, so a changed script may move their numbers. */
const MAY_BE_TOLD: Readonly<Partial<Record<Cause, RegExp>>> = { Command: /^run#\d/ };

/** The causes that should have been told and were not. */
export function untold({ causes }: Why, because: readonly Because[]): Cause[] {
  return causes.filter((cause) => cause !== 'New' && !because.some((told) => isTold(cause, told)));
}

/** Beside the field that differs, whoever made it is named. */
const NAMES_MAKERS: ReadonlySet<Cause> = new Set(['Inputs', 'Mentions']);

/** What was told and did not change. */
export function invented({ causes, outputsGone }: Why, because: readonly Because[]): string[] {
  const real = outputsGone ? [...causes, 'Outputs' as const] : causes;
  const fits = (cause: Cause, told: Because): boolean =>
    isTold(cause, told) || ('field' in told ? MAY_BE_TOLD[cause]?.test(told.field) === true : NAMES_MAKERS.has(cause));
  return because
    .filter((told) => !real.some((cause) => fits(cause, told)))
    .map((told) => ('field' in told ? told.field : told.task));
}

function isTold(cause: Cause, told: Because): boolean {
  if (cause === 'New') return false;
  // A broad edge is told by its field, and by the task upstream that ran again.
  return 'field' in told ? TOLD[cause].test(told.field) : cause === 'Upstream';
}
