import type { Because } from '../../../src/apis/task-view.ts';
import type { Cause } from './reference.ts';

/** How a cause may be told: the names of fields are the document's, or of what an edge brings. */
const TOLD: Readonly<Record<Exclude<Cause, 'New'>, RegExp>> = {
  Command: /^(run|outputs)\b/,
  Params: /^(run#\d|params\b)/,
  Script: /^script /,
  Inputs: /^inputs\b/,
  Mentions: /^(run#\d|tasks\b)/,
  Upstream: /^dependsOn\b/,
  Outputs: /^outputs\b/,
  Handling: /^(resources|retry)\b/,
};

/** The causes that should have been told and were not. */
export function untold(causes: readonly Cause[], because: readonly Because[]): Cause[] {
  const fields = because.flatMap((b) => ('field' in b ? [b.field] : []));
  return causes.filter((cause) => cause !== 'New' && !fields.some((field) => TOLD[cause].test(field)));
}
