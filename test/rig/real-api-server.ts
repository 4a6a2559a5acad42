import type { Ran } from './cli.ts';
import { runWith, TestCluster } from './kubernetes.ts';
import type { ClusterKind } from './kubernetes-places.ts';

// A test cluster as programs see it: a kubeconfig, and kubectl.

export interface ApiServer {
  readonly kubeconfig: string;
  /** As the administrator, or with another kubeconfig. Never throws for an exit code. */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly kubeconfig?: string }): Promise<Ran>;
  /** Environment in which `kubectl` is found and talks to this server. */
  readonly env: NodeJS.ProcessEnv;
  readonly cluster: TestCluster;
}

export async function startApiServer(kind: ClusterKind): Promise<ApiServer> {
  const cluster = new TestCluster(kind);
  await cluster.up();
  const { env, kubeconfig } = cluster;
  return {
    kubeconfig,
    env,
    cluster,
    kubectl: async (args, options = {}) => {
      const words = ['--kubeconfig', options.kubeconfig ?? kubeconfig, ...args];
      return { ...(await runWith('kubectl', words, env, options.input)), signal: undefined };
    },
  };
}
