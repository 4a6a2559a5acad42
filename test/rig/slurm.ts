import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';

const run = promisify(execFile);

/** Beside the project, on machines that have it. */
const SLURM_UP = resolve(import.meta.dirname, '../../../shared/dev/slurm-up');
const isHere = existsSync(SLURM_UP) && process.getuid?.() === 0;

/** A real Slurm of this machine: controller, database, four nodes. */
export interface SlurmCluster {
  readonly env: NodeJS.ProcessEnv;
  /** A new folder that its nodes see. */
  newFolder(): string;
  /** What one of its tools says; rejects when it fails. */
  tool(name: string, ...words: string[]): Promise<string>;
  /** Of `slurmctld`, `slurmdbd`, `slurmd.n1` … */
  pidOf(daemon: string): number;
  /** Brings back what was killed. */
  up(): Promise<void>;
}

let cluster: Promise<SlurmCluster> | undefined;

/** Up already, or brought up now; taken down by `slurm-teardown.ts`. */
export function slurmCluster(): Promise<SlurmCluster> {
  cluster ??= bringUp();
  return cluster;
}

async function bringUp(): Promise<SlurmCluster> {
  const state = process.env['FIXPOINT_TEST_SLURM'] as string;
  const up = async (): Promise<string> => {
    // Two runs at once have a cluster each. Ports count only when it is made.
    const port = String(27_000 + (Number(/\d+$/.exec(state)?.[0] ?? 0) % 50) * 100);
    const env = { ...process.env, SLURM_DEV_PORT: port, SLURM_DEV_REST: '0' };
    return (await run(SLURM_UP, [state], { env })).stdout;
  };
  const said = await up();
  const exported = [...said.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], ...Object.fromEntries(exported) };
  return {
    env,
    newFolder: () => mkdtempSync(join(state, 'work-')),
    tool: async (name, ...words) => (await run(name, words, { env, maxBuffer: 64 * 1024 * 1024 })).stdout,
    pidOf: (daemon) => {
      const lines = readFileSync(join(state, 'run/pids'), 'utf8').split('\n');
      return Number(lines.findLast((line) => line.startsWith(`${daemon} `))?.split(' ')[1]);
    },
    up: async () => void (await up()),
  };
}

/** Tests on the real Slurm; where there is none they are skipped, and counted as skipped. */
export function withSlurm(name: string, tests: () => void): void {
  describe.skipIf(!isHere)(isHere ? name : `${name} (skipped: no ${SLURM_UP}, or not root)`, tests);
}
