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
  const server = apiServer(kind);
  await server.cluster.up();
  return server;
}

/** That of a cluster which is still to be started. */
export function apiServer(kind: ClusterKind): ApiServer {
  const cluster = new TestCluster(kind);
  return {
    cluster,
    kubeconfig: cluster.kubeconfig,
    get env() {
      return cluster.env;
    },
    kubectl: async (args, options = {}) => {
      const words = ['--kubeconfig', options.kubeconfig ?? cluster.kubeconfig, ...args];
      return { ...(await runWith('kubectl', words, cluster.env, options.input)), signal: undefined };
    },
  };
}
