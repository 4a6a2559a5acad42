import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Ran } from './cli.ts';

// A real etcd and kube-apiserver beside the project, where the machine has the scripts for them. Small, so that another
// way to bring one up can take its place.

const SCRIPTS = resolve(import.meta.dirname, '../../../shared/dev');
/** Where a cluster of each level lives. Another machine's habits may say otherwise. */
const LEVELS = {
  api: {
    state: process.env['FIXPOINT_TEST_API_SERVER'] ?? join(tmpdir(), 'fixpoint-api-server'),
    port: process.env['FIXPOINT_TEST_API_SERVER_PORT'] ?? '6643',
  },
  node: {
    state: process.env['FIXPOINT_TEST_NODE'] ?? join(tmpdir(), 'fixpoint-node'),
    port: process.env['FIXPOINT_TEST_NODE_PORT'] ?? '6663',
  },
} as const;

export type Level = keyof typeof LEVELS;

export const hasApiServer = existsSync(join(SCRIPTS, 'kubernetes-up'));

export interface ApiServer {
  readonly kubeconfig: string;
  /** As the administrator, or with another kubeconfig. Never throws for an exit code. */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly kubeconfig?: string }): Promise<Ran>;
  /** Environment in which `kubectl` is found and talks to this server. */
  readonly env: NodeJS.ProcessEnv;
  stop(): void;
}

/** `api`: nothing runs pods. `node`: one real kubelet does. A cluster that runs there already is used, and left running. */
export function startApiServer(level: Level = 'api'): ApiServer {
  const { state, port } = LEVELS[level];
  const found = existsSync(join(state, 'run/pids'));
  const up = spawnSync(join(SCRIPTS, 'kubernetes-up'), ['--level', level, '--port', port, state], { encoding: 'utf8' });
  if (up.status !== 0) throw new Error(`kubernetes-up ended with ${up.status}\n${up.stderr}`);
  const kubeconfig = join(state, 'kubeconfig');
  const env = { ...process.env, ...variables(readFileSync(join(state, 'env.sh'), 'utf8')) };
  return {
    kubeconfig,
    env,
    kubectl: (args, options = {}) =>
      run('kubectl', ['--kubeconfig', options.kubeconfig ?? kubeconfig, ...args], env, options.input),
    stop: () => {
      if (!found) spawnSync(join(SCRIPTS, 'kubernetes-down'), ['--purge', state], { stdio: 'ignore' });
    },
  };
}

/** `export NAME=VALUE` lines; a value may go on with what `$PATH` was. */
function variables(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^export (\w+)=(.*)$/gm)];
  return Object.fromEntries(
    lines.map(([, name = '', value = '']) => [name, value.replace('$PATH', process.env['PATH'] ?? '')]),
  );
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Ran> {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before it has read everything is seen by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr }));
  });
}
