import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Side by side with peers in one run, as ratios: the machine's speed cancels out. Each pair is measured in turn,
 * several times; the median of the ratios is printed. Run it on a quiet machine: `npm run bench`.
 */
const PAIRS = 3;
const TASKS = 300;
const CLI = join(import.meta.dirname, '../dist/cli/main.js');

function seconds(run: () => void): number {
  const begin = performance.now();
  run();
  return (performance.now() - begin) / 1000;
}

function fanOut(dir: string): void {
  execFileSync('node', [CLI, 'run', 'fan.yaml', '--state', join(dir, 'state'), '--cpus', '2'], {
    cwd: dir,
    stdio: 'ignore',
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function main(): void {
  const ratios: number[] = [];
  const again: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const dir = mkdtempSync(join(tmpdir(), 'fixpoint-bench-'));
    const spec = { tasks: [{ name: 'a', foreach: { range: { count: TASKS } }, command: ['true'] }] };
    const document = { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name: 'fan' }, spec };
    writeFileSync(join(dir, 'fan.yaml'), JSON.stringify(document));
    const ours = seconds(() => fanOut(dir));
    const peer = seconds(() => spawnSync('sh', ['-c', `seq ${TASKS} | xargs -P 2 -n 1 sh -c :`]));
    const noop = seconds(() => fanOut(dir));
    ratios.push(ours / peer);
    again.push(noop / ours);
    rmSync(dir, { recursive: true });
  }
  process.stdout.write(`fan of ${TASKS} no-ops, 2 slots: ${median(ratios).toFixed(1)} x the time of xargs -P 2\n`);
  process.stdout.write(`the same again, nothing to do: ${median(again).toFixed(3)} x the time of the first run\n`);
}

main();
