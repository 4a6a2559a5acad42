import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result } from '../base/result.ts';
import type { Backend } from './backend.ts';
import type { BackendConfig, SlurmConfig, Surroundings } from './backend-config.ts';

const SLURM: SlurmConfig = { type: 'slurm', name: 'slurm' };

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
  const { SlurmBackend } = await import('./slurm/slurm-backend.ts');
  const { stateDir, runsDir = join(stateDir, 'runs'), files, clock, logger, env } = around;
  return ok(new SlurmBackend({ name: config.name, runsDir, files, clock, logger, env }));
}
