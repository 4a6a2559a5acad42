import { describe, expect, test } from 'vitest';
import { MAX_EVENT_NOTE_BYTES, MAX_EVENT_SERIES } from '../../../src/base/limits.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { fail, ok, type Result } from '../../../src/base/result.ts';
import type { Api, Patch } from '../../../src/kubernetes/api.ts';
import type { ApiFailure, ApiFailureKind } from '../../../src/kubernetes/api-failure.ts';
import { EventRecorder, type EventSubject } from '../../../src/kubernetes/event-recorder.ts';
import type { ApiObject } from '../../../src/kubernetes/resource.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

interface Event extends ApiObject {
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

/** Keeps events as the API server does, and fails as told. */
class FakeEvents {
  readonly events = new Map<string, Event>();
  requests = 0;
  failures: ApiFailureKind[] = [];

  api(): Pick<Api, 'create' | 'patch'> {
    const way = async (what: () => Result<ApiObject, ApiFailure>): Promise<Result<never, ApiFailure>> => {
      this.requests++;
      const kind = this.failures.shift();
      return (kind === undefined ? what() : fail({ kind, message: kind })) as Result<never, ApiFailure>;
    };
    return {
      create: (_resource, object) =>
        way(() => {
          this.events.set(object.metadata.name ?? '', object as unknown as Event);
          return ok(object);
        }),
      patch: (_resource, { name }, patch: Patch) =>
        way(() => {
          const event = this.events.get(name);
          if (event === undefined) return fail({ kind: 'NotFound', message: 'no event' });
          this.events.set(name, { ...event, ...(patch.body as object) });
          return ok(event);
        }),
    };
  }

  all(): Event[] {
    return [...this.events.values()];
  }
}

const subject = (name: string): EventSubject => ({
  apiVersion: 'fixpoint.dev/v1alpha1',
  kind: 'Workflow',
  namespace: 'n',
  name,
  uid: `uid-${name}`,
});
const failed = (message: string) => ({ type: 'Warning', reason: 'TaskFailed', message }) as const;

interface Rig {
  readonly server: FakeEvents;
  readonly clock: ManualClock;
  readonly recorder: EventRecorder;
}

function rig(rate = { perSecond: 1, burst: 25 }): Rig {
  const server = new FakeEvents();
  const clock = new ManualClock();
  const recorder = new EventRecorder({
    api: server.api(),
    clock,
    logger: silentLogger,
    component: 'fixpoint',
    instance: 'pod-1',
    rate,
  });
  return { server, clock, recorder };
}

/** Lets everything be sent that waits for nothing but time. */
async function sendAll(clock: ManualClock): Promise<void> {
  for (;;) {
    await new Promise(setImmediate);
    if (!clock.step()) return;
  }
}

describe('an event', () => {
  test('tells who, what, why and when', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'), failed('task a failed: exit code 3'));
    await sendAll(clock);
    expect(server.all()).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { namespace: 'n', name: expect.stringMatching(/^w\.[0-9a-f]{16}$/) },
        involvedObject: subject('w'),
        type: 'Warning',
        reason: 'TaskFailed',
        message: 'task a failed: exit code 3',
        count: 1,
        firstTimestamp: '2030-01-01T00:00:00Z',
        lastTimestamp: '2030-01-01T00:00:00Z',
        source: { component: 'fixpoint' },
        reportingComponent: 'fixpoint',
        reportingInstance: 'pod-1',
      },
    ]);
  });

  test('that happens again is counted, and tells the newest', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'), failed('a'));
    await sendAll(clock);
    clock.after(60_000, () => {
      recorder.record(subject('w'), failed('b'));
      recorder.record(subject('w'), failed('c'));
    });
    await sendAll(clock);
    expect(server.all()).toMatchObject([
      { message: 'c', count: 3, firstTimestamp: '2030-01-01T00:00:00Z', lastTimestamp: '2030-01-01T00:01:00Z' },
    ]);
  });

  test('differs by object, reason and type', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'), failed('a'));
    recorder.record(subject('v'), failed('a'));
    recorder.record(subject('w'), { ...failed('a'), reason: 'Other' });
    recorder.record(subject('w'), { ...failed('a'), type: 'Normal' });
    await sendAll(clock);
    expect(server.all().map(({ count }) => count)).toEqual([1, 1, 1, 1]);
  });

  test('that happens again much later is told anew', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'), failed('a'));
    clock.after(600_000, () => recorder.record(subject('w'), failed('b')));
    await sendAll(clock);
    expect(server.all().map(({ message, count }) => `${message} ${count}`)).toEqual(['a 1', 'b 1']);
  });

  test('is cut where it is too long, between characters', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'.repeat(253)), failed('€'.repeat(1_000)));
    await sendAll(clock);
    const [event] = server.all();
    expect(Buffer.byteLength(event?.message ?? '')).toBeLessThanOrEqual(MAX_EVENT_NOTE_BYTES);
    expect(event?.message).toMatch(/^€{300,}…$/);
    expect(event?.metadata.name?.length).toBeLessThanOrEqual(253);
  });
});

describe('many events', () => {
  test('are a few requests', async () => {
    const { server, clock, recorder } = rig({ perSecond: 1, burst: 5 });
    const began = clock.now();
    for (let at = 0; at < 30_000; at += 3) clock.after(at, () => recorder.record(subject('w'), failed(`task ${at}`)));
    await sendAll(clock);
    expect(server.all()).toMatchObject([{ count: 10_000, message: 'task 29997' }]);
    expect(server.requests).toBeLessThanOrEqual(5 + (clock.now() - began) / 1_000 + 1);
  });

  test('take bounded memory, and the oldest are dropped', async () => {
    const { server, clock, recorder } = rig({ perSecond: 1, burst: 1 });
    for (let i = 0; i < MAX_EVENT_SERIES + 500; i++) recorder.record(subject(`w${i}`), failed('a'));
    expect(recorder.dropped).toBeGreaterThanOrEqual(499);
    await sendAll(clock);
    expect(server.events.size).toBeLessThanOrEqual(MAX_EVENT_SERIES + 1);
    expect(server.all().at(-1)).toMatchObject({ involvedObject: { name: `w${MAX_EVENT_SERIES + 499}` } });
  });
});

describe('an event that is not taken', () => {
  test.each(['Unavailable', 'Throttled', 'UnknownOutcome'] as const)('for now (%s) is told again', async (kind) => {
    const { server, clock, recorder } = rig();
    server.failures = [kind, kind];
    recorder.record(subject('w'), failed('a'));
    await sendAll(clock);
    expect([server.all().map(({ count }) => count), recorder.dropped]).toEqual([[1], 0]);
  });

  test('is given up after some tries, and the next one is told with the count of all', async () => {
    const { server, clock, recorder } = rig();
    server.failures = ['Unavailable', 'Unavailable', 'Unavailable'];
    recorder.record(subject('w'), failed('a'));
    await sendAll(clock);
    expect([server.requests, recorder.dropped]).toEqual([3, 1]);
    recorder.record(subject('w'), failed('b'));
    await sendAll(clock);
    expect(server.all()).toMatchObject([{ message: 'b', count: 2 }]);
  });

  test('at all holds up no other', async () => {
    const { server, clock, recorder } = rig();
    server.failures = ['Terminating'];
    recorder.record(subject('w'), failed('a'));
    recorder.record(subject('v'), failed('b'));
    await sendAll(clock);
    expect([server.requests, server.all().map(({ message }) => message)]).toEqual([2, ['b']]);
  });

  test('because the server has forgotten the first of its kind is told anew', async () => {
    const { server, clock, recorder } = rig();
    recorder.record(subject('w'), failed('a'));
    await sendAll(clock);
    server.events.clear();
    recorder.record(subject('w'), failed('b'));
    await sendAll(clock);
    expect(server.all()).toMatchObject([{ message: 'b', count: 2 }]);
  });

  test('before the end is dropped, and what comes after the end is nothing', async () => {
    const { server, clock, recorder } = rig({ perSecond: 1, burst: 1 });
    recorder.record(subject('w'), failed('a'));
    recorder.record(subject('v'), failed('b'));
    await new Promise(setImmediate);
    await recorder.stop();
    recorder.record(subject('u'), failed('c'));
    await sendAll(clock);
    expect(server.all().map(({ message }) => message)).toEqual(['a']);
  });
});
