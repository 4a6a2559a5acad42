import { API_VERSION } from '../apis/meta.ts';
import type { WorkflowDocument } from '../apis/workflow.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { HomeError, PlanOptions, VerbRequest } from '../controllers/home.ts';
import { parseRequest } from '../controllers/parse-request.ts';
import type { Match } from './match.ts';
import type { RequestContext } from './request-context.ts';
import { badRequest, statusOf } from './status.ts';
import { receiveDocument } from './workflow-document.ts';
import { isDryRun, refOf } from './workflows.ts';

/**
 * What a document would do, and doing it: ours, beside the Kubernetes paths, because neither `PUT` nor a
 * patch can say whether anything changed, nor ask for files to be looked at again.
 */
export async function applyDocument(context: RequestContext, match: Match): Promise<void> {
  const request = requestOf(context);
  if (!request.ok) return context.sendStatus(badRequest(`request: ${request.error}`));
  const document = await receive(context, match);
  if (document === undefined) return;
  const options = { look: context.flag('look'), dryRun: isDryRun(context), request: request.value };
  const applied = await context.home.apply(document, options);
  if (!applied.ok) return context.sendStatus(statusOf(applied.error));
  await context.sendJson({ apiVersion: API_VERSION, kind: 'Applied', ...applied.value });
}

/** A verb that comes with the document, as JSON in the query. */
function requestOf(context: RequestContext): Result<VerbRequest | undefined, string> {
  const text = context.query.get('request');
  if (text === null) return ok(undefined);
  try {
    return parseRequest(JSON.parse(text));
  } catch (error) {
    return fail(`not JSON: ${(error as Error).message}`);
  }
}

function optionsOf(context: RequestContext): PlanOptions {
  return { changesOnly: context.flag('changesOnly') };
}

export async function planOfDocument(context: RequestContext, match: Match): Promise<void> {
  const document = await receive(context, match);
  if (document !== undefined) await sendResult(context, await context.home.plan(document, optionsOf(context)));
}

export async function planOfWorkflow(context: RequestContext, match: Match): Promise<void> {
  await sendResult(context, await context.home.plan(refOf(match), optionsOf(context)));
}

export async function graphOfDocument(context: RequestContext, match: Match): Promise<void> {
  const document = await receive(context, match);
  if (document !== undefined) await sendResult(context, await context.home.graph(document));
}

export async function graphOfWorkflow(context: RequestContext, match: Match): Promise<void> {
  await sendResult(context, await context.home.graph(refOf(match)));
}

async function receive(context: RequestContext, match: Match): Promise<WorkflowDocument | undefined> {
  const body = await context.bodyJson();
  if (!body.ok) {
    await context.sendStatus(body.error);
    return undefined;
  }
  const received = await receiveDocument(context.services.decode, body.value, match.namespace ?? '');
  if (received.ok) return received.value.document;
  await context.sendStatus(received.error);
  return undefined;
}

async function sendResult(context: RequestContext, result: Result<object, HomeError>): Promise<void> {
  if (result.ok) await context.sendJson(result.value);
  else await context.sendStatus(statusOf(result.error));
}
