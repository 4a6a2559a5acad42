import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
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

/** `shared`: of all tests of a run. `disturbed`: its daemons may be killed; what they wait for is short. */
export type ClusterKind = 'shared' | 'disturbed';

const clusters = new Map<ClusterKind, Promise<SlurmCluster>>();
/** A node counts as lost sooner than in five minutes. */
const DISTURBED_CONF = 'SlurmdTimeout=8\nSlurmctldTimeout=8\nMessageTimeout=5\n';

/** Up already, or brought up now; taken down by `slurm-teardown.ts`. */
export function slurmCluster(kind: ClusterKind): Promise<SlurmCluster> {
  const cluster = clusters.get(kind) ?? bringUp(kind);
  clusters.set(kind, cluster);
  return cluster;
}

async function bringUp(kind: ClusterKind): Promise<SlurmCluster> {
  const base = process.env['FIXPOINT_TEST_SLURM'] as string;
  const state = kind === 'shared' ? base : `${base}-${kind}`;
  mkdirSync(state, { recursive: true });
  const conf = join(state, 'extra.conf');
  writeFileSync(conf, kind === 'shared' ? '' : DISTURBED_CONF);
  const up = async (): Promise<string> => {
    // Two runs at once have a cluster each. Ports count only when it is made.
    const port = 27_000 + (Number(/\d+$/.exec(base)?.[0] ?? 0) % 25) * 200 + (kind === 'shared' ? 0 : 100);
    const env = {
      ...process.env,
      SLURM_DEV_PORT: String(port),
      SLURM_DEV_PREFIX: kind === 'shared' ? 'n' : 'd',
      SLURM_DEV_REST: '0',
      SLURM_DEV_EXTRA: conf,
    };
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
