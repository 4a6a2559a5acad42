import { API_VERSION } from '../apis/meta.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { VERBS, type Verb, type VerbRequest } from '../controllers/home.ts';
import { sendList } from './json-stream.ts';
import type { Match } from './match.ts';
import type { RequestContext } from './request-context.ts';
import { badRequest, statusOf } from './status.ts';
import { isObject } from './workflow-document.ts';
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

const FIELDS = ['id', 'verb', 'tasks', 'selector', 'ancestors', 'only', 'force'];

/** Unknown fields are refused: a mistyped `ancestors` would reset too little without a word. */
function parseRequest(body: unknown): Result<VerbRequest, string> {
  if (!isObject(body)) return fail('a request must be a JSON object');
  for (const key of Object.keys(body)) {
    if (!FIELDS.includes(key)) return fail(`unknown field ${JSON.stringify(key)}; known: ${FIELDS.join(', ')}`);
  }
  const { id, verb, tasks, selector } = body;
  if (typeof id !== 'string' || !/^[a-z0-9-]{1,63}$/.test(id)) return fail('id must match [a-z0-9-]{1,63}');
  if (!VERBS.includes(verb as Verb)) return fail(`verb must be one of ${VERBS.join(', ')}`);
  if (tasks !== undefined && !(Array.isArray(tasks) && tasks.every((task) => typeof task === 'string'))) {
    return fail('tasks must be a list of strings');
  }
  if (selector !== undefined && typeof selector !== 'string') return fail('selector must be a string');
  for (const key of ['ancestors', 'only', 'force']) {
    if (body[key] !== undefined && typeof body[key] !== 'boolean') return fail(`${key} must be true or false`);
  }
  return ok(body as unknown as VerbRequest);
}
