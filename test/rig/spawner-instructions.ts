import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from '../../src/backends/backend.ts';
import { nativeOrder } from '../../src/backends/process/native-order.ts';
import { NATIVE_SPAWNER } from './traced-run.ts';

// Instructions that the native spawner executes, counted by callgrind: its own, and those of the supervisors that it forks.
// What the kernel does for them is not in it.

const VALGRIND = 'valgrind';

/** Empty, or what is missing. */
export const whyNotCounted: string = !canCount()
  ? 'needs valgrind'
  : existsSync(NATIVE_SPAWNER)
    ? ''
    : 'needs a C compiler';

function canCount(): boolean {
  try {
    execFileSync(VALGRIND, ['--tool=callgrind', '--callgrind-out-file=/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface Instructions {
  readonly spawner: number;
  /** Of the last one that was forked. */
  readonly supervisor: number;
  readonly supervisors: number;
}

/** Gives so many orders, all of the same length, to a spawner of its own, and waits for its end. */
export async function spawnerInstructions(dir: string, orders: number): Promise<Instructions> {
  const counts = join(dir, `counts-${orders}`);
  mkdirSync(counts, { recursive: true });
  const counted = ['--tool=callgrind', '--trace-children=no', `--callgrind-out-file=${counts}/%p`, NATIVE_SPAWNER];
  const words = ['no-shell-runtime', 'host', 'boot', 'pidns', ' '.repeat(4_400)];
  const child = spawn(VALGRIND, [...counted, ...words], {
    cwd: dir,
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore', 'ignore'],
  });
  child.stdin?.end(Array.from({ length: orders }, (_, i) => frame(launch(dir, orders, i))).join(''));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the spawner ended with ${code}`);
  const own = instructionsIn(join(counts, String(child.pid)));
  // A fork goes on from the count of its parent: the last of them from nearly all of it.
  const forked = readdirSync(counts)
    .filter((name) => name !== String(child.pid))
    .map((name) => instructionsIn(join(counts, name)));
  return { spawner: own, supervisor: Math.max(0, ...forked) - own, supervisors: forked.length };
}

function instructionsIn(file: string): number {
  return Number(/^totals: (\d+)/m.exec(readFileSync(file, 'utf8'))?.[1]);
}

function frame(one: Launch): string {
  const order = nativeOrder(one, { oomKills: 0, gpuIds: undefined });
  return `A ${one.token} ${Buffer.byteLength(order)}\n${order}`;
}

function launch(dir: string, orders: number, at: number): Launch {
  const number = String(at).padStart(4, '0');
  return {
    token: `token-${number}`,
    directory: join(dir, `runs-${orders}`, number),
    workflow: 'w',
    namespace: 'default',
    key: `t/${number}`,
    number: 1,
    command: { kind: 'Argv', argv: ['true'], setup: undefined, shell: [] },
    env: [['PATH', '/usr/bin:/bin']],
    files: [],
    workdir: dir,
    staged: undefined,
    stdin: undefined,
    stdout: undefined,
    stderr: undefined,
    inputs: [],
    outputs: [],
    needs: { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 },
    graceMs: 1_000,
    metadata: { key: `t/${number}` },
  };
}
