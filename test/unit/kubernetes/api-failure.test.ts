import { describe, expect, test } from 'vitest';
import { failureOfAnswer, failureOfStatus } from '../../../src/kubernetes/api-failure.ts';

const status = (code: number, reason: string, message: string, details?: object): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details });

// Bodies as a real API server sends them; `test/system/kubernetes-api.test.ts` provokes most of them.
const ANSWERS: readonly (readonly [kind: string, code: number, body: string])[] = [
  ['Conflict', 409, status(409, 'Conflict', 'the object has been modified')],
  ['AlreadyExists', 409, status(409, 'AlreadyExists', 'pods "a" already exists')],
  ['NotFound', 404, status(404, 'NotFound', 'pods "a" not found')],
  ['Gone', 410, status(410, 'Expired', 'too old resource version: 1 (2)')],
  ['Gone', 400, status(400, 'Expired', 'The provided continue parameter is too old')],
  ['Throttled', 429, status(429, 'TooManyRequests', 'too many requests')],
  ['TooLarge', 413, status(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728')],
  ['TooLarge', 500, status(500, '', 'etcdserver: request is too large')],
  ['TooLarge', 500, status(500, '', 'rpc error: trying to send message larger than max (2 vs. 1)')],
  ['Invalid', 422, status(422, 'Invalid', 'spec.containers: Required value')],
  ['Invalid', 400, status(400, 'BadRequest', 'the object provided is unrecognized')],
  ['Invalid', 405, status(405, 'MethodNotAllowed', 'the server does not allow this method')],
  ['Invalid', 302, 'moved'],
  ['Forbidden', 403, status(403, 'Forbidden', 'user cannot create resource "pods"')],
  ['Unauthorized', 401, status(401, 'Unauthorized', 'Unauthorized')],
  [
    'Terminating',
    403,
    status(403, 'Forbidden', 'unable to create new content in namespace a because it is being terminated', {
      causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }],
    }),
  ],
  ['Quota', 403, status(403, 'Forbidden', 'pods "a" is forbidden: exceeded quota: q, requested: pods=1')],
];

describe('an answer that is no success', () => {
  test.each(ANSWERS)('is %s for %i: %s', (kind, code, body) => {
    expect(failureOfAnswer(code, body, true)).toMatchObject({ kind, status: code });
    expect(failureOfAnswer(code, body, false)).toMatchObject({ kind, status: code });
  });

  test.each([500, 502, 503, 504])('%i leaves open what became of a write, and of a read nothing', (code) => {
    const body = status(code, 'InternalError', 'etcdserver: request timed out');
    expect(failureOfAnswer(code, body, true).kind).toBe('UnknownOutcome');
    expect(failureOfAnswer(code, body, false).kind).toBe('Unavailable');
  });

  test('keeps what the server says', () => {
    const details = { name: 'a', causes: [{ reason: 'FieldValueRequired', field: 'spec', message: 'Required value' }] };
    expect(failureOfAnswer(422, status(422, 'Invalid', 'spec: Required value', details), true)).toEqual({
      kind: 'Invalid',
      status: 422,
      reason: 'Invalid',
      message: 'spec: Required value',
      details,
    });
  });

  test('says what came when no API server has answered', () => {
    const page = `<html>${'x'.repeat(1000)}`;
    expect(failureOfAnswer(502, page, false).message).toBe(`the server answered 502: ${page.slice(0, 200)}`);
    expect(failureOfAnswer(500, 'null', false).message).toBe('the server answered 500: null');
  });

  test('says when to come again', () => {
    expect(failureOfAnswer(429, '', true, '7')).toMatchObject({ retryAfterMs: 7000 });
    expect(failureOfAnswer(429, status(429, 'x', 'x', { retryAfterSeconds: 2 }), true)).toMatchObject({
      retryAfterMs: 2000,
    });
    expect(failureOfAnswer(429, '', true, 'tomorrow')).not.toHaveProperty('retryAfterMs');
  });

  test('is the same in the stream of a watch', () => {
    expect(failureOfStatus(JSON.parse(status(410, 'Expired', 'too old')))).toMatchObject({ kind: 'Gone' });
    expect(failureOfStatus(undefined)).toMatchObject({ kind: 'Unavailable' });
  });
});
