import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { Sandbox, type Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { attemptProcesses, isAlive, runtimes, signalQuietly, spawnersOf } from '../rig/processes.ts';
import { seededRandom } from '../rig/random.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// Whoever supervises may die at any moment: nothing is lost, nothing runs twice, nothing is left over. Tasks tell in a log
// of their own what really happened. More kills: FIXPOINT_KILLS, FIXPOINT_SPAWNER_KILLS; another history: FIXPOINT_SEED.

const KILLS = Number(process.env['FIXPOINT_KILLS'] ?? 15);
const SPAWNER_KILLS = Number(process.env['FIXPOINT_SPAWNER_KILLS'] ?? 5);
const SEED = Number(process.env['FIXPOINT_SEED'] ?? 20_240);
/** A round of 60 tasks is killed this often, then it may end. */
const KILLS_OF_A_ROUND = 5;
const TASKS = 61;
/** One round of kills takes seconds; on a busy machine restarts take as long as the work. */
const PATIENCE_MS = 60_000 + 12_000 * Math.max(KILLS, SPAWNER_KILLS);

/** Three layers of twenty, joined element by element by files and by `dependsOn`, and one task after all of them. */
function work(random: () => number): object {
  // Most are short, so that many begin and end around a kill; a tenth outlives every grace that could hide a lost one.
  const nap = (_: unknown, i: number) => (i % 10 === 0 ? 1.5 : 0.1 + 0.2 * random()).toFixed(2);
  const seconds = JSON.stringify(Array.from({ length: 20 }, nap)).replace(/[",[\]]/g, ' ');
  const sleep = `naps=(${seconds}); sleep "\${naps[$((10#\${FIXPOINT_TASK#*/}))]}"`;
  return {
    tasks: [
      {
        name: 'a',
        foreach: { range: { count: 20, format: '%02d' } },
        outputs: [{ name: 'o', path: 'a/${{ key }}.txt' }],
        run: noted(`${sleep}; echo $FIXPOINT_TASK > \${{ outputs.o }}`),
      },
      {
        name: 'b',
        foreach: { each: 'a' },
        inputs: [{ name: 'i', path: '${{ tasks.a.at(key).outputs.o }}' }],
        outputs: [{ name: 'o', path: 'b/${{ key }}.txt' }],
        run: noted(`${sleep}; cat \${{ inputs.i }} > \${{ outputs.o }}`),
      },
      { name: 'c', foreach: { each: 'b' }, run: noted(sleep) },
      { name: 'end', dependsOn: ['c'], run: noted(':') },
    ],
  };
}

/** The program that supervises: `run` itself, or a daemon that was given the file. */
type Mode = 'run' | 'daemon';

async function supervise(box: Sandbox, mode: Mode, file: string): Promise<Started> {
  if (mode === 'run') return box.start('run', file, '--cpus', '8');
  return box.start('daemon', '--cpus', '8');
}

const finished = (box: Sandbox): number =>
  [...spansByTask(box.path('log')).values()].filter((list) => list.some((span) => span.end !== undefined)).length;

/** Waits for a moment that chance chose; undefined work is left: there is nothing to kill for. */
async function chosenMoment(box: Sandbox, running: Started, random: () => number): Promise<boolean> {
  const moment = performance.now() + 100 + 2_500 * random();
  await until('the moment has come', () => running.over || performance.now() >= moment || finished(box) === TASKS);
  return !running.over && finished(box) < TASKS;
}

async function completed(box: Sandbox, mode: Mode, running: Started): Promise<void> {
  if (mode === 'run') {
    const ran = await running.ended;
    expect(ran.code, ran.stderr).toBe(0);
  } else {
    await until('the daemon serves', () => running.over || running.stderr.includes('serving'));
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '120s');
    expect((await running.kill('SIGTERM')).code).toBe(0);
  }
}

async function expectSound(box: Sandbox, context: string): Promise<void> {
  const seen = spansByTask(box.path('log'));
  const tasks = await box.tasks();
  expect(tasks.size, context).toBe(TASKS);
  for (const [key, { status }] of tasks) {
    expect(`${key} ${status.phase}`, context).toBe(`${key} Succeeded`);
    // Adopted: one start, whoever watched it. What was withdrawn before it started is no start.
    const begun = seen.get(key) ?? [];
    expect(begun.length, `${context}: starts of ${key}`).toBe(1);
    expect(begun[0]?.end, `${context}: ${key} was lost`).toBeDefined();
    const counted = status.attempts.filter((attempt) => attempt.startTime !== undefined);
    expect(
      counted.map(({ phase }) => phase),
      `${context}: attempts of ${key}: ${JSON.stringify(counted)}`,
    ).toEqual(['Succeeded']);
  }
  await until(
    `${context}: nothing is left over`,
    () => attemptProcesses(box.dir).length + runtimes(box.dir).length === 0,
    5_000,
  );
}

type Kill = (running: Started) => Promise<boolean>;

const killSupervisor: Kill = async (running) => {
  await running.kill('SIGKILL');
  return true;
};

const killSpawner: Kill = async (running) => {
  const spawners = spawnersOf(running.pid);
  for (const pid of spawners) signalQuietly(pid, 'SIGKILL');
  return spawners.length > 0;
};

const killBoth: Kill = async (running) => {
  const spawners = spawnersOf(running.pid);
  for (const pid of spawners) signalQuietly(pid, 'SIGKILL');
  await running.kill('SIGKILL');
  return true;
};

/** One workflow, killed at chosen moments, restarted at once, to its end. How often it was killed. */
async function round(box: Sandbox, mode: Mode, random: () => number, kill: Kill, most: number): Promise<number> {
  const file = box.workflow(work(random));
  if (mode === 'daemon') await box.expectExit(0, 'apply', '-f', file, '--state', box.state);
  let running = await supervise(box, mode, file);
  let kills = 0;
  while (kills < most && (await chosenMoment(box, running, random))) {
    if (await kill(running)) kills++;
    if (running.over) running = await supervise(box, mode, file);
  }
  await completed(box, mode, running);
  return kills;
}

async function rounds(mode: Mode, seed: number, kill: Kill, wanted: number): Promise<void> {
  const random = seededRandom(seed);
  for (let kills = 0, turn = 1; kills < wanted; turn++) {
    const box = new Sandbox();
    try {
      kills += await round(box, mode, random, kill, Math.min(KILLS_OF_A_ROUND, wanted - kills));
      await expectSound(box, `seed ${seed}, round ${turn}, ${kills} kills`);
    } finally {
      await box.dispose();
    }
  }
}

describe('killed at any moment, nothing is lost, nothing runs twice, nothing is left over', () => {
  test.each([
    { who: 'run', mode: 'run', kill: killSupervisor, times: Math.ceil(KILLS / 2) },
    { who: 'the daemon', mode: 'daemon', kill: killSupervisor, times: Math.floor(KILLS / 2) },
    { who: 'the spawner', mode: 'daemon', kill: killSpawner, times: SPAWNER_KILLS },
    { who: 'run and its spawner', mode: 'run', kill: killBoth, times: SPAWNER_KILLS },
  ] as const)(
    '$who, $times times',
    async ({ mode, kill, times }) => {
      await rounds(mode, SEED, kill, times);
    },
    PATIENCE_MS,
  );
});

const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.05; done';

describe('ending the supervisor in order cancels nothing', () => {
  const file = (box: Sandbox) =>
    box.workflow({
      tasks: [
        { name: 't', run: noted(WAIT_FOR_GO) },
        { name: 'u', dependsOn: ['t'], run: noted(':') },
      ],
    });

  test.for(['SIGTERM', 'SIGINT'] as const)('%s of a daemon', async (signal, { box }) => {
    const daemon = await box.daemon();
    await box.expectExit(0, 'apply', '-f', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    expect((await daemon.kill(signal)).code).toBe(0);
    expect(attemptProcesses(box.dir).length).toBeGreaterThan(0);
    box.write('go', '');
    await box.daemon();
    await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '60s');
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('SIGTERM of run', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    expect((await running.kill('SIGTERM')).code).not.toBe(0);
    expect(attemptProcesses(box.dir).length).toBeGreaterThan(0);
    box.write('go', '');
    expect((await box.run(file(box))).code).toBe(0);
    expect(await box.summary()).toEqual({ t: 'Succeeded 1', u: 'Succeeded 1' });
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('the first SIGINT of run launches nothing more and lets what runs end', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    running.child.kill('SIGINT');
    await until('it says how to go on', () => running.stderr.includes('ancel'));
    box.write('go', '');
    expect((await running.ended).code).toBe(130);
    expect(starts(box.path('log'))).toEqual({ t: 1 });
    expect((await box.run(file(box))).code).toBe(0);
    expect(await box.summary()).toEqual({ t: 'Succeeded 1', u: 'Succeeded 1' });
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });

  test('a second SIGINT of run cancels what runs', async ({ box }) => {
    const running = box.start('run', file(box));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    running.child.kill('SIGINT');
    await until('it says how to go on', () => running.stderr.includes('ancel'));
    if (!running.over) running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    await until('nothing runs', () => attemptProcesses(box.dir).length === 0);
    expect((await box.tasks()).get('t')?.status.phase).toBe('Cancelled');
  });
});

describe('deleted and made again', () => {
  const spec = {
    tasks: [
      { name: 'a', outputs: [{ name: 'o', path: 'a.txt' }], run: noted('echo a > a.txt') },
      {
        name: 'b',
        inputs: [{ name: 'i', path: 'a.txt' }],
        outputs: [{ name: 'o', path: 'b.txt' }],
        run: noted('cat a.txt > b.txt'),
      },
      { name: 'c', dependsOn: ['b'], run: noted(':') },
    ],
  };

  test('what stands is adopted; what is gone is made again; fresh runs all', async ({ box }) => {
    const file = box.workflow(spec);
    await box.run(file);
    const remake = async (...more: readonly string[]): Promise<void> => {
      await box.expectExit(0, 'delete', 'w', '--state', box.state);
      await box.expectExit(0, 'run', file, ...more);
    };
    await remake();
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
    await remake('--no-retry');
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 1, c: 1 });
    rmSync(box.path('b.txt'));
    await remake();
    expect(box.read('b.txt')).toBe('a\n');
    expect(starts(box.path('log'))).toEqual({ a: 1, b: 2, c: 2 });
    rmSync(box.path('a.txt'));
    await remake();
    // What was made again is what it was: nothing follows from it.
    expect(starts(box.path('log'))).toEqual({ a: 2, b: 2, c: 2 });
    await remake('--fresh');
    expect(starts(box.path('log'))).toEqual({ a: 3, b: 3, c: 3 });
  });

  test('deleting what runs ends it first', async ({ box }) => {
    await box.daemon();
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 't', run: noted(WAIT_FOR_GO) }] }));
    await until('it runs', () => spansByTask(box.path('log')).has('t'));
    const pids = attemptProcesses(box.dir).map(({ pid }) => pid);
    await box.expectExit(0, 'delete', 'w');
    await box.expectExit(0, 'wait', 'w', '--for', 'delete', '--timeout', '60s');
    expect(pids.filter(isAlive)).toEqual([]);
    await box.expectExit(4, 'get', 'workflows', 'w');
  });
});
