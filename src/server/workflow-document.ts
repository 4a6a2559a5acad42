import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowDocument } from '../apis/workflow.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { badRequest, invalid, type Status } from './status.ts';

/** From the text of a request to a checked document. Composed from `apis/load.ts` by whoever starts a server. */
export type DecodeDocument = (text: string) => Promise<Result<WorkflowDocument, readonly Diagnostic[]>>;

export interface ReceivedDocument {
  readonly document: WorkflowDocument;
  /** The caller's: what it believes to change. */
  readonly resourceVersion: string | undefined;
}

/** What only the home writes. A client that sends back what it got must not fail for it. */
const OWNED_BY_HOME = [
  'uid',
  'generation',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'selfLink',
  'managedFields',
];

/** Namespace and name must agree with the path; what only the home may set is taken out. */
export async function receiveDocument(
  decode: DecodeDocument,
  body: unknown,
  namespace: string,
  name?: string,
): Promise<Result<ReceivedDocument, Status>> {
  if (!isObject(body)) return fail(badRequest('the body must be a JSON object'));
  const given = isObject(body['metadata']) ? body['metadata'] : {};
  const resourceVersion = typeof given['resourceVersion'] === 'string' ? given['resourceVersion'] : undefined;
  const theirs = given['namespace'] ?? namespace;
  if (theirs !== namespace) {
    return fail(badRequest(`metadata.namespace is ${JSON.stringify(theirs)}, the path says ${namespace}`));
  }
  if (name !== undefined && given['name'] !== name) {
    return fail(badRequest(`metadata.name is ${JSON.stringify(given['name'])}, the path says ${name}`));
  }
  const metadata = Object.fromEntries(Object.entries(given).filter(([key]) => !OWNED_BY_HOME.includes(key)));
  const { status: _status, ...rest } = body;
  const decoded = await decode(JSON.stringify({ ...rest, metadata: { ...metadata, namespace } }));
  if (!decoded.ok) {
    const first = decoded.error[0];
    return fail(invalid(first === undefined ? 'invalid' : first.message, decoded.error));
  }
  return ok({ document: decoded.value, resourceVersion });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
