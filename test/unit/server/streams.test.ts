import { type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { linesOf } from '../../../src/cli/transport.ts';
import { call, document, type Serving, serve, WORKFLOWS } from './serving.ts';

interface Watching {
  next(): Promise<{ type: string; name: string } | undefined>;
  leave(): void;
}

async function watch(serving: Serving, query: string, path = WORKFLOWS): Promise<Watching> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath: serving.socketPath, path: `${path}?${query}`, agent: false }, resolve);
    sent.on('error', reject);
    sent.end();
  });
  const lines = linesOf(response)[Symbol.asyncIterator]();
  return {
    next: async () => {
      const line = await lines.next();
      if (line.done === true) return undefined;
      const { type, object } = JSON.parse(line.value) as { type: string; object: { metadata: { name: string } } };
      return { type, name: object.metadata.name };
    },
    leave: () => response.destroy(),
  };
}

/** Streams end when their end has reached the home; each step of the event loop is given its turn. */
async function untilNoStreamIsOpen(serving: Serving): Promise<void> {
  while (serving.home.openStreams > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('watch', () => {
  test('without a version shows first what is there, then what happens', async () => {
    await using serving = await serve();
    await serving.home.apply(document('a'));
    const watching = await watch(serving, 'watch=true');
    expect(await watching.next()).toEqual({ type: 'ADDED', name: 'a' });
    await serving.home.apply(document('b'));
    expect(await watching.next()).toEqual({ type: 'ADDED', name: 'b' });
    await serving.home.delete({ namespace: 'default', name: 'a' });
    expect(await watching.next()).toEqual({ type: 'DELETED', name: 'a' });
    watching.leave();
    await untilNoStreamIsOpen(serving);
  });

  test('with a version misses nothing that came after it', async () => {
    await using serving = await serve();
    await serving.home.apply(document('a'));
    const { metadata } = (await call(serving, 'GET', WORKFLOWS)).json;
    await serving.home.apply(document('a', 'false'));
    const watching = await watch(serving, `watch=true&resourceVersion=${metadata.resourceVersion}`);
    expect(await watching.next()).toEqual({ type: 'MODIFIED', name: 'a' });
    watching.leave();
  });

  test('by name shows one workflow alone', async () => {
    await using serving = await serve();
    const watching = await watch(serving, 'watch=true&fieldSelector=metadata.name%3Db');
    await serving.home.apply(document('a'));
    await serving.home.apply(document('b'));
    expect(await watching.next()).toEqual({ type: 'ADDED', name: 'b' });
    watching.leave();
  });

  test('by label: losing the label is a deletion, gaining it an addition', async () => {
    await using serving = await serve();
    const labelled = document('a', 'true', { labels: { team: 'x' } });
    await serving.home.apply(labelled);
    await serving.home.apply(document('other'));
    const watching = await watch(serving, 'watch=true&labelSelector=team%3Dx');
    expect(await watching.next()).toEqual({ type: 'ADDED', name: 'a' });
    await serving.home.apply(document('other', 'false'));
    await serving.home.apply(document('a'));
    await serving.home.apply(labelled);
    expect(await watching.next()).toEqual({ type: 'DELETED', name: 'other' });
    expect(await watching.next()).toEqual({ type: 'DELETED', name: 'a' });
    expect(await watching.next()).toEqual({ type: 'ADDED', name: 'a' });
    watching.leave();
  });

  test('a selector that cannot be read is refused', async () => {
    await using serving = await serve();
    expect((await call(serving, 'GET', `${WORKFLOWS}?labelSelector=a%20b`)).code).toBe(400);
    expect((await call(serving, 'GET', `${WORKFLOWS}?fieldSelector=spec.x%3D1`)).code).toBe(400);
  });

  test('ends when the server closes', async () => {
    await using serving = await serve();
    const watching = await watch(serving, 'watch=true');
    const next = watching.next();
    await serving.close();
    expect(await next).toBeUndefined();
    expect(serving.home.openStreams).toBe(0);
  });

  test('an error inside the stream is its last line', async () => {
    await using serving = await serve();
    serving.home.watch = async function* () {
      yield await Promise.reject(new Error('broken'));
    };
    const { text } = await call(serving, 'GET', `${WORKFLOWS}?watch=true&resourceVersion=1`);
    expect(JSON.parse(text)).toMatchObject({ type: 'ERROR', object: { kind: 'Status', reason: 'InternalError' } });
    expect(serving.errors).toHaveLength(1);
  });
});

describe('events and logs', () => {
  test('events go on from a position', async () => {
    await using serving = await serve();
    await serving.home.apply(document('a'));
    serving.home.addEvent('a', { reason: 'First' });
    serving.home.addEvent('a', { reason: 'Second', task: 'one' });
    const all = (await call(serving, 'GET', `${WORKFLOWS}/a/events`)).text.trimEnd().split('\n');
    const [first, second] = all.map((line) => JSON.parse(line) as { reason: string; resourceVersion: string });
    expect([first?.reason, second?.reason]).toEqual(['First', 'Second']);
    const rest = await call(serving, 'GET', `${WORKFLOWS}/a/events?after=${first?.resourceVersion}`);
    expect(JSON.parse(rest.text).reason).toBe('Second');
  });

  test('logs by task and stream; nonsense is refused', async () => {
    await using serving = await serve();
    await serving.home.apply(document('a'));
    serving.home.addLog({ task: 'one', attempt: 1, text: 'x\ny\n' });
    serving.home.addLog({ task: 'two', attempt: 1, text: 'z\n' });
    const { text } = await call(serving, 'GET', `${WORKFLOWS}/a/logs?task=one&tail=1`);
    expect(JSON.parse(text)).toEqual({ task: 'one', attempt: 1, text: 'y\n' });
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/logs?tail=-1`)).code).toBe(400);
    expect((await call(serving, 'GET', `${WORKFLOWS}/a/logs?stream=both`)).code).toBe(400);
    expect((await call(serving, 'GET', `${WORKFLOWS}/none/logs`)).code).toBe(404);
  });
});
