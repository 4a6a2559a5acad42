import type { Workflow } from '../apis/workflow.ts';
import { type LabelSelector, matchesLabels, parseLabelSelector } from '../base/label-selector.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { parseFieldSelector } from './field-selector.ts';
import { badRequest, type Status } from './status.ts';

/** Which workflows a list or watch is about. */
export interface Selection {
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly labels: LabelSelector;
}

export function parseSelection(query: URLSearchParams, namespace: string | undefined): Result<Selection, Status> {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  if (!labels.ok) return fail(badRequest(labels.error));
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  if (!fields.ok) return fail(badRequest(fields.error));
  const wanted = fields.value.get('metadata.namespace');
  if (namespace !== undefined && wanted !== undefined && wanted !== namespace) {
    return fail(badRequest(`the field selector asks for namespace ${wanted}, the path for ${namespace}`));
  }
  return ok({ namespace: namespace ?? wanted, name: fields.value.get('metadata.name'), labels: labels.value });
}

export function selects(selection: Selection, workflow: Workflow): boolean {
  return (
    (selection.namespace === undefined || workflow.metadata.namespace === selection.namespace) &&
    (selection.name === undefined || workflow.metadata.name === selection.name) &&
    matchesLabels(selection.labels, workflow.metadata.labels)
  );
}
