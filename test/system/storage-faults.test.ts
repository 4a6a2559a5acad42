import { existsSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Ran, Sandbox, Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { canFault, type Fault, Faults, type FileFault, nativeCalls, SPAWNERS } from '../rig/faults.ts';
import { CAPACITY, endsWell, heldTasksEnd, heldTasksRun, heldWork, nothingFailed } from '../rig/held-work.ts';
import { test } from '../rig/in-sandbox.ts';
import { runtimes } from '../rig/processes.ts';
import { noted, starts } from '../rig/task-log.ts';

// A file system that answers with errors, under real tasks, by a library that is preloaded into everything the program
// starts (`rig/faults.c`), with either spawner. Each test asks who met its fault: one that nobody met proves nothing. An error is not an absence: what cannot be read or written is waited for, nothing is started
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
  /** Also while a daemon starts. */
  readonly atStart: boolean;
  /** What the daemon meets, and what runtimes do. */
  readonly ledger: (box: Sandbox) => readonly Fault[];
  readonly runs: (box: Sandbox) => readonly Fault[];
}

const none = (): readonly Fault[] => [];
const ledger = (kind: FileFault) => (box: Sandbox) => [`${kind} ${box.state}`] as const;
const runs = (kind: FileFault) => (box: Sandbox) => [`${kind} ${box.path('runs')}`] as const;

const CASES: readonly Case[] = [
  { what: 'EROFS on the ledger', atStart: true, ledger: ledger('EROFS'), runs: none },
  { what: 'EROFS on the runs folder', atStart: false, ledger: none, runs: runs('EROFS') },
  { what: 'EIO on the ledger', atStart: true, ledger: ledger('EIO'), runs: none },
  { what: 'EIO on the runs folder', atStart: true, ledger: none, runs: runs('EIO') },
  { what: 'EIO on both', atStart: true, ledger: ledger('EIO'), runs: runs('EIO') },
  { what: 'ENOSPC on both', atStart: false, ledger: ledger('ENOSPC'), runs: runs('ENOSPC') },
];

function saysWhy({ code, stderr }: Ran): void {
  expect(code, stderr).toBe(6);
  expect(stderr).toMatch(/^fixpoint: .+$/m);
  expect(stderr).not.toMatch(/^ +at /m);
}

/** Whoever is to meet them has. */
async function areMet(faults: Faults, box: Sandbox, { ledger, runs }: Case): Promise<void> {
  await until(
    'the faults are met',
    () =>
      ledger(box).every((fault) => faults.metByDaemon(fault)) && runs(box).every((fault) => faults.metByRuntime(fault)),
  );
}

describe.each(SPAWNERS)(`errors of the file system, %s spawner${WHY}`, (spawner) => {
  test.skipIf(!canFault).for(CASES)('while tasks run, and then no more: $what', async (fault, { box }) => {
    const faults = new Faults(box, spawner);
    const daemon = await daemonIn(faults, box);
    await box.expectExit(0, 'apply', '-f', heldWork(box));
    await heldTasksRun(box);
    faults.set(...fault.ledger(box), ...fault.runs(box));
    await heldTasksEnd(box);
    await areMet(faults, box, fault);
    if (fault.ledger !== none) await until('the ledger waits', () => daemon.stderr.includes('trying again'));
    // Its command has ended and its record cannot be written: the runtime stays.
    if (fault.runs !== none) expect(runtimes(box.dir).length).toBeGreaterThan(0);
    await nothingFailed(box);
    faults.set();
    await endsWell(box, daemon);
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });

  test.skipIf(!canFault).for(CASES.filter(({ atStart }) => atStart))(
    'while a daemon starts: $what',
    async (fault, { box }) => {
      const faults = new Faults(box, spawner);
      const first = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      await first.kill('SIGKILL');
      faults.set(...fault.ledger(box), ...fault.runs(box));
      const second = faults.start('daemon', '--state', box.state, '--runs', box.path('runs'), ...CAPACITY);
      await until('it serves, or refuses', () => second.over || second.stderr.includes('serving'));
      if (second.over) saysWhy(await second.ended);
      else expect(fault.ledger, 'a ledger that cannot be used is refused').toBe(none);
      await heldTasksEnd(box);
      await areMet(faults, box, fault);
      if (!second.over) await nothingFailed(box);
      faults.set();
      const third = second.over ? await daemonIn(faults, box) : second;
      await endsWell(box, third);
    },
  );

  const LAUNCHES = (['EIO', 'EROFS', 'ENOSPC'] as const).flatMap((kind) => [
    { kind, where: 'runs' },
    { kind, where: 'work' },
  ]);

  test.skipIf(!canFault).for(LAUNCHES)(
    'while tasks are launched: $kind on the folder $where',
    async ({ kind, where }, { box }) => {
      const faults = new Faults(box, spawner);
      const daemon = await daemonIn(faults, box);
      const fault = `${kind} ${box.path(where)}` as const;
      faults.set(fault);
      await box.expectExit(
        0,
        'apply',
        '-f',
        box.workflow({ tasks: [{ name: 't', workdir: 'work/t', run: noted(':') }] }),
      );
      await until('the fault is met', () => faults.metByRuntime(fault) || faults.metByDaemon(fault));
      expect(faults.metByRuntime(fault)).toBe(spawner === 'native' || where === 'work');
      await nothingFailed(box);
      faults.set();
      const waited = await box.cli('wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
      expect(waited.code, daemon.stderr + JSON.stringify((await box.tasks()).get('t'))).toBe(0);
      expect(starts(box.path('log'))).toEqual({ t: 1 });
      // The native one waits, so the attempt is the first; the shell's says that it could not be set up, and is launched again.
      if (spawner === 'native') expect(await box.summary()).toEqual({ t: 'Succeeded 1' });
    },
  );
});

describe.each(SPAWNERS)(`an output that cannot be read, %s spawner${WHY}`, (spawner) => {
  const FILE = { what: 'a file', output: { path: 'out/o' }, make: 'echo made > out/o', spoilt: 'out/o' };
  const two = (a: string, b: string): string => `echo a > ${a}; echo b > ${b}`;
  const OUTPUTS = [
    { ...FILE, optional: false },
    { ...FILE, what: 'a file that may be missing', optional: true },
    {
      what: 'a file of a folder',
      output: { path: 'out/d' },
      make: `mkdir out/d; ${two('out/d/a', 'out/d/b')}`,
      spoilt: 'out/d/b',
      optional: false,
    },
    {
      what: 'a match of a pattern',
      output: { glob: 'out/*.txt' },
      make: two('out/a.txt', 'out/b.txt'),
      spoilt: 'out/b.txt',
      optional: false,
    },
  ];
  type Made = (typeof OUTPUTS)[number];

  async function unreadable(box: Sandbox, made: Made): Promise<{ faults: Faults; fault: Fault }> {
    const faults = new Faults(box, spawner);
    await daemonIn(faults, box);
    const fault = `EIO ${box.path(made.spoilt)}` as const;
    const command = noted(`mkdir -p out; ${made.make}; while [ ! -e ${box.path('go')} ]; do sleep 0.05; done`);
    const outputs = [{ name: 'o', ...made.output, optional: made.optional }];
    const file = box.workflow({ tasks: [{ name: 't', outputs, command: ['bash', '-c', command] }] });
    await box.expectExit(0, 'apply', '-f', file);
    await until('it is made', () => existsSync(box.path(made.spoilt)));
    faults.set(fault);
    box.write('go', '');
    await until('the fault is met', () => faults.metByRuntime(fault) || faults.metByTool(fault));
    return { faults, fault };
  }

  test.skipIf(!canFault).for(OUTPUTS)('is waited for: $what', async (made, { box }) => {
    const { faults } = await unreadable(box, made);
    await nothingFailed(box);
    faults.set();
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
    expect(await box.summary()).toEqual({ t: 'Succeeded 1' });
    // What was stamped is what lies there: nothing is to be made again.
    expect((await box.plan('-f', box.path('w.json'))).summary).toEqual({ Keep: 1 });
    expect(starts(box.path('log'))).toEqual({ t: 1 });
  });

  test.skipIf(!canFault)('is waited for until a cancel', async ({ box }) => {
    await unreadable(box, { ...FILE, optional: false });
    await box.expectExit(0, 'cancel', 'w', 't');
    await until('it is cancelled', async () => (await box.tasks()).get('t')?.status.phase === 'Cancelled');
    expect((await box.tasks()).get('t')?.status.attempts.map(({ phase }) => phase)).toEqual(['Cancelled']);
  });
});

describe('faults', () => {
  /** Of these no fault is needed: what they look at is not a file of ours, or they tell without failing. */
  const OTHERWISE = new Set(['opendir', 'readdir', 'closedir', 'dprintf', 'close', 'fclose']);
  const OF_FILES =
    /open|creat|read|write|printf|close|sync|seek|trunc|alloc_range|stat|access|chmod|chown|link|rename|mkdir|mknod|rmdir|utime|splice|sendfile|copy_file|syscall/;

  test.skipIf(!canFault)('stand in the way of every call on files that the native spawner makes', () => {
    const { made, faulted } = nativeCalls();
    const files = made.filter((name) => OF_FILES.test(name) && !/^v?snprintf$|^sprintf$/.test(name));
    expect(files).toEqual(expect.arrayContaining(['open', 'write', 'pwrite', 'rename', 'mkdir', 'stat', 'syscall']));
    expect(files.filter((name) => !faulted.has(name) && !OTHERWISE.has(name))).toEqual([]);
  });
});

describe.each(SPAWNERS)(`the state folder on a network file system, %s spawner${WHY}`, (spawner) => {
  test.skipIf(!canFault)(
    'the ledger is one process’s alone, without shared memory, and outlives kill -9',
    async ({ box }) => {
      const faults = new Faults(box, spawner);
      const nfs = `NFS ${box.state}` as const;
      faults.set(nfs);
      const daemon = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      expect(existsSync(`${box.state}/fixpoint.db-shm`)).toBe(false);
      expect(faults.metByDaemon(nfs)).toBe(true);
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

describe.each(SPAWNERS)(`the clock is set back, %s spawner${WHY}`, (spawner) => {
  const HOUR = 3600;

  async function daemonMetIt(faults: Faults): Promise<void> {
    await until('the daemon has read the clock', () => faults.metByDaemon('CLOCK 0'));
  }

  test.skipIf(!canFault)(
    'while tasks run: they are not harmed, events stay in order, nothing runs twice',
    async ({ box }) => {
      const faults = new Faults(box, spawner);
      const daemon = await daemonIn(faults, box);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      faults.set(`CLOCK ${-2 * HOUR}`);
      await heldTasksEnd(box);
      await endsWell(box, daemon);
      await daemonMetIt(faults);
      // It tells of the time of its claim; the shell's asks for no time of day.
      if (spawner === 'native') expect(faults.metByRuntime('CLOCK 0')).toBe(true);
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
    const faults = new Faults(box, spawner);
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
    await daemonMetIt(faults);
    expect(await box.summary()).toEqual({ t: 'Succeeded 2' });
  });

  test.skipIf(!canFault)(
    'a daemon that starts behind the journal goes on with a retry that waited',
    async ({ box }) => {
      const faults = new Faults(box, spawner);
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
      await daemonMetIt(faults);
      expect(await box.summary()).toEqual({ t: 'Succeeded 2' });
    },
  );

  test.skipIf(!canFault)('a walltime is what it is, whichever way the clock is set', async ({ box }) => {
    const faults = new Faults(box, spawner);
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
    await daemonMetIt(faults);
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
