import type { Because } from '../../../src/apis/task-view.ts';
import { KNOWN_DEFECTS } from './known-defects.ts';
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
  const untellable = KNOWN_DEFECTS.causesOutsideIdentityUntold ? ['New', 'Outputs', 'Handling'] : ['New'];
  return causes.filter(
    (cause) => !untellable.includes(cause) && !fields.some((field) => TOLD[cause as keyof typeof TOLD].test(field)),
  );
}

/** The fields that were told and did not change. */
export function invented(causes: readonly Cause[], because: readonly Because[]): string[] {
  if (causes.includes('New')) return because.map((b) => ('field' in b ? b.field : b.task));
  const spared =
    KNOWN_DEFECTS.allTemplateFieldsTold && causes.includes('Command') ? /^(outputs|run|setup|shell)$/ : /^$/;
  const fields = because.flatMap((b) => ('field' in b && !spared.test(b.field) ? [b.field] : []));
  return fields.filter((field) => !causes.some((cause) => cause !== 'New' && TOLD[cause].test(field)));
}
