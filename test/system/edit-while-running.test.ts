import { describe, expect } from 'vitest';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { attemptProcesses, signalQuietly, spawnersOf } from '../rig/processes.ts';
import { noted, spansByTask, starts } from '../rig/task-log.ts';

// Edits of workflows that run: what no longer fits is ended, and confirmed gone, before anything takes its place.

/**
 * At its start a task looks for processes of other attempts of the tasks named, itself included, and holds a lock that
 * names its process; what it finds goes into a file that must stay empty.
 */
function alone(body: string, ...others: readonly string[]): string {
  const tasks = ['"${FIXPOINT_ATTEMPT_DIR%/*}/"', ...others.map((name) => `"\${FIXPOINT_ATTEMPT_DIR%/*/*}/${name}/"`)];
  const look = `for folder in ${tasks.join(' ')}; do
  for file in $(grep -lzs "^FIXPOINT_ATTEMPT_DIR=$folder" /proc/[0-9]*/environ); do
    tr '\\0' '\\n' < "$file" 2> /dev/null | grep '^FIXPOINT_ATTEMPT_DIR=' | grep -vxF "FIXPOINT_ATTEMPT_DIR=$FIXPOINT_ATTEMPT_DIR" >> overlap || :
  done
done`;
  const lock = `mkdir "lock.$FIXPOINT_TASK" 2> /dev/null || ! kill -0 "$(cat "lock.$FIXPOINT_TASK/pid")" 2> /dev/null || echo "lock of $FIXPOINT_TASK" >> overlap
echo $$ > "lock.$FIXPOINT_TASK/pid"`;
  return noted(`${look}\n${lock}\n${body}`);
}

const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.05; done';

async function applied(box: Sandbox, tasks: readonly object[], more: object = {}): Promise<void> {
  await box.expectExit(0, 'apply', '-f', box.workflow({ ...more, tasks }));
}

const begun = async (box: Sandbox, task: string, attempts = 1): Promise<void> =>
  await until(
    `${task} has begun ${attempts} times`,
    () => (spansByTask(box.path('log')).get(task)?.length ?? 0) >= attempts,
  );

const succeeded = async (box: Sandbox): Promise<void> => {
  await box.expectExit(0, 'wait', 'w', '--for', 'phase=Succeeded', '--timeout', '90s');
  expect(overlap(box)).toBe('');
};

function overlap(box: Sandbox): string {
  try {
    return box.read('overlap');
  } catch {
    return '';
  }
}

describe('an edit of a running task', () => {
  test('ends all of its processes before the new attempt starts', async ({ box }) => {
    await box.daemon();
    const task = (text: string) => ({
      name: 't',
      outputs: [{ name: 'o', path: 'out.txt' }],
      // A child in the background and one in a session of its own are part of it.
      run: alone(
        `(${WAIT_FOR_GO}) & setsid bash -c '${WAIT_FOR_GO}' & ${WAIT_FOR_GO}; wait; echo ${text} > \${{ outputs.o }}`,
      ),
    });
    await applied(box, [task('one')]);
    await begun(box, 't');
    await applied(box, [task('two')]);
    await begun(box, 't', 2);
    await applied(box, [task('three')]);
    await begun(box, 't', 3);
    box.write('go', '');
    await succeeded(box);
    expect(box.read('out.txt')).toBe('three\n');
    const attempts = (await box.tasks()).get('t')?.status.attempts ?? [];
    expect(attempts.map(({ phase, reason }) => `${phase} ${reason}`)).toEqual([
      'Cancelled DefinitionChanged',
      'Cancelled DefinitionChanged',
      'Succeeded Completed',
    ]);
    expect(
      spansByTask(box.path('log'))
        .get('t')
        ?.filter(({ end }) => end !== undefined),
    ).toHaveLength(1);
  });

  test('is carried on by the next daemon when the first dies between the cancel and the start', async ({ box }) => {
    const first = await box.daemon();
    const task = (text: string) => ({
      name: 't',
      run: alone(
        `trap 'while [ ! -e die ]; do sleep 0.05; done; exit 1' TERM; touch ready.${text}; ${WAIT_FOR_GO}; echo ${text}`,
      ),
    });
    await applied(box, [task('one')]);
    await begun(box, 't');
    await until('its trap is set', () => exists(box, 'ready.one'));
    await applied(box, [task('two')]);
    await first.kill('SIGKILL');
    await box.daemon();
    expect(attemptProcesses(box.dir).length).toBeGreaterThan(0);
    expect(starts(box.path('log'))).toEqual({ t: 1 });
    box.write('die', '');
    await begun(box, 't', 2);
    box.write('go', '');
    await succeeded(box);
    expect(starts(box.path('log'))).toEqual({ t: 2 });
  });

  test('ends a task that ignores TERM after the grace', async ({ box }) => {
    await box.daemon();
    const task = (text: string) => ({
      name: 't',
      run: alone(`trap '' TERM; touch ready.${text}; ${WAIT_FOR_GO}; echo ${text}`),
    });
    await applied(box, [task('one')]);
    await until('its trap is set', () => exists(box, 'ready.one'));
    const [before] = spansByTask(box.path('log')).get('t') ?? [];
    await applied(box, [task('two')]);
    await begun(box, 't', 2);
    const after = spansByTask(box.path('log')).get('t')?.[1];
    // The grace is ten seconds of the machine's uptime, counted in whole seconds.
    expect(Number((after?.begin ?? 0n) - (before?.begin ?? 0n)) / 1e9).toBeGreaterThan(8.5);
    box.write('go', '');
    await succeeded(box);
  });

  test('lets it end first where the workflow says Finish', async ({ box }) => {
    await box.daemon();
    const task = (text: string) => ({
      name: 't',
      outputs: [{ name: 'o', path: 'out.txt' }],
      run: alone(`${WAIT_FOR_GO}; echo ${text} > out.txt`),
    });
    const finish = { onChangeWhileRunning: 'Finish' };
    await applied(box, [task('one')], finish);
    await begun(box, 't');
    await applied(box, [task('two')], finish);
    box.write('go', '');
    await begun(box, 't', 2);
    await succeeded(box);
    expect(
      spansByTask(box.path('log'))
        .get('t')
        ?.map(({ end }) => end === undefined),
    ).toEqual([false, false]);
    expect(box.read('out.txt')).toBe('two\n');
  });

  test('that only changes its resources leaves it alone', async ({ box }) => {
    await box.daemon('--cpus', '4');
    const task = (cpu: number) => ({ name: 't', resources: { cpu }, run: alone(WAIT_FOR_GO) });
    await applied(box, [task(1)]);
    await begun(box, 't');
    await applied(box, [task(2)]);
    box.write('go', '');
    await succeeded(box);
    expect(await box.summary()).toEqual({ t: 'Succeeded 1' });
  });

  test('that removes it ends it and lets nothing wait', async ({ box }) => {
    await box.daemon();
    await applied(box, [
      { name: 't', run: alone(WAIT_FOR_GO) },
      { name: 'u', run: noted(':') },
    ]);
    await begun(box, 't');
    await applied(box, [{ name: 'u', run: noted(':') }]);
    await succeeded(box);
    await until('nothing of it runs', () => attemptProcesses(box.dir).length === 0);
    expect(starts(box.path('log'))).toEqual({ t: 1, u: 1 });
  });
});

describe('a file that is made again', () => {
  test('has its readers stopped first, and they run again after it', async ({ box }) => {
    await box.daemon('--cpus', '4');
    const tasks = (text: string) => [
      {
        name: 'make',
        outputs: [{ name: 'o', path: 'made.txt' }],
        run: alone(`echo ${text} > made.txt`, 'read', 'deep'),
      },
      {
        name: 'read',
        inputs: [{ name: 'i', path: 'made.txt' }],
        run: alone(`${WAIT_FOR_GO}; cat made.txt > read.txt`),
      },
      { name: 'deep', dependsOn: ['make'], run: alone(WAIT_FOR_GO) },
    ];
    await applied(box, tasks('one'));
    await begun(box, 'read');
    await begun(box, 'deep');
    await applied(box, tasks('two'));
    await begun(box, 'read', 2);
    await begun(box, 'deep', 2);
    box.write('go', '');
    await succeeded(box);
    expect(box.read('read.txt')).toBe('two\n');
    expect(starts(box.path('log'))).toEqual({ make: 2, read: 2, deep: 2 });
  });

  test('that was the same again leaves the finished readers alone', async ({ box }) => {
    await box.daemon();
    const tasks = (comment: string) => [
      { name: 'make', outputs: [{ name: 'o', path: 'made.txt' }], run: noted(`echo same > made.txt; : ${comment}`) },
      { name: 'read', inputs: [{ name: 'i', path: 'made.txt' }], run: noted(':') },
    ];
    await applied(box, tasks('one'));
    await succeeded(box);
    await applied(box, tasks('two'));
    await succeeded(box);
    expect(starts(box.path('log'))).toEqual({ make: 2, read: 1 });
  });
});

describe('other resources', () => {
  test('of a queued task withdraw it and submit it again', async ({ box }) => {
    const daemon = await box.daemon('--cpus', '4');
    const first = { name: 'first', run: noted(':') };
    const second = (cpu: number) => ({
      name: 'second',
      resources: { cpu },
      run: alone('echo "$FIXPOINT_CPUS" > cpus.txt'),
    });
    await applied(box, [first]);
    await succeeded(box);
    // A spawner that does not listen: what is handed over stays in the queue.
    const [spawner] = spawnersOf(daemon.pid) as [number];
    signalQuietly(spawner, 'SIGSTOP');
    await applied(box, [first, second(1)]);
    await until('it is queued', async () => (await box.tasks()).get('second')?.status.phase === 'Queued');
    await applied(box, [first, second(2)]);
    await until('it was submitted again', async () => (await box.tasks()).get('second')?.status.attempts.length === 2);
    signalQuietly(spawner, 'SIGCONT');
    await succeeded(box);
    expect(box.read('cpus.txt')).toBe('2\n');
    expect(starts(box.path('log'))).toEqual({ first: 1, second: 1 });
    const attempts = (await box.tasks()).get('second')?.status.attempts;
    expect(attempts).toMatchObject([{ phase: 'Cancelled', reason: 'ResourcesChanged' }, { phase: 'Succeeded' }]);
  });
});

function exists(box: Sandbox, name: string): boolean {
  try {
    box.read(name);
    return true;
  } catch {
    return false;
  }
}
