import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result } from '../base/result.ts';
import type { Backend } from './backend.ts';
import type { BackendConfig, SlurmConfig, Surroundings } from './backend-config.ts';
import { LazyBackend } from './lazy-backend.ts';

const SLURM: SlurmConfig = { type: 'slurm', name: 'slurm' };

/** Attempts in Slurm's queue at once: half of the jobs that a controller holds by default, for all of its users. */
const MAX_QUEUED = 5_000;
const ANY = Number.MAX_SAFE_INTEGER;
/** Cores, memory and GPUs are the cluster's business. */
const QUEUE = { cpu: ANY, memoryBytes: ANY, gpu: ANY, attempts: MAX_QUEUED };

/** Beside what is configured: one called `slurm` exists wherever there is an `sbatch`. */
export function withSlurm(configs: readonly BackendConfig[], env: NodeJS.ProcessEnv): readonly BackendConfig[] {
  if (configs.some(({ name }) => name === SLURM.name)) return configs;
  const folders = (env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return folders.some((folder) => existsSync(join(folder, 'sbatch'))) ? [...configs, SLURM] : configs;
}

/** Loaded on demand: who has no such backend loads nothing of it. The error is a sentence for whoever configured it. */
export async function openBackend(config: BackendConfig, around: Surroundings): Promise<Result<Backend, string>> {
  if (config.type === 'kubernetes') {
    const { openKubernetes } = await import('./kubernetes/open-kubernetes.ts');
    return await openKubernetes(config, around);
  }
  const { name } = config;
  const { stateDir, runsDir = join(stateDir, 'runs'), files, clock, logger, env } = around;
  const open = async (): Promise<Backend> => {
    const { SlurmBackend } = await import('./slurm/slurm-backend.ts');
    return new SlurmBackend({ name, runsDir, files, clock, logger, env, maxQueued: MAX_QUEUED });
  };
  // As `slurm-folder.ts` has it, which is not loaded for this.
  const hasWork = (): Promise<boolean> =>
    readdir(join(runsDir, '.slurm/submissions')).then(
      (names) => names.length > 0,
      () => false,
    );
  return ok(new LazyBackend({ name, runsDir, files, capacity: QUEUE, open, hasWork }));
}
