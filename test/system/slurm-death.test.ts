import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Launch, Observation } from '../../src/backends/backend.ts';
import { readFolder } from '../../src/backends/slurm/folder-state.ts';
import { CommandLineTools, type Tools } from '../../src/backends/slurm/tools.ts';
import { type SlurmRig, slurmRig } from '../contract/slurm-rig.ts';
import { until } from '../rig/eventually.ts';
import { withSlurm } from '../rig/slurm.ts';

// Daemons of a real Slurm, and ours, end or stand still at bad moments: nothing is lost, nothing runs twice.

const PATIENCE_MS = 180_000;
const SHAPES = 4;
const handled = ({ token, directory }: Launch) => ({ token, directory, handle: undefined });

withSlurm('a real Slurm whose daemons die', () => {
  let rig: SlurmRig;
  const told: (number | undefined)[] = [];
  beforeEach(async () => {
    told.length = 0;
    rig = await slurmRig({ onUnavailable: (since) => told.push(since) }, 'disturbed');
  });
  afterEach(async () => {
    await rig.cluster.up();
    await rig.close();
  });

  const log = (): string[] => {
    try {
      return readFileSync(join(rig.folder, 'log'), 'utf8').trimEnd().split('\n').sort();
    } catch {
      return [];
    }
  };
  const writing = (token: string, part: Partial<Launch> = {}): Launch =>
    rig.launch(
      token,
      {},
      { ...part, command: { kind: 'Script', shell: ['sh', '-eu'], text: `echo '${token}' >> '${rig.folder}/log'` } },
    );
  /** Each asks for something else, so each is a submission. */
  const several = (): Launch[] =>
    Array.from({ length: SHAPES }, (_, i) => writing(`t${i}`, { slurm: { extraArgs: [`--nice=${i + 1}`] } }));
  const over = (token: string): Promise<Observation> => rig.seen(token, 'Ended', 'Gone');
  /** As the home does: what never started is started under another token. */
  const untilDone = async (launch: Launch): Promise<void> => {
    const seen = await over(launch.token);
    if (seen.state === 'Ended')
      return expect(seen.exit, launch.token).toMatchObject({ verdict: 'Exited', exitCode: 0 });
    expect(seen).toMatchObject({ state: 'Gone', claimed: false });
    const again = { ...launch, token: `${launch.token}x`, directory: `${launch.directory}x` };
    await rig.backend.submit([again]);
    await untilDone(again);
  };

  test('a frozen controller: what it took is found by its name', { timeout: PATIENCE_MS }, async () => {
    const launches = several();
    const jobs = async (): Promise<string[]> => {
      const rows = await rig.cluster.tool('squeue', '--noheader', '--me', '--states=all', '--format=%A %j');
      return rows.split('\n').filter((row) => row.includes(' fx-'));
    };
    // Something was submitted before: the capabilities are known.
    await rig.backend.submit([writing('first')]);
    await over('first');
    const before = new Set(await jobs());
    const pid = rig.cluster.pidOf('slurmctld');
    process.kill(pid, 'SIGSTOP');
    try {
      await rig.backend.submit(launches);
      await until('an sbatch has given up', () => told.some((since) => since !== undefined), PATIENCE_MS);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await Promise.all(launches.map(untilDone));
    expect(log()).toEqual(['first', ...launches.map(({ token }) => token)]);
    await until('it is known that Slurm answers again', () => told.at(-1) === undefined);
    // Whatever sbatch said: one job each.
    expect((await jobs()).filter((row) => !before.has(row)).length).toBe(launches.length);
  });

  test('a controller that forgets what it took, and gives its ids away', { timeout: PATIENCE_MS }, async () => {
    const launches = several();
    await rig.backend.submit([writing('first')]);
    await over('first');
    await rig.backend.submit(
      // They wait, so that none has started when it dies.
      launches.map((launch) => ({
        ...launch,
        slurm: { extraArgs: [...(launch.slurm?.extraArgs ?? []), '--begin=now+5'] },
      })),
    );
    await until('all are handed over', () => (rig.backend.calls.get('sbatch') ?? 0) > SHAPES);
    process.kill(rig.cluster.pidOf('slurmctld'), 'SIGKILL');
    await rig.cluster.up();
    // It takes the ids that are free.
    await rig.cluster.tool('sbatch', '--parsable', '--output=/dev/null', '--wrap=true');
    await Promise.all(launches.map(untilDone));
    const ran = log().map((token) => token.replace(/x+$/, ''));
    expect(ran).toEqual(['first', ...launches.map(({ token }) => token)]);
  });

  test('our own death between sbatch and its answer', { timeout: PATIENCE_MS }, async () => {
    const real = new CommandLineTools(rig.cluster.env);
    let calls = 0;
    // The daemon dies when the job is there and nobody has written down its id.
    const dying: Tools = {
      run: async (tool, words, stdin) => {
        const answer = await real.run(tool, words, stdin);
        if (tool !== 'sbatch') return answer;
        calls++;
        return new Promise(() => undefined);
      },
    };
    await rig.reopen({ tools: dying });
    const launch = writing('t0');
    await rig.backend.submit([launch]);
    await until('Slurm has it', () => calls === 1);
    await rig.reopen();
    const [seen] = await rig.backend.observe([handled(launch)]);
    if (seen?.state !== 'Ended') await over('t0');
    await rig.backend.submit([launch]);
    await rig.backend.submit([writing('other')]);
    await over('other');
    expect(log()).toEqual(['other', 't0']);
    expect(rig.backend.calls.get('sbatch')).toBe(1);
  });

  test('a node that is lost with what runs on it', { timeout: PATIENCE_MS }, async () => {
    const launch = rig.launch('t0', { forever: true }, { slurm: { extraArgs: ['--nodelist=d3'] } });
    await rig.backend.submit([launch]);
    await rig.seen('t0', 'Running');
    process.kill(rig.cluster.pidOf('slurmd.d3'), 'SIGKILL');
    // Slurm says NODE_FAIL. Its command runs on: nobody may say that it is over.
    const unknown = await rig.seen('t0', 'Unknown');
    expect(unknown).toMatchObject({ message: expect.stringMatching(/NODE_FAIL.*d3/) });
    expect(rig.reports.some(({ token, state }) => token === 't0' && (state === 'Gone' || state === 'Ended'))).toBe(
      false,
    );
    await rig.cluster.up();
    const seen = await over('t0');
    const reason = seen.state === 'Gone' ? seen.reason : seen.state === 'Ended' ? seen.exit.problem?.reason : '';
    expect(reason).toBe('NodeFailed');
    expect((await readFolder(launch.directory, 't0')).kind).not.toBe('Unclaimed');
  });
});
