import { dirname, join, relative } from 'node:path';
import { beforeAll } from 'vitest';
import type { Workflow } from '../../src/apis/workflow.ts';
import type { Sandbox, Started } from './cli.ts';
import { until } from './eventually.ts';
import { START_MS, WHY_NO_CLUSTER } from './kubernetes.ts';
import type { ClusterKind } from './kubernetes-places.ts';
import { BASH } from './pod-rig.ts';
import { type ApiServer, apiServer } from './real-api-server.ts';

// A cluster in which an operator runs workflows: as shipped, but that the operator is a process of the test.

const ROOT = join(import.meta.dirname, '../..');
const ACCOUNT = 'fixpoint-operator';
/** Another may lead three seconds after the last renewal. A server that is busy for two of them ends whoever leads. */
const BRIEF_LEASE = [
  '--leader-elect-lease-duration=3s',
  '--leader-elect-renew-deadline=2s',
  '--leader-elect-retry-period=500ms',
];
let namespaces = 0;

/** A cluster with the kinds of Fixpoint, for the tests of a file; to be called at its top. */
export function useKinds(kind: ClusterKind): ApiServer {
  const server = apiServer(kind);
  beforeAll(async () => {
    if (WHY_NO_CLUSTER !== '') return;
    await server.cluster.up();
    const applied = await server.kubectl(['apply', '--server-side', '-k', join(ROOT, 'crds')]);
    if (applied.code !== 0) throw new Error(applied.stderr);
    await server.kubectl(['wait', '--for=condition=Established', 'crd/workflows.fixpoint.dev', '--timeout=60s']);
  }, START_MS);
  return server;
}

/** That nothing but their number matters of: a pod of a fake node runs for a second. */
export function trivialTasks(count: number): readonly object[] {
  return [{ name: 't', foreach: { range: { count } }, resources: { cpu: '10m' }, command: ['true'] }];
}

export function leads(operator: Started): boolean {
  return operator.stderr.includes('"leads"');
}

/** How an operator is known to the API server. */
interface Identity {
  readonly kubeconfig: string;
  /** As the server's own notes name it. */
  readonly credential: string;
}

interface Choices {
  readonly maxPods?: number;
  readonly reach?: Reach;
  /** Default: as shipped. */
  readonly lease?: 'brief';
  /** What the volume of the pods is. Default: a folder of the node. */
  readonly volume?: 'claim';
}

const CLAIM = 'work';

/** Its own alone, or those of the whole cluster. */
type Reach = 'namespaced' | 'cluster';

/** A namespace, operators for it as processes of their own, and kubectl in it. */
export class Operated {
  readonly #server: ApiServer;
  readonly box: Sandbox;
  readonly namespace = `cluster-${process.pid}-${Date.now().toString(36)}-${++namespaces}`;
  readonly #reach: Reach;
  readonly #config: string;
  readonly #lease: readonly string[];
  #kubeconfig = '';
  #identities = 0;

  private constructor(
    server: ApiServer,
    box: Sandbox,
    { maxPods = 100, reach = 'namespaced', lease, volume }: Choices,
  ) {
    this.#server = server;
    this.#reach = reach;
    this.#lease = lease === 'brief' ? BRIEF_LEASE : [];
    this.box = box;
    const backend = {
      name: 'kubernetes',
      type: 'kubernetes',
      ...(reach === 'namespaced' ? { namespace: this.namespace } : {}),
      image: BASH,
      maxPods,
      volume: { mountPath: box.dir, ...(volume === 'claim' ? { claimName: CLAIM } : {}) },
    };
    this.#config = box.write('operator.yaml', JSON.stringify({ backends: [backend] }));
  }

  static async in(server: ApiServer, box: Sandbox, choices: Choices = {}): Promise<Operated> {
    const made = new Operated(server, box, choices);
    await made.kubectl('create', 'namespace', made.namespace);
    if (choices.volume === 'claim') await made.#makeClaim();
    await made.#install();
    return made;
  }

  /** Where the operator itself would live. */
  get #home(): string {
    return this.#reach === 'cluster' ? 'fixpoint-system' : this.namespace;
  }

  async #makeClaim(): Promise<void> {
    const common = { storageClassName: '', accessModes: ['ReadWriteMany'] };
    const size = { storage: '1Gi' };
    const list = [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: this.namespace },
        spec: { ...common, capacity: size, hostPath: { path: this.box.dir } },
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: CLAIM },
        spec: { ...common, volumeName: this.namespace, resources: { requests: size } },
      },
    ];
    const file = this.box.write('claim.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }));
    await this.kubectl('apply', '-f', file);
  }

  /** As shipped; the operator is a process of ours with its account, since there is no image to run. */
  async #install(): Promise<void> {
    const { box } = this;
    const file = box.write(
      'install/kustomization.yaml',
      JSON.stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        ...(this.#reach === 'cluster' ? {} : { namespace: this.namespace }),
        resources: [relative(box.path('install'), join(ROOT, 'manifests', this.#reach))],
        replicas: [{ name: ACCOUNT, count: 0 }],
      }),
    );
    // Of the whole cluster some of it lies elsewhere.
    const applied = await this.#server.kubectl(['apply', '-k', dirname(file)]);
    if (applied.code !== 0) throw new Error(applied.stderr);
    this.#kubeconfig = (await this.identity()).kubeconfig;
  }

  /** The rights of the operator, by a token of its own. */
  async identity(): Promise<Identity> {
    const token = (await this.kubectl('create', 'token', ACCOUNT, '-n', this.#home)).trim();
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
    const config = JSON.parse(await this.kubectl('config', 'view', '--raw', '-o', 'json')) as KubeConfig;
    const users = config.users.map(({ name }) => ({ name, user: { token } }));
    const contexts = config.contexts.map((c) => ({ ...c, context: { ...c.context, namespace: this.#home } }));
    const file = `operator-kubeconfig-${++this.#identities}`;
    return {
      credential: `JTI=${jti}`,
      kubeconfig: this.box.write(file, JSON.stringify({ ...config, users, contexts })),
    };
  }

  async uninstall(): Promise<void> {
    const where = this.box.path('install');
    const deleted = await this.#server.kubectl(['delete', '-k', where, '--ignore-not-found', '--timeout=60s']);
    if (deleted.code !== 0) throw new Error(deleted.stderr);
  }

  operator(kubeconfig = this.#kubeconfig): Started {
    const namespace = this.#reach === 'cluster' ? [] : ['-n', this.namespace];
    const where = ['--kubeconfig', kubeconfig, ...namespace, '--metrics', '127.0.0.1:0', ...this.#lease];
    return this.box.start('daemon', '--home', 'cluster', '--config', this.#config, ...where);
  }

  /** As whoever minds it would: one that ends because it leads no more is started again. */
  minded(): Minded {
    return new Minded(() => this.operator());
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const ran = await this.#server.kubectl(['-n', this.namespace, ...args]);
    if (ran.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** `as`: whose rights count. */
  async apply(tasks: readonly object[], name = 'w', as?: string): Promise<void> {
    const LOG = this.box.path('log');
    const spec = { tasks: tasks.map((task) => ({ env: [{ name: 'LOG', value: LOG }], ...task })) };
    const document = { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name }, spec };
    const who = as === undefined ? [] : [`--as=${as}`];
    await this.kubectl('apply', ...who, '-f', this.box.write(`${name}.json`, JSON.stringify(document)));
  }

  async workflow(name = 'w'): Promise<Workflow> {
    return JSON.parse(await this.kubectl('get', 'fwf', name, '-o', 'json')) as Workflow;
  }

  async complete(generation: number, name = 'w'): Promise<void> {
    await until(`generation ${generation} of ${name} is complete`, async () => {
      const { status } = await this.workflow(name);
      return status?.observedGeneration === generation && status.phase === 'Succeeded';
    });
  }

  /** What there is to see of a workflow that does not get on: its status, its pods and the operator's last words. */
  async account(operator: Started, name = 'w'): Promise<string> {
    const pods = await this.kubectl('get', 'pods', '-o', 'wide').catch(String);
    const { status } = await this.workflow(name).catch((error: unknown) => ({ status: String(error) }));
    return [JSON.stringify(status), pods.slice(0, 4_000), operator.stderr.slice(-4_000)].join('\n');
  }

  async names(kind: string): Promise<string[]> {
    const listed = await this.kubectl('get', kind, '-o', 'name');
    return listed.split('\n').filter((line) => line !== '' && !line.includes('kube-root-ca'));
  }
}

/** The exit code of who leads no more. */
const LEADS_NO_MORE = 6;

/** An operator, and whoever follows it. */
export class Minded {
  readonly #start: () => Started;
  #running: Started;
  #minding = true;
  readonly #over: Promise<void>;
  /** Of those that ended by themselves, but for the one good reason. */
  readonly otherEnds: (number | undefined)[] = [];
  #killed = new Set<Started>();

  constructor(start: () => Started) {
    this.#start = start;
    this.#running = start();
    this.#over = this.#mind();
  }

  get leads(): boolean {
    return leads(this.#running);
  }

  async #mind(): Promise<void> {
    for (;;) {
      const { code } = await this.#running.ended;
      if (!this.#minding) return;
      if (code !== LEADS_NO_MORE && !this.#killed.has(this.#running)) this.otherEnds.push(code);
      this.#running = this.#start();
    }
  }

  /** And another is started. */
  async kill(): Promise<void> {
    const killed = this.#running;
    this.#killed.add(killed);
    await killed.kill('SIGKILL');
    while (this.#running === killed) await new Promise((done) => setTimeout(done, 10));
  }

  async end(): Promise<void> {
    this.#minding = false;
    await this.#running.kill('SIGKILL');
    await this.#over;
  }
}

/** Requests that an operator has sent so far. */
export async function requestsOf(operator: Started): Promise<number> {
  const [, address] = /"address":"([^"]+)"/.exec(operator.stderr) ?? [];
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const counts = [...text.matchAll(/^fixpoint_api_requests_total\{[^}]*\} (\d+)$/gm)];
  if (counts.length === 0) throw new Error('the operator counts no requests');
  return counts.reduce((sum, [, n]) => sum + Number(n), 0);
}

interface KubeConfig {
  readonly users: readonly { readonly name: string }[];
  readonly contexts: readonly { readonly name: string; readonly context: object }[];
}
