import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../../base/json.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import { Api } from '../../kubernetes/api.ts';
import type { Requests } from '../../kubernetes/call.ts';
import { openCluster } from '../../kubernetes/cluster.ts';
import { Transport } from '../../kubernetes/transport.ts';
import type { KubernetesConfig, Surroundings } from '../backend-config.ts';
import { KubernetesBackend } from './kubernetes-backend.ts';

/** Pods at a time, where nothing is said: what one node of a default cluster holds, a few times over. */
const DEFAULT_MAX_PODS = 500;

/** Of who launches nothing. */
const NO_REQUESTS: Requests = {
  json: async () => fail({ kind: 'Unavailable', message: 'nothing is asked of the cluster here' }),
  stream: async () => fail({ kind: 'Unavailable', message: 'nothing is asked of the cluster here' }),
};

/** The error is a sentence for whoever wrote the configuration. */
export async function openKubernetes(
  config: KubernetesConfig,
  { stateDir, runsDir, files, clock, logger, env, userAgent, active, cluster: within }: Surroundings,
): Promise<Result<KubernetesBackend, string>> {
  const { name, volume } = config;
  const home = createHash('sha256')
    .update(within?.home ?? `${hostname()}\0${stateDir}`)
    .digest('hex')
    .slice(0, 16);
  const below = runsDir !== undefined && `${runsDir}/`.startsWith(`${volume.mountPath}/`);
  const { kubeconfig, context, namespace } = config;
  const cluster = active ? await openCluster({ kubeconfig, context, namespace, env, clock }) : undefined;
  if (cluster?.ok === false) return fail(`backend ${name}: ${cluster.error}`);
  const transport =
    cluster && new Transport({ cluster: cluster.value, userAgent, clock, ...(within ? { gate: within.gate } : {}) });
  return ok(
    new KubernetesBackend({
      name,
      api: new Api(transport ?? NO_REQUESTS),
      place: {
        namespace: within ? within.namespace : (cluster?.value.namespace ?? namespace ?? 'default'),
        ownerOf: within?.ownerOf ?? (() => undefined),
        home,
        image: config.image,
        serviceAccount: config.serviceAccount,
        volume: { mountPath: volume.mountPath, source: sourceOf(volume) },
        user: userOf(),
      },
      runsDir: below ? runsDir : join(volume.mountPath, '.fixpoint', `runs-${home}`),
      files,
      mayAct: () => within?.gate.mayWrite() === undefined,
      // Who only looks, from elsewhere, need not know what is allowed.
      serviceAccounts: config.serviceAccounts ?? (active ? [] : undefined),
      maxPods: config.maxPods ?? DEFAULT_MAX_PODS,
      clock,
      logger,
      close: async () => transport?.close(),
    }),
  );
}

function sourceOf({ hostPath, claimName, mountPath }: KubernetesConfig['volume']): { readonly [kind: string]: Json } {
  if (claimName !== undefined) return { persistentVolumeClaim: { claimName } };
  return { hostPath: { path: hostPath ?? mountPath } };
}

/** Files on the volume are ours: pods are the same user. */
function userOf(): { readonly runAsUser: number; readonly runAsGroup: number } | undefined {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return uid === undefined || gid === undefined ? undefined : { runAsUser: uid, runAsGroup: gid };
}
