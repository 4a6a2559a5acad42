import { API_VERSION } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { HomeError, WorkflowRef } from '../controllers/home.ts';
import { sendList } from './json-stream.ts';
import type { Match } from './match.ts';
import type { RequestContext } from './request-context.ts';
import { parseSelection, selects } from './selection.ts';
import { badRequest, failure, statusOf } from './status.ts';
import { watchWorkflows } from './watch.ts';
import { receiveDocument } from './workflow-document.ts';

export function refOf(match: Match): WorkflowRef {
  return { namespace: match.namespace ?? '', name: match.name ?? '' };
}

export async function listWorkflows(context: RequestContext, match: Match): Promise<void> {
  const selection = parseSelection(context.query, match.namespace);
  if (!selection.ok) return context.sendStatus(selection.error);
  if (context.flag('watch')) return watchWorkflows(context, selection.value);
  const list = await context.home.list(selection.value.namespace);
  const header = {
    apiVersion: API_VERSION,
    kind: 'WorkflowList',
    metadata: { resourceVersion: list.resourceVersion },
  };
  await sendList(
    context,
    header,
    list.items.filter((workflow) => selects(selection.value, workflow)),
  );
}

export async function getWorkflow(context: RequestContext, match: Match): Promise<void> {
  await sendWorkflow(context, await context.home.get(refOf(match)));
}

export async function createWorkflow(context: RequestContext, match: Match): Promise<void> {
  const body = await context.bodyJson();
  if (!body.ok) return context.sendStatus(body.error);
  const received = await receiveDocument(context.services.decode, body.value, match.namespace ?? '');
  if (!received.ok) return context.sendStatus(received.error);
  const applied = await context.home.apply(received.value.document, { create: true, dryRun: isDryRun(context) });
  if (!applied.ok) return context.sendStatus(statusOf(applied.error));
  await context.sendJson(applied.value.workflow, 201);
}

export async function replaceWorkflow(context: RequestContext, match: Match): Promise<void> {
  const body = await context.bodyJson();
  if (!body.ok) return context.sendStatus(body.error);
  const ref = refOf(match);
  const received = await receiveDocument(context.services.decode, body.value, ref.namespace, ref.name);
  if (!received.ok) return context.sendStatus(received.error);
  // An update never creates: whoever sends one believes that there is something to update.
  const existing = await context.home.get(ref);
  if (!existing.ok) return context.sendStatus(statusOf(existing.error));
  const { document, resourceVersion } = received.value;
  const applied = await context.home.apply(document, {
    dryRun: isDryRun(context),
    ...(resourceVersion === undefined || resourceVersion === '' ? {} : { resourceVersion }),
  });
  if (!applied.ok) return context.sendStatus(statusOf(applied.error));
  await context.sendJson(applied.value.workflow);
}

const MERGE_PATCH = 'application/merge-patch+json';

export async function patchWorkflow(context: RequestContext, match: Match): Promise<void> {
  if (context.contentType() !== MERGE_PATCH) {
    return context.sendStatus(failure('UnsupportedMediaType', `only ${MERGE_PATCH} can be applied here`));
  }
  if (isDryRun(context)) return context.sendStatus(badRequest('dryRun is not offered for patches'));
  const body = await context.bodyJson();
  if (!body.ok) return context.sendStatus(body.error);
  if (typeof body.value !== 'object' || body.value === null || Array.isArray(body.value)) {
    return context.sendStatus(badRequest('a merge patch must be a JSON object'));
  }
  await sendWorkflow(context, await context.home.patch(refOf(match), body.value as Json));
}

export async function deleteWorkflow(context: RequestContext, match: Match): Promise<void> {
  if (isDryRun(context)) return context.sendStatus(badRequest('dryRun is not offered for deletion'));
  await sendWorkflow(context, await context.home.delete(refOf(match)));
}

export async function sendWorkflow(context: RequestContext, result: Result<Workflow, HomeError>): Promise<void> {
  if (result.ok) await context.sendJson(result.value);
  else await context.sendStatus(statusOf(result.error));
}

/** `dryRun=All` is the only value that Kubernetes knows. */
export function isDryRun(context: RequestContext): boolean {
  return context.query.get('dryRun') === 'All';
}
