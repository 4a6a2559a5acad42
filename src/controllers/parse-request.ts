import { isGlob, parseGlob } from '../base/glob.ts';
import { parseLabelSelector } from '../base/label-selector.ts';
import { MAX_REQUEST_CHARS, MAX_REQUEST_GLOBS, MAX_REQUEST_TASKS, MAX_REQUEST_WORD_CHARS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { VERBS, type Verb, type VerbRequest } from './home.ts';

/**
 * Requests come through several doors: `POST …/requests`, annotations of a document or a patch, callers in this
 * process. This is the one place where one is read. The error says in one sentence what is wrong.
 */
const FIELDS = ['id', 'verb', 'tasks', 'selector', 'ancestors', 'only', 'force'];
const FLAGS = ['ancestors', 'only', 'force'] as const;
const ID = /^[a-z0-9-]{1,63}$/;

/** The text of the annotation `request.fixpoint.dev/ID`; it need not repeat the id. A patch may hold anything there. */
export function parseRequestAnnotation(id: string, text: unknown): Result<VerbRequest, string> {
  if (typeof text !== 'string') return fail('the annotation is no text');
  if (text.length > MAX_REQUEST_CHARS) return tooLong();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) return fail('a request must be a JSON object');
  if (value['id'] !== undefined && value['id'] !== id) return fail('id is not the one that the annotation is named by');
  return parseRequest({ ...value, id });
}

/** Unknown fields are refused: a mistyped `ancestors` would reset too little without a word. */
export function parseRequest(value: unknown): Result<VerbRequest, string> {
  if (!isObject(value)) return fail('a request must be a JSON object');
  const unknown = Object.keys(value).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined)
    return fail(`unknown field ${JSON.stringify(unknown.slice(0, 80))}; known: ${FIELDS.join(', ')}`);
  const { id, verb, tasks, selector } = value;
  if (typeof id !== 'string' || !ID.test(id)) return fail('id must match [a-z0-9-]{1,63}');
  if (!VERBS.includes(verb as Verb)) return fail(`verb must be one of ${VERBS.join(', ')}`);
  const wrong = tasksProblem(tasks) ?? selectorProblem(selector);
  if (wrong !== undefined) return fail(wrong);
  for (const flag of FLAGS)
    if (value[flag] !== undefined && typeof value[flag] !== 'boolean') return fail(`${flag} must be true or false`);
  if (JSON.stringify(value).length > MAX_REQUEST_CHARS) return tooLong();
  return ok(value as unknown as VerbRequest);
}

function tasksProblem(tasks: unknown): string | undefined {
  if (tasks === undefined) return undefined;
  if (!Array.isArray(tasks) || !tasks.every((task) => typeof task === 'string'))
    return 'tasks must be a list of strings';
  if (tasks.length > MAX_REQUEST_TASKS)
    return `tasks may name ${MAX_REQUEST_TASKS} at once (MAX_REQUEST_TASKS); globs and labels name more`;
  const long = tasks.find((task) => task.length > MAX_REQUEST_WORD_CHARS);
  if (long !== undefined) return `${long.slice(0, 80)}… is longer than ${MAX_REQUEST_WORD_CHARS} characters`;
  const globs = tasks.filter(isGlob);
  if (globs.length > MAX_REQUEST_GLOBS) return `tasks may hold ${MAX_REQUEST_GLOBS} globs at once (MAX_REQUEST_GLOBS)`;
  for (const text of globs) {
    const glob = parseGlob(text);
    if (!glob.ok) return glob.error;
  }
  return undefined;
}

function selectorProblem(selector: unknown): string | undefined {
  if (selector === undefined) return undefined;
  if (typeof selector !== 'string') return 'selector must be a string';
  if (selector.length > MAX_REQUEST_WORD_CHARS) return `selector is longer than ${MAX_REQUEST_WORD_CHARS} characters`;
  const parsed = parseLabelSelector(selector);
  return parsed.ok ? undefined : parsed.error;
}

function tooLong(): Result<never, string> {
  return fail(`a request may have ${MAX_REQUEST_CHARS} characters (MAX_REQUEST_CHARS)`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
