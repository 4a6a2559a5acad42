import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { KEPT_LOG_BYTES, MAX_LOG_BYTES } from '../../src/base/limits.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test as inSandbox } from '../rig/in-sandbox.ts';
import { nastyTasks } from '../rig/nasty-tasks.ts';
import { clear, type Expectation, judge, prepare, watched } from '../rig/soak-oracle.ts';
import { spansByTask } from '../rig/task-log.ts';

// Tasks that behave badly, undisturbed: the documented end, and nothing left over.

/** Whatever comes of a test, what escaped from its tasks goes. */
const test = inSandbox.extend<{ readonly box: Sandbox }>({
  box: async ({ box, onTestFinished }, use) => {
    onTestFinished(() => clear(box));
    prepare(box);
    await use(box);
  },
});

const SOUND = { lost: [], doubled: [], overlapping: [], leftOver: [] };

describe('left alone it ends as documented and leaves nothing behind', () => {
  test.for([...nastyTasks(20)])('%s', { timeout: 60_000 }, async ([name, { spec, ends, loses = 0 }], { box }) => {
    const tasks = [{ name, foreach: { range: { count: 2 } }, allowFailure: true, ...spec }];
    expect((await box.run(box.workflow({ tasks }))).code).toBe(0);
    const expected = new Map([0, 1].map((i) => [`${name}/${i}`, { ends, again: 0, loses }]));
    const verdict = await judge(box, expected, new Set());
    expect(verdict).toMatchObject({ ...SOUND, attempts: 2 * (1 + loses) });
  });
});

const FOR_EVER = 'sleep 86400';

/** What is cancelled while it runs; `touch ready` says that it can be. */
const CANCELLED: Readonly<Record<string, string>> = {
  'with children': `${FOR_EVER} & (${FOR_EVER} & ${FOR_EVER}) & touch ready; wait`,
  'with a daemon of its own session': `setsid -f ${FOR_EVER} > /dev/null 2>&1; touch ready; ${FOR_EVER}`,
  'with a crowd of children': `for i in {1..100}; do ${FOR_EVER} & done; touch ready; wait`,
  'that makes children as long as it can': `touch ready; while :; do ${FOR_EVER} & sleep 0.05; done`,
  'that ignores TERM, as do its children': `trap '' TERM; ${FOR_EVER} & touch ready; while :; do sleep 1; done`,
  'that answers TERM with success': `trap 'exit 0' TERM; touch ready; while :; do sleep 0.05; done`,
  'that answers TERM with a new session': `trap 'setsid -f ${FOR_EVER}; exit 0' TERM; touch ready; while :; do sleep 0.05; done`,
  'that has closed its descriptors': `exec 0<&- 1>&- 2>&-; touch ready; ${FOR_EVER}`,
  'that is stopped': `touch ready; kill -STOP $$`,
};

describe('cancelled it is gone, whole, before it is said to be cancelled', () => {
  test.for(Object.entries(CANCELLED))('a task %s', async ([, body], { box }) => {
    const daemon = await box.daemon('--cpus', '4');
    // Its second attempt has nothing to do but to find nobody there.
    const run = watched(`[ "$FIXPOINT_ATTEMPT" = 1 ] || exit 0\n${body}`);
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run }] }));
    await until('it is what it is', () => existsSync(box.path('ready')));
    await box.expectExit(0, 'cancel', 'w');
    await until('it is cancelled', async () => (await box.tasks()).get('t')?.status.phase === 'Cancelled');
    await box.expectExit(0, 'reset', 'w', 't');
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
    const expected = new Map([['t', { ends: ['Succeeded Completed'], again: 1, loses: 0 }]]);
    expect(await judge(box, expected, new Set())).toMatchObject({ ...SOUND, attempts: 2 });
    const attempts = (await box.tasks()).get('t')?.status.attempts ?? [];
    expect(attempts.map(({ phase, reason }) => `${phase} ${reason}`)).toEqual([
      'Cancelled CancelledByRequest',
      'Succeeded Completed',
    ]);
  });

  test('tasks that end by themselves just then', async ({ box }) => {
    const count = 40;
    const daemon = await box.daemon('--cpus', '40');
    const elements = { range: { count, format: '%02d' } };
    // They end in steps of 20 ms around the moment of the cancel, but for one: there is always something to cancel.
    const run = watched(
      'n=$((10#${FIXPOINT_TASK#*/})); if [ $n = 39 ]; then sleep 600; fi; sleep "1.$(printf %02d $((2 * n)))"',
    );
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', foreach: elements, run }] }));
    await until('the first has ended', () => [...spansByTask(box.path('log')).values()].some(([span]) => span?.end));
    await box.expectExit(0, 'cancel', 'w');
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Cancelled', '--timeout', '60s');
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
    const ends = ['Succeeded Completed', 'Cancelled CancelledByRequest', 'Cancelled Cancelled'];
    const expected = new Map<string, Expectation>();
    for (let i = 0; i < count; i++) expected.set(`t/${String(i).padStart(2, '0')}`, { ends, again: 0, loses: 0 });
    expect(await judge(box, expected, new Set())).toMatchObject(SOUND);
    // Whoever did not come to its end has not succeeded.
    const seen = spansByTask(box.path('log'));
    for (const [key, { status }] of await box.tasks())
      if (status.phase === 'Succeeded') expect(seen.get(key)?.[0]?.end, key).toBeDefined();
  });
});

describe('a log that grows too long loses its middle', () => {
  const NOISE = Math.ceil(MAX_LOG_BYTES / 5);
  test.for([
    { how: 'over many seconds', body: `for i in {1..6}; do head -c ${NOISE} < <(yes); sleep 1; done; sleep 5` },
    { how: 'at once', body: `head -c ${6 * NOISE} < <(yes)` },
  ])('$how', async ({ body }, { box }) => {
    const run = watched(`${body}\necho the last line`);
    expect((await box.run(box.workflow({ tasks: [{ name: 't', run }] }))).code).toBe(0);
    const directory = (await box.tasks()).get('t')?.status.attempts[0]?.directory ?? '';
    expect(statSync(join(directory, 'stdout')).size).toBeLessThan(MAX_LOG_BYTES);
    expect(statSync(join(directory, 'stdout.old')).size).toBe(KEPT_LOG_BYTES);
    expect((await box.expectExit(0, 'logs', 'w', 't', '--tail', '1')).stdout).toBe('the last line\n');
  });
});
