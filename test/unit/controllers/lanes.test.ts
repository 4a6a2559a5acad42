import { describe, expect, test } from 'vitest';
import type { WorkflowDocument } from '../../../src/apis/workflow.ts';
import { Slots } from '../../../src/controllers/slots.ts';
import { documentOf, HomeRig, type TaskText } from './home-rig.ts';

const CORES = 4;
const LONG = 120_000;

/** Elements of one template ask for the same. The first are short, the later ones last. */
function fan(count: number, settings: object = {}, name = 'w', memory = 0): WorkflowDocument {
  const task: TaskText = { name: 'a', foreach: { range: { count, format: '%03d' } }, resources: { memory } };
  const document = documentOf([task]);
  return {
    ...document,
    metadata: { ...document.metadata, name },
    spec: { ...document.spec, ...settings },
  };
}

/** A home that says which attempts started, how many of them had waited for their turn, and how many ran at once. */
class Watched {
  readonly starts: string[] = [];
  followed = 0;
  most = 0;
  readonly rig: HomeRig;

  constructor(runMs: (key: string) => number) {
    this.rig = new HomeRig((key) => ({ runMs: runMs(key) }));
    this.rig.world.watchers.push({
      started: (attempt) => {
        this.starts.push(`${attempt.launch.workflow} ${attempt.launch.key}`);
        if (attempt.followed) this.followed++;
        this.most = Math.max(this.most, this.rig.world.alive().length);
      },
      over: () => undefined,
    });
  }
}

const lastFrom =
  (first: number) =>
  (key: string): number =>
    Number(key.slice(2)) < first ? 5 : LONG;

/** Until so many have started, and all who may start. */
async function untilStarted(watched: Watched, count: number): Promise<void> {
  for (let round = 0; round < 10_000; round++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (watched.starts.length >= count && (watched.rig.clock.nextAt() ?? LONG) - watched.rig.clock.now() > 1_000)
      return;
    watched.rig.clock.step();
  }
  throw new Error(`only ${watched.starts.length} start`);
}

describe('short tasks that ask for the same', () => {
  test('follow one another without being asked for, and never more than there are cores', async () => {
    const watched = new Watched(() => 5);
    await watched.rig.open();
    await watched.rig.apply(fan(100));
    await watched.rig.untilPhase('Succeeded');
    expect(watched.starts).toHaveLength(100);
    expect(watched.followed).toBeGreaterThan(50);
    expect(watched.most).toBe(CORES);
  });

  test.each(['Stop', 'Cancel'])('wait for their turn where a failure may stop them: %s', async (failurePolicy) => {
    const watched = new Watched(() => 5);
    await watched.rig.open();
    await watched.rig.apply(fan(40, { failurePolicy }));
    await watched.rig.untilPhase('Succeeded');
    expect(watched.followed).toBe(0);
  });

  test('wait for their turn where the ones before them last', async () => {
    const watched = new Watched(() => 60_000);
    await watched.rig.open();
    await watched.rig.apply(fan(40));
    await watched.rig.untilPhase('Succeeded');
    expect(watched.followed).toBe(0);
  });

  test('are withdrawn by a suspension if they have not started; what has goes on', async () => {
    const watched = new Watched(lastFrom(30));
    await watched.rig.open();
    await watched.rig.apply(fan(60));
    await untilStarted(watched, 30 + CORES);
    const before = await watched.rig.tasks();
    expect(before.filter(({ status }) => status.phase === 'Queued').length).toBeGreaterThan(0);
    const started = watched.starts.length;
    await watched.rig.apply(fan(60, { suspend: true }));
    await watched.rig.drive(new Promise<void>((resolve) => watched.rig.clock.after(2_000, resolve)));
    const after = await watched.rig.tasks();
    expect(after.filter(({ status }) => status.phase === 'Queued')).toEqual([]);
    expect(after.filter(({ status }) => status.phase === 'Running')).toHaveLength(CORES);
    expect(watched.rig.world.alive()).toHaveLength(CORES);
    expect(watched.starts).toHaveLength(started);
    const ends = after.flatMap(({ status }) => status.attempts.flatMap(({ reason }) => (reason ? [reason] : [])));
    expect(new Set(ends)).toEqual(new Set(['Completed', 'Withdrawn', 'Running']));
  });

  test('run once, with the next number, when the daemon ends before their turn', async () => {
    const watched = new Watched(lastFrom(30));
    await watched.rig.open();
    await watched.rig.apply(fan(60));
    await untilStarted(watched, 30 + CORES);
    await watched.rig.reopen();
    await watched.rig.drive(new Promise<void>((resolve) => watched.rig.clock.after(9 * LONG, resolve)));
    expect((await watched.rig.get()).status?.phase).toBe('Succeeded');
    expect(watched.starts).toHaveLength(60);
    expect(watched.most).toBe(CORES);
    const again = (await watched.rig.tasks()).filter(({ status }) => status.attempts.length === 2);
    expect(again.length).toBeGreaterThan(0);
    for (const { status } of again)
      expect(status.attempts.map(({ reason }) => reason)).toEqual(['Withdrawn', 'Completed']);
  });

  test('do not keep a more important workflow waiting', async () => {
    const watched = new Watched(() => 5);
    await watched.rig.open();
    await watched.rig.apply(fan(400));
    while (watched.followed < 20) await watched.rig.drive(new Promise<void>((go) => watched.rig.clock.after(1, go)));
    await watched.rig.apply(fan(40, { priority: 1 }, 'other', 1));
    await watched.rig.untilPhase('Succeeded');
    const firstOfOther = watched.starts.findIndex((start) => start.startsWith('other '));
    expect(firstOfOther).toBeGreaterThan(0);
    expect(firstOfOther).toBeLessThan(200);
  });
});

describe('slots', () => {
  const NEEDS = { cpu: 1, memoryBytes: 0, gpu: 0 };
  const slots = (): Slots => new Slots({ cpu: 2, memoryBytes: 0, gpu: 1 }, () => undefined);

  test('let nothing go ahead before it is known how long it takes', () => {
    const home = slots();
    for (const uid of ['a', 'b', 'c']) {
      home.take(uid, NEEDS);
      expect(home.ahead(NEEDS, 1)).toBe(0);
      home.giveBack(uid, 10);
    }
    expect(home.ahead(NEEDS, 0)).toBe(0);
    expect(home.ahead(NEEDS, 1)).toBe(10);
    expect(home.ahead({ ...NEEDS, cpu: 2 }, 1)).toBe(0);
    expect(home.ahead({ ...NEEDS, gpu: 1 }, 1)).toBe(0);
  });

  test('promise a tenth of a second ahead, and never more than a few', () => {
    for (const [tookMs, ahead] of [
      [0, 16],
      [1, 16],
      [50, 2],
      [100, 1],
      [101, 0],
    ] as const) {
      const home = slots();
      for (const uid of ['a', 'b', 'c']) {
        home.take(uid, NEEDS);
        home.giveBack(uid, tookMs);
      }
      expect(home.ahead(NEEDS, 1), `${tookMs} ms`).toBe(ahead);
    }
  });

  test('are handed on to the first that follows, and to all when none does', () => {
    let offered = 0;
    const home = new Slots({ cpu: 1, memoryBytes: 0, gpu: 0 }, () => offered++);
    home.take('a', NEEDS);
    home.follow('b', NEEDS);
    home.follow('c', NEEDS);
    home.giveBack('b');
    home.giveBack('a', 5);
    expect([home.free().cpu, offered, [...home.followers.keys()]]).toEqual([0, 0, []]);
    home.giveBack('c', 5);
    expect([home.free().cpu, offered]).toEqual([1, 1]);
  });

  test('of an earlier daemon are handed on to nobody: its spawner counts for nobody', () => {
    const home = slots();
    home.keep('a', NEEDS);
    home.take('b', NEEDS);
    home.follow('c', NEEDS);
    expect(home.lane('c')).toEqual({ name: 1, room: 1 });
    home.giveBack('a', 5);
    expect([home.free().cpu, [...home.followers.keys()]]).toEqual([1, ['c']]);
  });
});
