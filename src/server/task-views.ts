import { API_VERSION } from '../apis/meta.ts';
import { parseRequest } from '../controllers/parse-request.ts';
import { sendList } from './json-stream.ts';
import type { Match } from './match.ts';
import type { RequestContext } from './request-context.ts';
import { badRequest, statusOf } from './status.ts';
import { refOf, sendWorkflow } from './workflows.ts';

export async function getTasks(context: RequestContext, match: Match): Promise<void> {
  const name = context.query.get('task');
  const tasks = await context.home.tasks(refOf(match), name === null ? {} : { name });
  if (!tasks.ok) return context.sendStatus(statusOf(tasks.error));
  await sendList(context, { apiVersion: API_VERSION, kind: 'TaskList' }, tasks.value);
}

export async function getExplanation(context: RequestContext, match: Match): Promise<void> {
  const task = context.query.get('task') ?? undefined;
  const explained = await context.home.explain(refOf(match), task);
  if (!explained.ok) return context.sendStatus(statusOf(explained.error));
  await sendList(context, { apiVersion: API_VERSION, kind: 'ExplanationList' }, explained.value);
}

export async function postRequest(context: RequestContext, match: Match): Promise<void> {
  const body = await context.bodyJson();
  if (!body.ok) return context.sendStatus(body.error);
  const request = parseRequest(body.value);
  if (!request.ok) return context.sendStatus(badRequest(request.error));
  await sendWorkflow(context, await context.home.request(refOf(match), request.value));
}
