import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Launch, Observation } from '../../src/backends/backend.ts';
import { type SlurmRig, slurmRig } from '../contract/slurm-rig.ts';
import { until } from '../rig/eventually.ts';
import { withSlurm } from '../rig/slurm.ts';

// How attempts end on a real Slurm when somebody else than their command ends them, and what many of them cost it.

const PATIENCE_MS = 180_000;
const COUNT = Number(process.env['FIXPOINT_SLURM_TASKS'] ?? 300);
const MIB = 1024 * 1024;
const needs = (cpu: number): Launch['needs'] => ({ cpu, memoryBytes: 64 * MIB, gpu: 0, walltimeMs: 0 });
const handled = ({ token, directory }: Launch) => ({ token, directory, handle: undefined });

withSlurm('on a real Slurm', () => {
  let rig: SlurmRig;
  beforeEach(async () => {
    rig = await slurmRig();
  });
  afterEach(() => rig.close());

  const script = (token: string, text: string, part: Partial<Launch> = {}): Launch =>
    rig.launch(token, {}, { ...part, command: { kind: 'Script', shell: ['sh', '-eu'], text } });
  const over = (token: string): Promise<Observation> => rig.seen(token, 'Ended', 'Gone');
  /** Its name in Slurm, as an element of an array, from what was reported when it started. */
  const elementOf = async (token: string): Promise<string> => {
    const seen = await rig.seen(token, 'Running');
    const { job, index } = (seen as { handle: unknown }).handle as { job: string; index: number };
    return `${job}_${index}`;
  };
  /** Why it ended, wherever that is said. */
  const reasonOf = (seen: Observation): string => {
    if (seen.state === 'Gone') return seen.reason ?? 'Gone';
    if (seen.state !== 'Ended') return seen.state;
    return seen.exit.problem?.reason ?? seen.exit.verdict;
  };

  test('each end from outside has its own reason', { timeout: PATIENCE_MS }, async () => {
    const forever = 'while :; do sleep 0.2; done';
    const limited = script('limited', forever, { slurm: { partition: 'one' } });
    const greedy = script('greedy', 'head -c 300000000 /dev/zero | tail > /dev/null');
    const stopped = script('stopped', forever);
    const low = script('low', forever, {
      needs: needs(64),
      slurm: { partition: 'kill', extraArgs: ['--nodelist=n3'] },
    });
    const later = ['w0', 'w1', 'w2'].map((token) =>
      script(token, 'true', { slurm: { extraOptions: '--begin=now+1hour', extraArgs: [`--nice=${NICE}`] } }),
    );
    const wrong = script('wrong', 'true', { slurm: { partition: 'nosuch' } });
    await rig.backend.submit([limited, greedy, stopped, low, ...later, wrong]);

    const rejected = await over('wrong');
    expect(reasonOf(rejected)).toBe('Rejected');
    expect(rejected).toMatchObject({
      exit: { problem: { message: expect.stringContaining('Invalid partition name specified') } },
    });

    // It asks for the same as the greedy one, and is in one array with it.
    await rig.cluster.tool('scancel', await elementOf('stopped'));
    await rig.seen('low', 'Running');
    await rig.backend.submit([
      script('high', 'true', { needs: needs(64), slurm: { partition: 'high', extraArgs: ['--nodelist=n3'] } }),
    ]);
    const waiting = await waitingArray(rig);
    await rig.cluster.tool('scancel', `${waiting}_1`);

    expect(reasonOf(await over('greedy'))).toBe('OutOfMemory');
    expect(reasonOf(await over('stopped'))).toBe('CancelledExternally');
    expect(reasonOf(await over('low'))).toBe('Preempted');
    expect(await over('high')).toMatchObject({ exit: { verdict: 'Exited', exitCode: 0 } });
    const dropped = await over('w1');
    expect(dropped).toMatchObject({ state: 'Gone', claimed: false, reason: 'CancelledExternally' });
    for (const launch of [later[0], later[2]] as Launch[]) {
      expect((await rig.backend.observe([handled(launch)]))[0]?.state).toBe('Queued');
      await rig.backend.cancel([handled(launch)]);
      expect(await over(launch.token)).toMatchObject({ state: 'Gone', claimed: false });
    }
    await until('what was withdrawn leaves the queue', async () => (await waitingRows(rig)).length === 0);
    expect(reasonOf(await over('limited'))).toBe('WallTime');
  });

  test('many short ones go as few arrays, and are watched by few questions', { timeout: 4 * PATIENCE_MS }, async () => {
    const log = join(rig.folder, 'log');
    // Eight at once on each of four nodes: as many as one machine can bear.
    const launches = Array.from({ length: COUNT }, (_, i) =>
      script(`t${i}`, `echo ${i} >> '${log}'`, { needs: needs(8) }),
    );
    const started = performance.now();
    await rig.backend.submit(launches);
    const ends = await Promise.all(launches.map(({ token }) => over(token)));
    expect(ends.filter((seen) => seen.state !== 'Ended' || seen.exit.exitCode !== 0)).toEqual([]);
    const minutes = (performance.now() - started) / 60_000;
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines.map(Number).sort((a, b) => a - b)).toEqual(launches.map((_, i) => i));
    // They are handed over at once and ask for the same: one array.
    expect(rig.backend.calls.get('sbatch')).toBe(1);
    // Ten at once after a quiet time, then six a minute, however many run.
    expect(rig.backend.calls.get('squeue')).toBeLessThanOrEqual(10 + Math.ceil(6 * minutes));
    expect(rig.backend.calls.get('sacct') ?? 0).toBe(0);
    expect(rig.backend.calls.get('scancel') ?? 0).toBe(0);
  });
});

/** The job that waits for an hour. */
/** Other tests have jobs in the same queue. */
const NICE = 17;

async function waitingArray(rig: SlurmRig): Promise<string> {
  await until('they wait', async () => (await waitingRows(rig)).length > 0);
  return (await waitingRows(rig))[0] as string;
}

async function waitingRows(rig: SlurmRig): Promise<string[]> {
  const rows = await rig.cluster.tool('squeue', '--noheader', '--me', '--states=PENDING', '--format=%F %y');
  return rows.split('\n').flatMap((row) => (row.endsWith(` ${NICE}`) ? [row.split(' ')[0] ?? ''] : []));
}
