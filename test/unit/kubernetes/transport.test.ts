import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { MAX_API_CONNECTIONS } from '../../../src/base/limits.ts';
import { ok } from '../../../src/base/result.ts';
import type { ApiFailure } from '../../../src/kubernetes/api-failure.ts';
import type { Call } from '../../../src/kubernetes/call.ts';
import { Transport, type TransportOptions } from '../../../src/kubernetes/transport.ts';
import { until } from '../../rig/eventually.ts';
import { FakeApiServer, type Received, sendJson, sendStatus } from '../../rig/fake-api-server.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

const POD = { kind: 'Pod', metadata: { name: 'a' } };
const GET: Call = { verb: 'get', path: '/api/v1/namespaces/n/pods/a' };
const CREATE: Call = { verb: 'create', path: '/api/v1/namespaces/n/pods', body: POD };
const LOG: Call = { verb: 'log', path: '/api/v1/namespaces/n/pods/a/log' };
const NOT_LEADER: ApiFailure = { kind: 'NotLeader', message: 'somebody else is' };

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function rig(
  answers: (request: Received, response: ServerResponse) => void,
  options: Partial<TransportOptions> = {},
): Promise<{ readonly fake: FakeApiServer; readonly transport: Transport; readonly cluster: { forgotten: number } }> {
  const fake = await FakeApiServer.start(answers);
  const cluster = fake.cluster();
  const transport = new Transport({ cluster, userAgent: 'fixpoint/1.2.3', clock: systemClock, ...options });
  opened.push(
    () => fake.close(),
    () => transport.close(),
  );
  return { fake, transport, cluster };
}

/** Answers one after the other; the last one again and again. */
function inTurn(...answers: readonly ((response: ServerResponse) => void)[]) {
  let turn = 0;
  return (_request: Received, response: ServerResponse): void =>
    answers[Math.min(turn++, answers.length - 1)]?.(response);
}

const good = (response: ServerResponse): void => sendJson(response, 200, POD);
const reset = (response: ServerResponse): void => void response.socket?.destroy();
const busy = (response: ServerResponse): void => sendStatus(response, 429, 'TooManyRequests', { 'retry-after': '0' });
const torn = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"kind":"Pod"', () => response.socket?.destroy());
};

describe('a request', () => {
  test('says who sends it, and to whom it belongs', async () => {
    const { fake, transport } = await rig((_request, response) => sendJson(response, 201, POD));
    const query = new URLSearchParams({ dryRun: 'All' });
    expect(await transport.json({ ...CREATE, query })).toEqual({ ok: true, value: POD });
    const [request] = fake.received;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/api/v1/namespaces/n/pods?dryRun=All',
      body: JSON.stringify(POD),
    });
    expect(request?.headers).toMatchObject({
      'user-agent': 'fixpoint/1.2.3',
      authorization: 'Bearer token-0',
      'content-type': 'application/json',
      accept: 'application/json',
    });
  });

  test('goes below the path of a server that has one', async () => {
    const { fake } = await rig((_request, response) => good(response));
    const cluster = { ...fake.cluster(), server: `http://127.0.0.1:${fake.port}/k8s/c-1` };
    const transport = new Transport({ cluster, userAgent: 'fixpoint/1', clock: systemClock });
    opened.push(() => transport.close());
    await transport.json(GET);
    expect(fake.received[0]?.url).toBe('/k8s/c-1/api/v1/namespaces/n/pods/a');
  });

  test('shares few connections with many', async () => {
    const { fake, transport } = await rig((_request, response) => good(response));
    const answers = await Promise.all(Array.from({ length: 300 }, () => transport.json(GET)));
    expect(answers.filter((answer) => !answer.ok)).toEqual([]);
    expect(fake.connections).toBeLessThanOrEqual(MAX_API_CONNECTIONS);
    for (let i = 0; i < 20; i++) await transport.json(GET);
    expect(fake.connections).toBeLessThanOrEqual(MAX_API_CONNECTIONS);
    expect(transport.requests()).toEqual(new Map([['get 2xx', 320]]));
  });

  test('is sent once more with new credentials when the old ones are refused', async () => {
    const { fake, transport, cluster } = await rig((request, response) =>
      request.headers.authorization === 'Bearer token-1' ? good(response) : sendStatus(response, 401, 'Unauthorized'),
    );
    const answers = await Promise.all([transport.json(CREATE), transport.json(CREATE)]);
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(cluster.forgotten).toBe(1);
    expect(fake.received.length).toBeLessThanOrEqual(4);
  });

  test('fails when the new credentials are refused as well', async () => {
    const { fake, transport } = await rig((_request, response) => sendStatus(response, 401, 'Unauthorized'));
    expect(await transport.json(CREATE)).toMatchObject({ ok: false, error: { kind: 'Unauthorized' } });
    expect(fake.received).toHaveLength(2);
  });
});

test('new certificates take new connections, and what is under way ends on the old ones', async () => {
  const waiting: ServerResponse[] = [];
  const { fake } = await rig((request, response) => {
    if (request.path === '/slow') waiting.push(response);
    else good(response);
  });
  let tls = {};
  const cluster = { ...fake.cluster(), credentials: async () => ok({ headers: {}, tls }) };
  const transport = new Transport({ cluster, userAgent: 'fixpoint/1', clock: systemClock });
  opened.push(() => transport.close());
  const slow = transport.json({ verb: 'get', path: '/slow' });
  await until('it is under way', () => waiting.length === 1);
  await transport.json(GET);
  const before = fake.connections;
  tls = {};
  expect(await transport.json(GET)).toMatchObject({ ok: true });
  expect(fake.connections).toBe(before + 1);
  waiting.forEach(good);
  expect(await slow).toMatchObject({ ok: true });
});

describe('a read', () => {
  test.each([
    ['cut off before an answer', reset],
    ['cut off within the answer', torn],
    ['refused for now', busy],
    ['answered with 503', (response: ServerResponse) => sendStatus(response, 503, 'ServiceUnavailable')],
  ])('that is %s is repeated', async (_how, bad) => {
    const { fake, transport } = await rig(inTurn(bad, bad, good));
    expect(await transport.json(GET)).toEqual({ ok: true, value: POD });
    expect(fake.received).toHaveLength(3);
  });

  test('that nobody answers fails in time', async () => {
    const { fake, transport } = await rig(() => {});
    expect(await transport.json({ ...GET, deadlineMs: 50 })).toEqual({
      ok: false,
      error: { kind: 'Unavailable', message: `http://127.0.0.1:${fake.port}: no answer in time` },
    });
    expect(transport.requests()).toEqual(new Map([['get none', 1]]));
  });

  test('whose answer comes too slowly fails in time', async () => {
    const { transport } = await rig((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    });
    expect(await transport.json({ ...GET, deadlineMs: 100 })).toMatchObject({ error: { kind: 'Unavailable' } });
  });

  test('waits as long as the server asks, or not at all when that is too long', async () => {
    const later = (response: ServerResponse): void => sendStatus(response, 429, 'TooMany', { 'retry-after': '1' });
    const { fake, transport } = await rig(inTurn(later, good));
    expect(await transport.json({ ...GET, deadlineMs: 500 })).toMatchObject({
      error: { kind: 'Throttled', retryAfterMs: 1000 },
    });
    expect(fake.received).toHaveLength(1);
    expect(await transport.json({ ...GET, deadlineMs: 5000 })).toMatchObject({ ok: true });
  });

  test('whose caller has gone is given up', async () => {
    const { fake, transport } = await rig(() => {});
    const caller = new AbortController();
    const answer = transport.json({ ...GET, signal: caller.signal });
    await until('it was sent', () => fake.received.length === 1);
    caller.abort(new Error('gone'));
    expect(await answer).toMatchObject({ error: { kind: 'Unavailable', message: expect.stringMatching(/: gone$/) } });
    expect(await transport.json({ ...GET, signal: caller.signal })).toMatchObject({ error: { kind: 'Unavailable' } });
    expect(fake.received).toHaveLength(1);
  });
});

describe('a write', () => {
  test.each([
    ['cut off before an answer', reset],
    ['cut off within the answer', torn],
    ['answered with 504', (response: ServerResponse) => sendStatus(response, 504, 'Timeout')],
    ['answered with what is no JSON', (response: ServerResponse) => void response.end('fine')],
  ])('that is %s may have happened, and is not repeated', async (_how, bad) => {
    for (const verb of ['create', 'replace', 'patch', 'delete'] as const) {
      const { fake, transport } = await rig(inTurn(bad, good));
      expect(await transport.json({ ...CREATE, verb })).toMatchObject({ error: { kind: 'UnknownOutcome' } });
      expect(fake.received).toHaveLength(1);
    }
  });

  test('that nobody answers may have happened', async () => {
    const { transport } = await rig(() => {});
    expect(await transport.json({ ...CREATE, deadlineMs: 50 })).toMatchObject({ error: { kind: 'UnknownOutcome' } });
  });

  test('whose refusal is cut off was refused', async () => {
    const { transport } = await rig((_request, response) => {
      response.writeHead(409, { 'content-length': '1000' });
      response.write('{"kind":', () => response.socket?.destroy());
    });
    expect(await transport.json(CREATE)).toMatchObject({ error: { kind: 'Conflict', status: 409 } });
  });

  test('that was refused for now is repeated', async () => {
    const { fake, transport } = await rig(inTurn(busy, busy, good));
    expect(await transport.json(CREATE)).toMatchObject({ ok: true });
    expect(fake.received).toHaveLength(3);
    expect(transport.requests()).toEqual(
      new Map([
        ['create 4xx', 2],
        ['create 2xx', 1],
      ]),
    );
  });

  test('that could not connect did not happen', async () => {
    const { fake, transport } = await rig(inTurn(good));
    await fake.close();
    expect(await transport.json(CREATE)).toMatchObject({
      error: { kind: 'Unavailable', message: expect.stringContaining('ECONNREFUSED') },
    });
    expect(transport.requests().size).toBe(0);
  });

  test('that never got a connection did not happen, and is not sent later', async () => {
    const waiting: ServerResponse[] = [];
    const { fake, transport } = await rig((_request, response) => void waiting.push(response));
    const others = Array.from({ length: MAX_API_CONNECTIONS }, () => transport.json(GET));
    await until('all connections are in use', () => waiting.length === MAX_API_CONNECTIONS);
    expect(await transport.json({ ...CREATE, deadlineMs: 50 })).toMatchObject({ error: { kind: 'Unavailable' } });
    for (const response of waiting.splice(0)) good(response);
    await Promise.all(others);
    const after = transport.json(GET);
    await until('the next is there', () => waiting.length === 1);
    waiting.splice(0).forEach(good);
    await after;
    expect(fake.received.filter(({ method }) => method === 'POST')).toEqual([]);
    expect(fake.connections).toBe(MAX_API_CONNECTIONS);
  });

  test('waits for room in its own budget only, and not longer than it may', async () => {
    const few = { perSecond: 0.001, burst: 1 };
    const { transport } = await rig((_request, response) => good(response), { rates: { create: few } });
    expect(await transport.json(CREATE)).toMatchObject({ ok: true });
    expect(await transport.json(CREATE)).toMatchObject({ error: { kind: 'Throttled' } });
    expect(await transport.json({ ...CREATE, verb: 'delete' })).toMatchObject({ ok: true });
    expect(await transport.forLease.json(CREATE)).toMatchObject({ ok: true });
  });
});

describe('the gate', () => {
  test('is asked by writes, by no read, and not for the lease', async () => {
    const gate = { mayWrite: () => NOT_LEADER, writeTimeoutMs: () => 1000 };
    const { fake, transport } = await rig((_request, response) => good(response), { gate });
    expect(await transport.json(CREATE)).toEqual({ ok: false, error: NOT_LEADER });
    expect(fake.received).toEqual([]);
    expect(transport.requests().size).toBe(0);
    expect(await transport.json(GET)).toMatchObject({ ok: true });
    expect(await transport.forLease.json({ ...CREATE, verb: 'replace' })).toMatchObject({ ok: true });
  });

  test('is asked after the wait for a connection, not before', async () => {
    let leads = true;
    const gate = { mayWrite: () => (leads ? undefined : NOT_LEADER), writeTimeoutMs: () => 10_000 };
    const waiting: ServerResponse[] = [];
    const { fake, transport } = await rig((_request, response) => void waiting.push(response), { gate });
    const others = Array.from({ length: MAX_API_CONNECTIONS }, () => transport.json(GET));
    await until('all connections are in use', () => waiting.length === MAX_API_CONNECTIONS);
    const write = transport.json(CREATE);
    leads = false;
    waiting.splice(0).forEach(good);
    expect(await write).toEqual({ ok: false, error: NOT_LEADER });
    await Promise.all(others);
    expect(fake.received.filter(({ method }) => method === 'POST')).toEqual([]);
    // The connection that was meant for it is still good.
    const next = transport.json(GET);
    await until('the next is there', () => waiting.length === 1);
    waiting.splice(0).forEach(good);
    expect(await next).toMatchObject({ ok: true });
    expect(fake.connections).toBe(MAX_API_CONNECTIONS);
  });

  test('says how long an answer may take', async () => {
    const gate = { mayWrite: () => undefined, writeTimeoutMs: () => 30 };
    const { transport } = await rig(() => {}, { gate });
    expect(await transport.json(CREATE)).toMatchObject({
      error: { kind: 'UnknownOutcome', message: expect.stringMatching(/: no answer in time$/) },
    });
  });
});

test('the lease has a connection when nobody else gets one', async () => {
  const { fake, transport } = await rig((request, response) => {
    if (request.path === '/lease') good(response);
  });
  const others = Array.from({ length: MAX_API_CONNECTIONS + 5 }, () => transport.json({ ...GET, deadlineMs: 5000 }));
  await until('all connections are in use', () => fake.received.length === MAX_API_CONNECTIONS);
  expect(await transport.forLease.json({ verb: 'get', path: '/lease' })).toMatchObject({ ok: true });
  await transport.close();
  expect((await Promise.all(others)).every(({ ok }) => !ok)).toBe(true);
});

describe('a stream', () => {
  const read = async (
    chunks: AsyncIterable<{ ok: boolean; value?: Buffer; error?: ApiFailure }>,
  ): Promise<string[]> => {
    const parts: string[] = [];
    for await (const chunk of chunks) parts.push(chunk.value?.toString() ?? `! ${chunk.error?.kind}`);
    return parts;
  };

  test('comes as it is written, and ends with the log', async () => {
    let more: (() => void) | undefined;
    const { transport } = await rig((_request, response) => {
      response.write('one');
      more = () => response.end('two');
    });
    const stream = await transport.stream(LOG);
    if (!stream.ok) throw new Error(stream.error.message);
    const parts: string[] = [];
    for await (const chunk of stream.value) {
      parts.push(chunk.ok ? chunk.value.toString() : chunk.error.kind);
      if (parts.length === 1) more?.();
    }
    expect(parts).toEqual(['one', 'two']);
  });

  test('that is cut off says so last', async () => {
    const { transport } = await rig((_request, response) => {
      response.write('one', () => response.socket?.destroy());
    });
    const stream = await transport.stream(LOG);
    expect(stream.ok && (await read(stream.value))).toEqual(['one', '! Unavailable']);
  });

  test('that is refused is a failure', async () => {
    const { transport } = await rig((_request, response) => sendStatus(response, 404, 'NotFound'));
    expect(await transport.stream(LOG)).toMatchObject({ error: { kind: 'NotFound', message: 'NotFound' } });
  });

  test('whose reader leaves closes its connection', async () => {
    let closed = false;
    const { transport } = await rig((_request, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.write('one');
    });
    const stream = await transport.stream(LOG);
    if (!stream.ok) throw new Error(stream.error.message);
    for await (const _chunk of stream.value) break;
    await until('the server sees that', () => closed);
  });

  test('is held back when nobody reads it', async () => {
    let written = 0;
    const { transport } = await rig((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const write = (): void => {
        for (let room = true; room && written < 64 * 1024 * 1024; written += chunk.length) room = response.write(chunk);
        if (written < 64 * 1024 * 1024) response.once('drain', write);
        else response.end();
      };
      write();
    });
    const stream = await transport.stream(LOG);
    if (!stream.ok) throw new Error(stream.error.message);
    let last = -1;
    await until('the server can write no more', () => {
      const still = written === last;
      last = written;
      return still;
    });
    expect(written).toBeLessThan(32 * 1024 * 1024);
    let bytes = 0;
    for await (const chunk of stream.value) bytes += chunk.ok ? chunk.value.length : 0;
    expect(bytes).toBe(64 * 1024 * 1024);
  });

  test('lasts longer than the deadline of its beginning', async () => {
    let response: ServerResponse | undefined;
    const clock = new ManualClock();
    const { transport } = await rig(
      (_request, opened) => {
        response = opened;
        opened.write('one');
      },
      { clock },
    );
    const stream = await transport.stream(LOG);
    if (!stream.ok) throw new Error(stream.error.message);
    while (clock.step());
    response?.end('two');
    expect((await read(stream.value)).join('')).toBe('onetwo');
  });
});
