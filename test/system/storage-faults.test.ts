import { existsSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Ran, Sandbox, Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { canFault, type Fault, Faults } from '../rig/faults.ts';
import { CAPACITY, endsWell, heldTasksEnd, heldTasksRun, heldWork, nothingFailed } from '../rig/held-work.ts';
import { test } from '../rig/in-sandbox.ts';

// A file system that answers with errors, under real tasks, by a library that is preloaded into everything the program
// starts (`rig/faults.c`). An error is not an absence: what cannot be read or written is waited for, nothing is started
// twice, and when the errors cease all goes on by itself.

const WHY = canFault ? '' : ' [SKIPPED: needs a C compiler and LD_PRELOAD]';

async function daemonIn(faults: Faults, box: Sandbox, ...more: readonly string[]): Promise<Started> {
  const daemon = faults.start('daemon', '--state', box.state, '--runs', box.path('runs'), ...CAPACITY, ...more);
  await until('the daemon serves', () => daemon.over || daemon.stderr.includes('serving'));
  if (daemon.over) throw new Error((await daemon.ended).stderr);
  return daemon;
}

interface Case {
  readonly what: string;
  readonly faults: (box: Sandbox) => readonly Fault[];
  readonly ledger: boolean;
}

const CASES: readonly Case[] = [
  { what: 'EROFS on the ledger', faults: (box) => [`EROFS ${box.state}`], ledger: true },
  { what: 'EROFS on the runs folder', faults: (box) => [`EROFS ${box.path('runs')}`], ledger: false },
  { what: 'EIO on the ledger', faults: (box) => [`EIO ${box.state}`], ledger: true },
  { what: 'EIO on the runs folder', faults: (box) => [`EIO ${box.path('runs')}`], ledger: false },
  { what: 'EIO on both', faults: (box) => [`EIO ${box.state}`, `EIO ${box.path('runs')}`], ledger: true },
];

function saysWhy({ code, stderr }: Ran): void {
  expect(code, stderr).toBe(6);
  expect(stderr).toMatch(/^fixpoint: .+$/m);
  expect(stderr).not.toMatch(/^ +at /m);
}

describe(`errors of the file system${WHY}`, () => {
  test.skipIf(!canFault).for(CASES)('while tasks run, and then no more: $what', async (fault, { box }) => {
    const faults = new Faults(box);
    const daemon = await daemonIn(faults, box);
    await box.expectExit(0, 'apply', '-f', heldWork(box));
    await heldTasksRun(box);
    faults.set(...fault.faults(box));
    await heldTasksEnd(box);
    if (fault.ledger) await until('the ledger waits', () => daemon.stderr.includes('trying again'));
    await nothingFailed(box);
    faults.set();
    await endsWell(box, daemon);
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });

  test.skipIf(!canFault).for(CASES.filter(({ what }) => !what.startsWith('EROFS on the runs')))(
    'while a daemon starts: $what',
    async (fault, { box }) => {
      const faults = new Faults(box);
      const first = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      await first.kill('SIGKILL');
      faults.set(...fault.faults(box));
      const second = faults.start('daemon', '--state', box.state, '--runs', box.path('runs'), ...CAPACITY);
      await until('it serves, or refuses', () => second.over || second.stderr.includes('serving'));
      if (second.over) saysWhy(await second.ended);
      else expect(fault.ledger, 'a ledger that cannot be used is refused').toBe(false);
      await heldTasksEnd(box);
      if (!second.over) await nothingFailed(box);
      faults.set();
      const third = second.over ? await daemonIn(faults, box) : second;
      await endsWell(box, third);
    },
  );
});

describe(`the state folder on a network file system${WHY}`, () => {
  test.skipIf(!canFault)(
    'the ledger is one process’s alone, without shared memory, and outlives kill -9',
    async ({ box }) => {
      const faults = new Faults(box);
      faults.set(`NFS ${box.state}`);
      const daemon = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      expect(existsSync(`${box.state}/fixpoint.db-shm`)).toBe(false);
      const refused = await faults.start('daemon', '--state', box.state).ended;
      saysWhy(refused);
      expect(refused.stderr).toContain(`in use by pid ${daemon.pid}`);
      expect((await faults.start('doctor', '--state', box.state).ended).stdout).toContain('is on NFS');
      await daemon.kill('SIGKILL');
      const again = await daemonIn(faults, box);
      await heldTasksEnd(box);
      await endsWell(box, again);
      expect(existsSync(`${box.state}/fixpoint.db-shm`)).toBe(false);
      expect((await again.kill('SIGTERM')).code).toBe(0);
    },
  );
});

describe(`the clock is set back${WHY}`, () => {
  const HOUR = 3600;

  test.skipIf(!canFault)(
    'while tasks run: they are not harmed, events stay in order, nothing runs twice',
    async ({ box }) => {
      const faults = new Faults(box);
      const daemon = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      faults.set(`CLOCK ${-2 * HOUR}`);
      await heldTasksEnd(box);
      await endsWell(box, daemon);
      const types = (await box.events())
        .filter(({ task }) => task === 'a/0')
        .map(({ type, reason }) => `${type} ${reason}`);
      expect(types).toHaveLength(3);
      // The next daemon, an hour later by its own clock and still behind the journal, changes nothing.
      expect((await daemon.kill('SIGTERM')).code).toBe(0);
      faults.set(`CLOCK ${-HOUR}`);
      const next = await daemonIn(faults, box);
      await endsWell(box, next);
      expect((await next.kill('SIGTERM')).code).toBe(0);
    },
  );

  test.skipIf(!canFault)('a retry that waits is not put off by more than its backoff', async ({ box }) => {
    const faults = new Faults(box);
    const file = box.workflow({
      tasks: [
        {
          name: 't',
          retry: { limit: 1, backoff: { initial: '4s' } },
          run: '[ "$FIXPOINT_ATTEMPT" = 2 ]',
        },
      ],
    });
    const daemon = await daemonIn(faults, box);
    await box.expectExit(0, 'apply', '-f', file);
    await until(
      'the first attempt failed',
      async () => (await box.tasks()).get('t')?.status.attempts.some(({ phase }) => phase === 'Failed') === true,
    );
    faults.set(`CLOCK ${-2 * HOUR}`);
    const waited = await box.cli('wait', 'w', '--for', 'phase=Succeeded', '--timeout', '30s');
    expect(waited.code, daemon.stderr + JSON.stringify((await box.tasks()).get('t'))).toBe(0);
    expect(await box.summary()).toEqual({ t: 'Succeeded 2' });
  });

  test.skipIf(!canFault)(
    'a daemon that starts behind the journal goes on with a retry that waited',
    async ({ box }) => {
      const faults = new Faults(box);
      const file = box.workflow({
        tasks: [{ name: 't', retry: { limit: 1, backoff: { initial: '3s' } }, run: '[ "$FIXPOINT_ATTEMPT" = 2 ]' }],
      });
      const daemon = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', file);
      await until(
        'the first attempt failed',
        async () => (await box.tasks()).get('t')?.status.attempts.some(({ phase }) => phase === 'Failed') === true,
      );
      await daemon.kill('SIGKILL');
      faults.set(`CLOCK ${-2 * HOUR}`);
      const next = await daemonIn(faults, box);
      const waited = await box.cli('wait', 'w', '--for', 'phase=Succeeded', '--timeout', '30s');
      expect(waited.code, next.stderr + JSON.stringify((await box.tasks()).get('t'))).toBe(0);
      expect(await box.summary()).toEqual({ t: 'Succeeded 2' });
    },
  );

  test.skipIf(!canFault)('a walltime is what it is, whichever way the clock is set', async ({ box }) => {
    const faults = new Faults(box);
    const file = box.workflow({
      tasks: [
        { name: 'long', resources: { walltime: '2s' }, run: 'sleep 60' },
        { name: 'short', resources: { walltime: '60s' }, run: 'while [ ! -e go ]; do sleep 0.05; done' },
      ],
    });
    const daemon = await daemonIn(faults, box);
    await box.expectExit(0, 'apply', '-f', file);
    await until('they run', async () =>
      [...(await box.tasks()).values()].every(({ status }) => status.phase === 'Running'),
    );
    faults.set(`CLOCK ${-2 * HOUR}`);
    await until('the long one is ended', async () => (await box.tasks()).get('long')?.status.phase === 'Failed');
    faults.set(`CLOCK ${2 * HOUR}`);
    box.write('go', '');
    await until('the short one ends', async () => (await box.tasks()).get('short')?.status.phase !== 'Running');
    const tasks = await box.tasks();
    expect(tasks.get('long')?.status.attempts.map(({ reason }) => reason)).toEqual(['WallTime']);
    expect(await box.summary()).toMatchObject({ short: 'Succeeded 1' });
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });
});
