import { mkdirSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Ran, Sandbox, Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { CAPACITY, endsWell, heldTasksEnd, heldTasksRun, heldWork, nothingFailed } from '../rig/held-work.ts';
import { test } from '../rig/in-sandbox.ts';
import { canMount, fillUp, mountSmall } from '../rig/mounts.ts';
import { runtimes } from '../rig/processes.ts';
import { spansByTask } from '../rig/task-log.ts';

// A real file system that is full, under real tasks: nothing fails for want of room, what has ended waits with its record,
// and when there is room all goes on by itself.

const WHY = canMount ? '' : ' [SKIPPED: needs root and mount(8)]';

interface Place {
  readonly what: string;
  /** The folder that is a small file system of its own. */
  readonly small: (box: Sandbox) => string;
  readonly runs: (box: Sandbox) => string;
  /** The ledger is on it. */
  readonly ledger: boolean;
}

const PLACES: readonly Place[] = [
  { what: 'the ledger', small: (box) => box.state, runs: (box) => box.path('runs'), ledger: true },
  { what: 'the runs folder', small: (box) => box.path('runs'), runs: (box) => box.path('runs'), ledger: false },
  { what: 'both', small: (box) => box.state, runs: (box) => `${box.state}/runs`, ledger: true },
];

async function startOn(box: Sandbox, { runs }: Place): Promise<Started> {
  return await box.daemon('--state', box.state, '--runs', runs(box), ...CAPACITY);
}

function saysWhy({ code, stderr }: Ran): void {
  expect(code, stderr).toBe(6);
  expect(stderr).toMatch(/^fixpoint: .*(full|ENOSPC|no space).*$/m);
  expect(stderr).not.toMatch(/^ +at /m);
}

describe(`a disk that is full${WHY}`, () => {
  test.skipIf(!canMount).for(PLACES)('while tasks run: $what', async (place, { box, onTestFinished }) => {
    onTestFinished(mountSmall(place.small(box), 3_000));
    mkdirSync(place.runs(box), { recursive: true });
    const daemon = await startOn(box, place);
    await box.expectExit(0, 'apply', '-f', heldWork(box));
    await heldTasksRun(box);
    const makeRoom = fillUp(place.small(box));
    await heldTasksEnd(box);
    if (place.ledger) await until('the ledger waits', () => daemon.stderr.includes('trying again'));
    // Its command has ended and its record has no room: the runtime stays.
    else expect(runtimes(box.dir).length).toBeGreaterThan(0);
    await nothingFailed(box);
    makeRoom();
    await endsWell(box, daemon);
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });

  test.skipIf(!canMount).for(PLACES)(
    'and the daemon is killed and started again on it: $what',
    async (place, { box, onTestFinished }) => {
      onTestFinished(mountSmall(place.small(box), 3_000));
      mkdirSync(place.runs(box), { recursive: true });
      const first = await startOn(box, place);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      const makeRoom = fillUp(place.small(box));
      await heldTasksEnd(box);
      await first.kill('SIGKILL');
      const again = box.start('daemon', '--state', box.state, '--runs', place.runs(box), ...CAPACITY);
      // It waits, or it says in one sentence why it cannot start.
      await until('it serves, or refuses', () => again.over || again.stderr.includes('serving'));
      if (again.over) saysWhy(await again.ended);
      makeRoom();
      if (again.over) await startOn(box, place);
      await endsWell(box, again);
    },
  );

  test.skipIf(!canMount)(
    'at the first start: one sentence, and it starts when there is room',
    async ({ box, onTestFinished }) => {
      onTestFinished(mountSmall(box.state, 1_000));
      const makeRoom = fillUp(box.state);
      saysWhy(await box.cli('daemon', '--state', box.state));
      makeRoom();
      box.write('go', '');
      await box.daemon('--state', box.state, ...CAPACITY);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await endsWell(box);
    },
  );

  test.skipIf(!canMount)(
    'while a document is applied: refused, whole or not at all',
    async ({ box, onTestFinished }) => {
      onTestFinished(mountSmall(box.state, 1_000));
      box.write('go', '');
      const daemon = await box.daemon('--state', box.state, '--runs', box.path('runs'), ...CAPACITY);
      const makeRoom = fillUp(box.state);
      const file = heldWork(box);
      expect((await box.cli('apply', '-f', file)).code).toBe(6);
      await box.expectExit(4, 'get', 'workflows', 'w');
      expect(spansByTask(box.path('log')).size).toBe(0);
      makeRoom();
      await box.expectExit(0, 'apply', '-f', file);
      await endsWell(box, daemon);
    },
  );
});
