import { FOLDER_ANNOTATION } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { KubernetesConfig } from '../backends/backend-config.ts';
import { openKubernetes } from '../backends/kubernetes/open-kubernetes.ts';
import { HostFiles } from '../backends/process/file-space.ts';
import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { Logger } from '../base/logger.ts';
import { ok, type Result } from '../base/result.ts';
import { uniqueId } from '../base/unique-id.ts';
import { Api } from '../kubernetes/api.ts';
import { openCluster } from '../kubernetes/cluster.ts';
import { LeaderElection, type LeaseTimings } from '../kubernetes/leader-election.ts';
import { pause } from '../kubernetes/pause.ts';
import { Transport } from '../kubernetes/transport.ts';
import { WorkflowSource } from '../sources/cluster/workflow-source.ts';
import { ApiWorkflows, WORKFLOWS, workflowOf } from '../store/cluster/api-workflows.ts';
import { ClusterStore } from '../store/cluster/cluster-store.ts';
import { ConfigMapParts } from '../store/cluster/config-map-parts.ts';
import { LocalHome } from './local-home.ts';
import { invalidObject } from './source-reports.ts';

/**
 * The cluster home: Workflows are resources of an API server, their ledgers config maps beside them, attempts pods. This file
 * only puts the parts together, once this process leads.
 */
export interface ClusterHomeOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Workflows of this one are run; undefined: that of the context. */
  readonly namespace?: string | undefined;
  readonly backend: KubernetesConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease?: Partial<LeaseTimings>;
}

export interface ClusterHome {
  /** Why this process does not lead any more. Nothing of it goes out from then on. */
  readonly lost: Promise<string>;
  close(): Promise<void>;
}

/** The lease, by which processes that run the same workflows know of each other. */
const LEASE = 'fixpoint';

/** Waits until this process leads, or the signal aborts. The error is a sentence. */
export async function openClusterHome(
  options: ClusterHomeOptions,
  signal: AbortSignal,
): Promise<Result<ClusterHome | undefined, string>> {
  const { kubeconfig, context, backend, env, userAgent, clock, logger } = options;
  const cluster = await openCluster({ kubeconfig, context, namespace: options.namespace, env, clock });
  if (!cluster.ok) return cluster;
  const { namespace } = cluster.value;
  const owner = uniqueId();
  const leading = deferred<void>();
  const lost = deferred<string>();
  const transport = new Transport({
    cluster: cluster.value,
    userAgent,
    clock,
    // The election is made after what it needs.
    gate: { mayWrite: () => election.mayWrite(), writeTimeoutMs: () => election.writeTimeoutMs() },
  });
  const election = new LeaderElection({
    api: new Api(transport.forLease),
    clock,
    logger,
    lease: { namespace, name: LEASE },
    identity: owner,
    ...(options.lease ? { timings: options.lease } : {}),
    onLeading: () => leading.resolve(),
    onLost: () => lost.resolve(`this process leads no more; ${election.holder ?? 'nobody'} does`),
  });
  const started: (() => Promise<unknown>)[] = [() => transport.close(), () => election.stop()];
  const close = async (): Promise<void> => {
    for (let end = started.pop(); end; end = started.pop()) await end();
  };
  election.start();
  logger.info({ server: cluster.value.server, namespace }, 'waits to lead');
  await Promise.race([leading.promise, aborted(signal)]);
  if (signal.aborted) {
    await close();
    return ok(undefined);
  }
  const api = new Api(transport);
  const objects = new ApiWorkflows(api, namespace, clock, logger);
  const names = new Map<string, string>();
  const opened = await openStore();
  if (!opened.ok) {
    await close();
    return opened;
  }
  started.push(() => objects.close());
  const files = new HostFiles(clock);
  const pods = await openKubernetes(
    { ...backend, kubeconfig, context, namespace },
    {
      stateDir: '',
      runsDir: undefined,
      files,
      clock,
      logger,
      env,
      userAgent,
      active: true,
      home: `cluster ${namespace}`,
      gate: election,
    },
  );
  if (!pods.ok) {
    await close();
    return pods;
  }
  const home = await LocalHome.open({
    store: opened.value,
    backends: [pods.value],
    clock,
    logger,
    keepRuns: 'compact',
    keepsDeleted: false,
    activity: 'Active',
    onClose: () => undefined,
  });
  started.push(() => home.close());
  const source = new WorkflowSource({
    api,
    resource: WORKFLOWS,
    namespace,
    home: {
      take: (object) => {
        names.set(object.metadata.uid, object.metadata.name);
        return home.take(inFolder(object, backend.volume.mountPath));
      },
      delete: (ref) => home.delete(ref),
      watch: (how) => home.watch(how),
      refuse: async (object, message) => {
        const inForce = await home.get(object.metadata);
        if (inForce.ok) await home.reportInvalid(object.metadata, message, object.metadata.generation);
        else objects.show(invalidObject(object, message, clock.now()));
      },
    },
    workflowOf,
    clock,
    logger,
  });
  started.push(() => source.close());
  logger.info({ namespace }, 'leads');
  return ok({ lost: lost.promise, close });

  async function openStore(): Promise<Result<ClusterStore, string>> {
    const listed = await objects.list();
    if (!listed.ok) return listed;
    for (const { metadata } of listed.value) names.set(metadata.uid, metadata.name);
    const parts = new ConfigMapParts(api, (uid) => {
      const name = names.get(uid);
      return name === undefined ? undefined : { namespace, name };
    });
    return ClusterStore.open(parts, objects, {
      now: clock.now(),
      owner,
      pause: async (ms) => {
        if (election.leading() === undefined) throw new Error('this process leads no more');
        await pause(clock, ms);
      },
    });
  }
}

/** Paths of a document that came from no folder are relative to the volume that all pods share. */
function inFolder(object: Workflow, folder: string): Workflow {
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, annotations: { [FOLDER_ANNOTATION]: folder, ...metadata.annotations } },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
