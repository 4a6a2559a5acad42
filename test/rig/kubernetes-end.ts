import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { clusterFolders, runName } from './kubernetes-places.ts';

/** When a run of vitest is over: the clusters that its tests have started are stopped, and their files removed. */
export function teardown(): void {
  if (process.env['FIXPOINT_KUBERNETES_KEEP'] === '1') return;
  for (const { state, run, end } of clusterFolders()) {
    if (!existsSync(run) || readFileSync(run, 'utf8') !== runName(process.pid)) continue;
    execFileSync(end, ['--purge', state], { stdio: ['ignore', 'ignore', 'pipe'] });
    rmSync(run);
    rmSync(`${state}.lock`, { force: true });
  }
}
