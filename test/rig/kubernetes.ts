import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { uniqueId } from '../../src/base/unique-id.ts';
import { Api } from '../../src/kubernetes/api.ts';
import { openCluster } from '../../src/kubernetes/cluster.ts';
import { Transport, type TransportOptions } from '../../src/kubernetes/transport.ts';
import { notesWrites } from './audit-log.ts';
import { CLUSTERS, type ClusterKind, DEV, FIRST_PORT, FOLDER, POD_NET, runName } from './kubernetes-places.ts';

// Real API servers for tests, by `../shared/dev/kubernetes-up`. One cluster of each kind is started, with empty data, by the
// first test file of a vitest run that asks for it, used by all others, and taken away at the end of the run
// (`kubernetes-end.ts`). Tests share it: each has a namespace of its own. A file that breaks its cluster takes a kind
// that nobody else uses.
//
// FIXPOINT_KUBERNETES=DIR         where their files are, instead of a folder for temporary files
// FIXPOINT_KUBERNETES_PORT=N      first of 50 TCP ports, instead of some that depend on where this working copy is
// FIXPOINT_KUBERNETES_KEEP=1      they stay when the run is over
//
// The first start on a machine compiles Kubernetes: `../shared/dev/kubernetes-assets --level node` does that before.

/** For the name of a suite: empty, or why it is skipped. */
export const WHY_NO_CLUSTER = existsSync(join(DEV, 'kubernetes-up'))
  ? ''
  : ' [SKIPPED: there is no ../shared/dev/kubernetes-up]';

/** Compiling on a loaded machine takes a quarter of an hour. */
export const START_MS = 30 * 60_000;

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that is waited for; its input is empty, or this. */
export async function runWith(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<Said> {
  return await new Promise((done) => {
    const child = execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      done({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

export interface Client {
  readonly api: Api;
  readonly transport: Transport;
}

interface ClientChoice {
  readonly kubeconfig?: string;
  readonly whenDone?: (close: () => Promise<void>) => void;
}

export class TestCluster {
  readonly state: string;
  readonly #kind: ClusterKind;
  #env: NodeJS.ProcessEnv = {};

  constructor(kind: ClusterKind) {
    this.#kind = kind;
    this.state = join(FOLDER, kind);
  }

  /** Starts it, with empty data if this run has not used it yet, or starts what a test has killed. */
  async up(): Promise<void> {
    mkdirSync(FOLDER, { recursive: true });
    const noting = this.#kind === 'control' ? notesWrites(this.auditLog) : '';
    const { level } = CLUSTERS[this.#kind];
    // Test files run side by side: one of them starts it, the others wait.
    const script = `
      fresh=; if [ "$(cat "$1.run" 2>/dev/null)" != "$2" ]; then fresh=--fresh; fi
      "$3" --level ${level} --port ${this.port} $fresh "$1" && printf %s "$2" > "$1.run"`;
    const args = [`${this.state}.lock`, 'bash', '-c', script, 'up', this.state, runName(process.ppid)];
    // --close: daemons that are started must not hold the lock.
    const said = await runWith('flock', ['--close', ...args, join(DEV, 'kubernetes-up')], {
      KUBERNETES_DEV_POD_NET: POD_NET,
      KUBERNETES_DEV_APISERVER_EXTRA: noting,
      ...process.env,
    });
    if (said.code !== 0) throw new Error(`kubernetes-up: ${said.stderr}`);
    const exported = [...said.stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
    this.#env = { ...process.env, ...Object.fromEntries(exported) };
    const path = String(this.#env['PATH']).replace('$PATH', process.env['PATH'] ?? '');
    this.#env = { ...this.#env, PATH: path };
  }

  /** In which programs find `kubectl`, and `kubectl` this cluster. */
  get env(): NodeJS.ProcessEnv {
    return this.#env;
  }

  get port(): number {
    return FIRST_PORT + CLUSTERS[this.#kind].ports;
  }

  /** What it was asked to write, as it noted it itself; of the kind `control` only. */
  get auditLog(): string {
    return `${this.state}.audit.log`;
  }

  /** As administrator. */
  get kubeconfig(): string {
    return join(this.state, 'kubeconfig');
  }

  /** Of `dev-user`, who may do nothing until a test grants something. */
  get userKubeconfig(): string {
    return join(this.state, 'user.kubeconfig');
  }

  /** The pid of a daemon, which may be killed; `up` starts it again. */
  pid(daemon: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok' | 'kubelet'): number {
    const line = readFileSync(join(this.state, 'run/pids'), 'utf8')
      .split('\n')
      .findLast((entry) => entry.startsWith(`${daemon} `));
    if (line === undefined) throw new Error(`${daemon} is not a part of this cluster`);
    return Number(line.split(' ')[1]);
  }

  /** Forgets the past of etcd, as it does by itself every five minutes: what was of an earlier moment has expired. */
  async compact(): Promise<void> {
    const etcd = async (path: string, body: object): Promise<{ readonly header: { readonly revision: string } }> => {
      const answer = await fetch(`http://127.0.0.1:${this.port + 1}/v3/kv/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as { readonly header: { readonly revision: string } };
    };
    const { header } = await etcd('range', { key: 'AA==' });
    await etcd('compaction', { revision: header.revision, physical: true });
  }

  async kubectl(...args: readonly string[]): Promise<Said> {
    return await runWith('kubectl', args, this.#env);
  }

  /** `kubectl apply`, of YAML or JSON; throws when it is not taken. */
  async apply(document: string | object): Promise<void> {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const said = await runWith('kubectl', ['apply', '-f', '-'], this.#env, text);
    if (said.code !== 0) throw new Error(said.stderr);
  }

  /** A new namespace. It stays: only a cluster with controllers removes namespaces. */
  async namespace(): Promise<string> {
    const name = `t-${uniqueId().slice(0, 8)}`;
    const said = await this.kubectl('create', 'namespace', name);
    if (said.code !== 0) throw new Error(said.stderr);
    return name;
  }

  /** Our own client, for the length of the test; in a hook, until whenever `whenDone` calls what it is given. */
  async client(options: Partial<TransportOptions> & ClientChoice = {}): Promise<Client> {
    const { kubeconfig = this.kubeconfig, whenDone = onTestFinished, ...rest } = options;
    const cluster = await openCluster({ kubeconfig, env: {}, clock: systemClock });
    if (!cluster.ok) throw new Error(cluster.error);
    const transport = new Transport({
      cluster: cluster.value,
      userAgent: 'fixpoint/test',
      clock: systemClock,
      ...rest,
    });
    whenDone(() => transport.close());
    return { api: new Api(transport), transport };
  }
}

/** The cluster of this kind, for the tests of a file; to be called where its suite is described. */
export function useCluster(kind: ClusterKind): TestCluster {
  const cluster = new TestCluster(kind);
  beforeAll(() => cluster.up(), START_MS);
  return cluster;
}
