import { dirname, join, relative } from 'node:path';
import type { Workflow } from '../../src/apis/workflow.ts';
import type { Sandbox, Started } from './cli.ts';
import { until } from './eventually.ts';
import type { ClusterKind } from './kubernetes-places.ts';
import { BASH } from './pod-rig.ts';
import { type ApiServer, startApiServer } from './real-api-server.ts';

// A cluster in which an operator runs workflows: as shipped, but that the operator is a process of the test.

const ROOT = join(import.meta.dirname, '../..');
const ACCOUNT = 'fixpoint-operator';
/** Another may lead three seconds after the last renewal. */
const LEASE = [
  '--leader-elect-lease-duration=3s',
  '--leader-elect-renew-deadline=2s',
  '--leader-elect-retry-period=500ms',
];
let namespaces = 0;

/** With the kinds of Fixpoint. */
export async function startWithKinds(kind: ClusterKind): Promise<ApiServer> {
  const server = await startApiServer(kind);
  const applied = await server.kubectl(['apply', '--server-side', '-k', join(ROOT, 'crds')]);
  if (applied.code !== 0) throw new Error(applied.stderr);
  await server.kubectl(['wait', '--for=condition=Established', 'crd/workflows.fixpoint.dev', '--timeout=60s']);
  return server;
}

/** A namespace, operators for it as processes of their own, and kubectl in it. */
export class Operated {
  readonly #server: ApiServer;
  readonly box: Sandbox;
  readonly namespace = `cluster-${process.pid}-${Date.now().toString(36)}-${++namespaces}`;
  readonly #config: string;
  #kubeconfig = '';

  private constructor(server: ApiServer, box: Sandbox, maxPods: number) {
    this.#server = server;
    this.box = box;
    const backend = {
      name: 'kubernetes',
      type: 'kubernetes',
      namespace: this.namespace,
      image: BASH,
      maxPods,
      volume: { mountPath: box.dir },
    };
    this.#config = box.write('operator.yaml', JSON.stringify({ backends: [backend] }));
  }

  static async in(server: ApiServer, box: Sandbox, maxPods = 100): Promise<Operated> {
    const made = new Operated(server, box, maxPods);
    await made.kubectl('create', 'namespace', made.namespace);
    await made.#install();
    return made;
  }

  /** As shipped, for one namespace; the operator is a process of ours with its account, since there is no image to run. */
  async #install(): Promise<void> {
    const { box, namespace } = this;
    const file = box.write(
      'install/kustomization.yaml',
      JSON.stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        namespace,
        resources: [relative(box.path('install'), join(ROOT, 'manifests/namespaced'))],
        replicas: [{ name: ACCOUNT, count: 0 }],
      }),
    );
    await this.kubectl('apply', '-k', dirname(file));
    const token = (await this.kubectl('create', 'token', ACCOUNT)).trim();
    const config = JSON.parse(await this.kubectl('config', 'view', '--raw', '-o', 'json')) as {
      users: { name: string }[];
    };
    const users = config.users.map(({ name }) => ({ name, user: { token } }));
    this.#kubeconfig = box.write('operator-kubeconfig', JSON.stringify({ ...config, users }));
  }

  operator(): Started {
    const where = ['--kubeconfig', this.#kubeconfig, '-n', this.namespace, '--metrics', '127.0.0.1:0', ...LEASE];
    return this.box.start('daemon', '--home', 'cluster', '--config', this.#config, ...where);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const ran = await this.#server.kubectl(['-n', this.namespace, ...args]);
    if (ran.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  }

  async apply(tasks: readonly object[], name = 'w'): Promise<void> {
    const LOG = this.box.path('log');
    const spec = { tasks: tasks.map((task) => ({ env: [{ name: 'LOG', value: LOG }], ...task })) };
    const document = { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name }, spec };
    await this.kubectl('apply', '-f', this.box.write(`${name}.json`, JSON.stringify(document)));
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

  async names(kind: string): Promise<string[]> {
    const listed = await this.kubectl('get', kind, '-o', 'name');
    return listed.split('\n').filter((line) => line !== '' && !line.includes('kube-root-ca'));
  }
}
