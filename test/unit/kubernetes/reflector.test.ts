import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { fail, ok, type Result } from '../../../src/base/result.ts';
import { Api } from '../../../src/kubernetes/api.ts';
import type { ApiFailure } from '../../../src/kubernetes/api-failure.ts';
import type { Chunks } from '../../../src/kubernetes/call.ts';
import { Reflector, type ReflectorEvent, type ReflectorOptions } from '../../../src/kubernetes/reflector.ts';
import { type ApiObject, PODS } from '../../../src/kubernetes/resource.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { until } from '../../rig/eventually.ts';
import { FakeApiServer, type Received, sendJson, sendStatus } from '../../rig/fake-api-server.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

const pod = (name: string, resourceVersion: number, uid = `u-${name}`): ApiObject => ({
  metadata: { namespace: 'n', name, uid, resourceVersion: String(resourceVersion) },
});
const list = (resourceVersion: number, items: readonly ApiObject[], next = ''): unknown => ({
  kind: 'PodList',
  metadata: { resourceVersion: String(resourceVersion), continue: next },
  items,
});
const event = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const GONE = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Rig {
  readonly fake: FakeApiServer;
  readonly reflector: Reflector<string>;
  /** `put a@1`, `gone a@1`, `listed 5`. */
  readonly told: string[];
  /** Watches that were asked for, by `resourceVersion`. */
  readonly watched: string[];
  readonly lists: Received[];
  /** The watch that was opened last. */
  readonly watch: () => ServerResponse;
}

/** Lists are answered in turn, the last one again and again; a watch is opened and left to the test. */
async function rig(
  lists: readonly ((response: ServerResponse, request: Received) => void)[],
  options: Partial<ReflectorOptions<string>> = {},
  onWatch: (response: ServerResponse, nth: number) => void = () => {},
): Promise<Rig> {
  const listed: Received[] = [];
  const watches: ServerResponse[] = [];
  const watched: string[] = [];
  const fake = await FakeApiServer.start((request, response) => {
    if (request.query.get('watch') !== 'true') {
      listed.push(request);
      lists[Math.min(listed.length, lists.length) - 1]?.(response, request);
      return;
    }
    watched.push(request.query.get('resourceVersion') ?? '');
    response.writeHead(200);
    response.flushHeaders();
    watches.push(response);
    onWatch(response, watches.length);
  });
  const transport = new Transport({ cluster: fake.cluster(), userAgent: 'test/1', clock: systemClock });
  const told: string[] = [];
  const reflector = new Reflector<string>({
    api: new Api(transport),
    resource: PODS,
    project: ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`,
    onEvent: (what) => void told.push(sentence(what)),
    clock: systemClock,
    logger: silentLogger,
    seed: 'test',
    ...options,
    timings: { pauses: { initialMs: 5, factor: 2, maxMs: 50, jitter: 0.5 }, ...options.timings },
  });
  opened.push(
    () => fake.close(),
    () => transport.close(),
    () => reflector.stop(),
  );
  reflector.start();
  const watch = (): ServerResponse => watches[watches.length - 1] as ServerResponse;
  return { fake, reflector, told, watched, lists: listed, watch };
}

function sentence(what: ReflectorEvent<string>): string {
  if (what.kind === 'Put') return `put ${what.object}`;
  return what.kind === 'Gone' ? `gone ${what.last}` : `listed ${what.resourceVersion}`;
}

const lists =
  (resourceVersion: number, ...items: readonly ApiObject[]) =>
  (response: ServerResponse): void =>
    sendJson(response, 200, list(resourceVersion, items));

describe('a list', () => {
  test('is read page by page, and nothing is watched before it is whole', async () => {
    const { reflector, told, watched, lists } = await rig([
      (response) => sendJson(response, 200, list(7, [pod('a', 1), pod('b', 2)], 'more')),
      (response) => sendJson(response, 200, list(7, [pod('c', 3)])),
    ]);
    expect(await reflector.synced).toBe(true);
    expect(told).toEqual(['put a@1', 'put b@2', 'put c@3', 'listed 7']);
    expect(lists.map(({ query }) => [query.get('limit'), query.get('continue')])).toEqual([
      ['500', null],
      ['500', 'more'],
    ]);
    await until('it watches', () => watched.length === 1);
    expect(watched).toEqual(['7']);
  });

  test('whose moment is lost while it is read is read in one piece', async () => {
    const { reflector, told, lists } = await rig([
      (response) => sendJson(response, 200, list(7, [pod('a', 1), pod('b', 2)], 'more')),
      (response) => sendStatus(response, 410, 'Expired'),
      (response) => sendJson(response, 200, list(9, [pod('a', 8), pod('c', 9)])),
    ]);
    await reflector.synced;
    expect(told).toEqual(['put a@1', 'put b@2', 'put a@8', 'put c@9', 'gone b@2', 'listed 9']);
    expect(lists[2]?.query.get('limit')).toBeNull();
  });

  test('that fails is tried again', async () => {
    const bad = (response: ServerResponse): void => sendStatus(response, 403, 'Forbidden');
    const { reflector, told } = await rig([bad, bad, bad, lists(3, pod('a', 1))]);
    expect(await reflector.synced).toBe(true);
    expect(told).toEqual(['put a@1', 'listed 3']);
    expect(reflector.health()).toMatchObject({ failures: 3, lists: 1, lastFailure: { kind: 'Forbidden' } });
  });

  test('names its selection', async () => {
    const selection = { namespace: 'n', labelSelector: 'a=b', fieldSelector: 'spec.nodeName=x' };
    const { fake, reflector } = await rig([lists(3)], { selection });
    await reflector.synced;
    await until('it watches', () => fake.received.length === 2);
    for (const { path, query } of fake.received)
      expect([path, query.get('labelSelector'), query.get('fieldSelector')]).toEqual([
        '/api/v1/namespaces/n/pods',
        'a=b',
        'spec.nodeName=x',
      ]);
  });

  test('never comes for who has stopped', async () => {
    const { reflector } = await rig([() => {}]);
    await reflector.stop();
    expect(await reflector.synced).toBe(false);
  });
});

describe('a watch', () => {
  test('tells what changes and what ends, with its last state', async () => {
    const { reflector, told, watch, watched } = await rig([lists(3, pod('a', 1))]);
    await until('it watches', () => watched.length === 1);
    watch().write(event('ADDED', pod('b', 4)) + event('MODIFIED', pod('a', 5)) + event('DELETED', pod('b', 6)));
    await until('all is told', () => told.length === 5);
    expect(told).toEqual(['put a@1', 'listed 3', 'put b@4', 'put a@5', 'gone b@6']);
    expect([reflector.get('n/a'), reflector.get('n/b'), reflector.size]).toEqual(['a@5', undefined, 1]);
  });

  test.each([
    ['closed by the server', (response: ServerResponse) => void response.end()],
    ['cut off', (response: ServerResponse) => void response.socket?.destroy()],
    [
      'cut off within a line',
      (response: ServerResponse) => {
        response.write(event('ADDED', pod('c', 6)).slice(0, 20), () => response.socket?.destroy());
      },
    ],
  ])('that is %s goes on where it was, without a list', async (_how, end) => {
    const { told, watch, watched, lists: asked } = await rig([lists(3)]);
    await until('it watches', () => watched.length === 1);
    watch().write(event('ADDED', pod('a', 4)) + event('BOOKMARK', pod('', 9)));
    await until('it is told', () => told.includes('put a@4'));
    end(watch());
    await until('it watches again', () => watched.length === 2);
    watch().write(event('ADDED', pod('c', 10)));
    await until('it is told', () => told.includes('put c@10'));
    expect(watched).toEqual(['3', '9']);
    expect(asked).toHaveLength(1);
  });

  test('whose version is too old lists, and what has ended meanwhile is told', async () => {
    const { told, watch, watched } = await rig([
      lists(3, pod('a', 1), pod('b', 2)),
      lists(20, pod('b', 2), pod('c', 19)),
    ]);
    await until('it watches', () => watched.length === 1);
    watch().end(event('ERROR', GONE));
    await until('it lists', () => told.includes('listed 20'));
    expect(told).toEqual(['put a@1', 'put b@2', 'listed 3', 'put c@19', 'gone a@1', 'listed 20']);
    await until('it watches', () => watched.length === 2);
    expect(watched).toEqual(['3', '20']);
  });

  test.each([
    ['an ERROR event', event('ERROR', { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd' })],
    ['a line that is no JSON', '{"type":"ADDED","object":{\n'],
    ['a line that is no event', '{"type":"ADDED"}\n'],
    ['null', 'null\n'],
  ])('with %s lists', async (_what, line) => {
    const { told, watch, watched } = await rig([lists(3), lists(5, pod('a', 4))]);
    await until('it watches', () => watched.length === 1);
    watch().write(line);
    await until('it lists', () => told.includes('listed 5'));
    expect(told).toEqual(['listed 3', 'put a@4', 'listed 5']);
  });

  test('that says nothing for too long is dead, and goes on where it was', async () => {
    const { told, watch, watched } = await rig([lists(3)], { timings: { silenceMs: 80 } });
    await until('it watches', () => watched.length === 1);
    watch().write(event('BOOKMARK', pod('', 8)));
    await until('it watches again', () => watched.length === 2);
    expect(watched).toEqual(['3', '8']);
    expect(told).toEqual(['listed 3']);
  });

  test('asks for bookmarks, and for its end between five and ten minutes', async () => {
    const { fake } = await rig([lists(3)], {}, (response, nth) => {
      if (nth < 8) response.end(event('BOOKMARK', pod('', nth)));
    });
    await until('several watches', () => fake.received.length >= 9);
    const ends = fake.received.slice(1).map(({ query }) => Number(query.get('timeoutSeconds')));
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(300);
    expect(Math.max(...ends)).toBeLessThanOrEqual(600);
    expect(new Set(ends).size).toBeGreaterThan(3);
    expect(fake.received[1]?.query.get('allowWatchBookmarks')).toBe('true');
  });
});

describe('what the owner does', () => {
  test('when it throws, ends nothing', async () => {
    const told: string[] = [];
    const { watch, watched, reflector } = await rig([lists(3, pod('a', 1))], {
      onEvent: (what) => {
        told.push(sentence(what));
        throw new Error('no');
      },
    });
    await until('it watches', () => watched.length === 1);
    watch().write(event('ADDED', pod('b', 4)));
    await until('it is told', () => told.length === 3);
    expect(told).toEqual(['put a@1', 'listed 3', 'put b@4']);
    expect(reflector.health().failures).toBe(0);
  });

  test('when it cannot read an object, leaves out that one', async () => {
    const { told, watch, watched } = await rig([lists(3, pod('bad', 1), pod('a', 2))], {
      project: ({ metadata }) => {
        if (metadata.name === 'bad') throw new Error('no');
        return metadata.name ?? '';
      },
    });
    await until('it watches', () => watched.length === 1);
    watch().write(event('MODIFIED', pod('bad', 4)) + event('ADDED', pod('b', 5)));
    await until('it is told', () => told.includes('put b'));
    expect(told).toEqual(['put a', 'listed 3', 'put b']);
  });
});

describe('a write of ours', () => {
  test('counts at once, and older copies are left out', async () => {
    const { told, watch, watched, reflector } = await rig([lists(3, pod('a', 1))]);
    await until('it watches', () => watched.length === 1);
    reflector.wrote(pod('a', 6));
    reflector.wrote(pod('b', 7));
    expect([reflector.get('n/a'), reflector.get('n/b')]).toEqual(['a@6', 'b@7']);
    watch().write(
      event('MODIFIED', pod('a', 5)) +
        event('MODIFIED', pod('a', 6)) +
        event('ADDED', pod('b', 7)) +
        event('MODIFIED', pod('a', 8)),
    );
    await until('it is told', () => told.includes('put a@8'));
    expect(told).toEqual(['put a@1', 'listed 3', 'put a@8']);
    expect(reflector.get('n/b')).toBe('b@7');
  });

  test('whose answer comes after its echo changes nothing', async () => {
    const { told, watch, watched, reflector } = await rig([lists(3, pod('a', 1))]);
    await until('it watches', () => watched.length === 1);
    watch().write(event('MODIFIED', pod('a', 6)) + event('DELETED', pod('a', 7)));
    await until('it is told', () => told.includes('gone a@7'));
    reflector.wrote(pod('a', 6));
    expect(reflector.get('n/a')).toBeUndefined();
  });

  test('during a list is not lost when the list is older', async () => {
    let answer: (() => void) | undefined;
    const { told, watch, watched, reflector } = await rig([
      lists(3, pod('a', 1)),
      (response) => {
        answer = () => lists(10, pod('a', 1))(response);
      },
    ]);
    await until('it watches', () => watched.length === 1);
    watch().end(event('ERROR', GONE));
    await until('it lists', () => answer !== undefined);
    reflector.wrote(pod('a', 11));
    reflector.wrote(pod('b', 12));
    answer?.();
    await until('it has listed', () => told.includes('listed 10'));
    expect([reflector.get('n/a'), reflector.get('n/b')]).toEqual(['a@11', 'b@12']);
    expect(told).toEqual(['put a@1', 'listed 3', 'listed 10']);
  });

  test('that ended an object ends it at once', async () => {
    const { told, watch, watched, reflector } = await rig([lists(3, pod('a', 1))]);
    await until('it watches', () => watched.length === 1);
    reflector.removed('n/a', 'u-a');
    expect(reflector.get('n/a')).toBeUndefined();
    watch().write(
      event('MODIFIED', pod('a', 5)) + event('DELETED', pod('a', 6)) + event('ADDED', pod('a', 7, 'another')),
    );
    await until('it is told', () => told.includes('put a@7'));
    expect(told).toEqual(['put a@1', 'listed 3', 'put a@7']);
  });
});

test('another object of the same name, found by a list, is the end of the first', async () => {
  const { told, watch, watched } = await rig([lists(3, pod('a', 1)), lists(9, pod('a', 8, 'another'))]);
  await until('it watches', () => watched.length === 1);
  watch().end(event('ERROR', GONE));
  await until('it lists', () => told.includes('listed 9'));
  expect(told).toEqual(['put a@1', 'listed 3', 'gone a@1', 'put a@8', 'listed 9']);
});

describe('pauses', () => {
  const nothing: Chunks = (async function* () {})();
  const ONE_PAGE = ok({ items: [], resourceVersion: '3' });

  function reflectorOf(clock: ManualClock, watch: () => Promise<Result<Chunks, ApiFailure>>): Reflector<string> {
    return new Reflector<string>({
      api: {
        async *list() {
          yield ONE_PAGE;
        },
        watch,
      },
      resource: PODS,
      project: () => '',
      onEvent: () => {},
      clock,
      logger: silentLogger,
      seed: 'test',
    });
  }

  /** How long it waits between tries when each watch ends like this. */
  async function waits(watch: () => Result<Chunks, ApiFailure>): Promise<readonly number[]> {
    const clock = new ManualClock();
    const waited: number[] = [];
    const reflector = reflectorOf(clock, async () => watch());
    reflector.start();
    for (let tries = 0; tries < 12; tries++) {
      await new Promise(setImmediate);
      const at = clock.now();
      clock.step();
      waited.push(clock.now() - at);
    }
    await reflector.stop();
    return waited;
  }

  test.each([
    ['refused as too old', () => fail<ApiFailure>({ kind: 'Gone', message: 'too old', status: 410 })],
    ['refused connections', () => fail<ApiFailure>({ kind: 'Unavailable', message: 'ECONNREFUSED' })],
    ['ends at once', () => ok(nothing)],
  ])('grow while each watch is %s, up to some seconds', async (_how, watch) => {
    const waited = await waits(watch);
    expect(waited[0]).toBeLessThan(200);
    expect(waited[5]).toBeGreaterThan(waited[1] as number);
    expect(waited.at(-1)).toBeGreaterThan(4_000);
    expect(Math.max(...waited)).toBeLessThanOrEqual(15_000);
  });

  test('are as long as the server asks', async () => {
    const waited = await waits(() => fail({ kind: 'Throttled', message: 'later', status: 429, retryAfterMs: 60_000 }));
    expect(new Set(waited)).toEqual(new Set([60_000]));
  });

  test('are none after a bookmark', async () => {
    const clock = new ManualClock();
    let watches = 0;
    const reflector = reflectorOf(clock, async () => {
      watches++;
      await new Promise(setImmediate);
      return ok(bookmark());
    });
    reflector.start();
    await until('it has watched often', () => watches > 20);
    await reflector.stop();
    expect(clock.monotonic()).toBe(0);
  });

  async function* bookmark(): Chunks {
    yield ok(Buffer.from(event('BOOKMARK', pod('', 4))));
  }
});
