import { readdirSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostFiles } from '../../src/backends/process/file-space.ts';
import { readClaim } from '../../src/backends/process/run-folder.ts';
import { SlurmBackend } from '../../src/backends/slurm/slurm-backend.ts';
import type { SlurmBackendOptions } from '../../src/backends/slurm/slurm-backend-options.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { until } from '../rig/eventually.ts';
import { isAlive } from '../rig/processes.ts';
import { type ClusterKind, type SlurmCluster, slurmCluster } from '../rig/slurm.ts';
import { directoryOf, launchOf, Reports, type Rig, scriptOf } from './backend-rig.ts';

export interface SlurmRig extends Rig {
  readonly backend: SlurmBackend;
  readonly cluster: SlurmCluster;
  /** Another daemon over the same folders, with other options from now on. */
  reopen(options?: Partial<SlurmBackendOptions>): Promise<void>;
}

/** The file system of this machine is not slow. */
const END_GRACE_MS = 2_000;
/** What a shell and its tools need, and the least that the cluster of the tests enforces. */
const MEMORY_BYTES = 64 * 1024 * 1024;

export async function slurmRig(
  given: Partial<SlurmBackendOptions> = {},
  kind: ClusterKind = 'shared',
): Promise<SlurmRig> {
  const cluster = await slurmCluster(kind);
  const folder = cluster.newFolder();
  const runsDir = join(folder, 'runs');
  const open = (options: Partial<SlurmBackendOptions>): SlurmBackend =>
    new SlurmBackend({
      name: 'slurm',
      runsDir,
      clock: systemClock,
      env: cluster.env,
      files: new HostFiles(systemClock, { reserved: [runsDir] }),
      logger: silentLogger,
      endGraceMs: END_GRACE_MS,
      ...options,
    });
  const reports = new Reports();
  const needs = { cpu: 1, memoryBytes: MEMORY_BYTES, gpu: 0, walltimeMs: 0 };
  /** Ids of live jobs of these runs alone: others use the cluster, too. */
  const jobs = async (...words: string[]): Promise<string[]> => {
    const names = new Set(readdirSync(join(runsDir, '.slurm/submissions')));
    const rows = (await cluster.tool('squeue', '--noheader', '--me', '--format=%j %A', ...words)).split('\n');
    return rows.flatMap((row) => (names.has(row.split(' ')[0] ?? '') ? [row.split(' ')[1] ?? ''] : []));
  };
  let backend = open(given);
  await backend.start((o) => reports.add(o));
  return {
    folder,
    cluster,
    get backend() {
      return backend;
    },
    reports: reports.all,
    launch: (token, program, part = {}) =>
      launchOf(folder, directoryOf(backend, token), token, scriptOf(program, part.outputs ?? []), { needs, ...part }),
    seen: (token, ...states) => reports.seen(token, states),
    reopen: async (options = {}) => {
      await backend.close();
      backend = open({ ...given, ...options });
      await backend.start((o) => reports.add(o));
    },
    write: async (path, content) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    },
    read: (path) => readFile(path, 'utf8').catch(() => undefined),
    killRuntime: async ({ directory }) => {
      const claim = await readClaim(directory as string);
      if (claim.kind !== 'There') throw new Error(`nobody has claimed ${directory}`);
      process.kill(claim.value.pid, 'SIGKILL');
      await until('it is dead', () => !isAlive(claim.value.pid));
      // As a signal takes a moment, so does Slurm to see its end.
      await until('Slurm has seen it', async () => (await jobs('--states=RUNNING,COMPLETING')).length === 0);
    },
    close: async () => {
      await backend.close();
      const left = await jobs();
      if (left.length > 0) await cluster.tool('scancel', ...left);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
