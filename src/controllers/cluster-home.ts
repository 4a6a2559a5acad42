import { API_VERSION } from '../apis/meta.ts';
import type { KubernetesConfig } from '../backends/backend-config.ts';
import { openKubernetes } from '../backends/kubernetes/open-kubernetes.ts';
import { HostFiles } from '../backends/process/file-space.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { ok, type Result } from '../base/result.ts';
import { uniqueId } from '../base/unique-id.ts';
import { Api } from '../kubernetes/api.ts';
import { openCluster } from '../kubernetes/cluster.ts';
import { EventRecorder } from '../kubernetes/event-recorder.ts';
import type { LeaseTimings } from '../kubernetes/leader-election.ts';
import { pause } from '../kubernetes/pause.ts';
import type { OwnerReference } from '../kubernetes/resource.ts';
import { WorkflowSource } from '../sources/cluster/workflow-source.ts';
import { ApiWorkflows, WORKFLOWS, workflowOf } from '../store/cluster/api-workflows.ts';
import { ClusterStore, type WorkflowObjects } from '../store/cluster/cluster-store.ts';
import { ConfigMapParts } from '../store/cluster/config-map-parts.ts';
import type { JournalLine } from '../store/store.ts';
import { eventLines } from './event-line.ts';
import { KnownWorkflows } from './known-workflows.ts';
import { Leadership } from './leadership.ts';
import { LocalHome } from './local-home.ts';
import { inFolder } from './resource.ts';
import { invalidObject } from './source-reports.ts';

/**
 * The cluster home: Workflows are resources of an API server, their ledgers config maps beside them, attempts pods. This file
 * only puts the parts together, once this process leads.
 */
export interface ClusterHomeOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Workflows of this one are run; undefined: of all. */
  readonly namespace?: string | undefined;
  readonly backend: KubernetesConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease?: Partial<LeaseTimings>;
  /** It leads, and reads what there is. */
  readonly onGained?: () => void;
}

export interface ClusterHome {
  readonly home: LocalHome;
  /** Requests that were sent to the API server, by verb and class of the answer. */
  requests(): ReadonlyMap<string, number>;
  /** Why this process does not lead any more. Nothing of it goes out from then on. */
  readonly lost: Promise<string>;
  close(): Promise<void>;
}

/** By it processes that run the same workflows know of each other. */
const LEASE = 'fixpoint';
/** A pod takes longer to start; ten writes a second to the ledger of a workflow that launches hundreds of them. */
const COMMIT_REST_MS = 100;

/** Waits until this process leads; undefined: the signal came first. The error is a sentence. */
export async function openClusterHome(
  options: ClusterHomeOptions,
  signal: AbortSignal,
): Promise<Result<ClusterHome | undefined, string>> {
  const { kubeconfig, context, namespace, backend, env, userAgent, clock, logger } = options;
  const cluster = await openCluster({ kubeconfig, context, namespace, env, clock });
  if (!cluster.ok) return cluster;
  const owner = `${env['POD_NAME'] ?? 'fixpoint'}-${uniqueId()}`;
  // Operators of several namespaces may live in one.
  const name = namespace === undefined ? LEASE : `${LEASE}-${namespace}`;
  const lease = { namespace: env['POD_NAMESPACE'] ?? cluster.value.namespace, name };
  const leadership = new Leadership({
    cluster: cluster.value,
    lease,
    identity: owner,
    userAgent,
    clock,
    logger,
    timings: options.lease,
  });
  /** What was started, to be ended in the opposite order. */
  const started: (() => Promise<unknown>)[] = [() => leadership.close()];
  const close = async (): Promise<void> => {
    for (let end = started.pop(); end; end = started.pop()) await end();
  };
  const failed = async <T>(problem: Result<T, string>): Promise<Result<T, string>> => {
    await close();
    return problem;
  };
  logger.info({ server: cluster.value.server, lease, namespace: namespace ?? 'all' }, 'waits to lead');
  if (!(await leadership.gained(signal))) return failed(ok(undefined));
  options.onGained?.();
  const api = new Api(leadership.transport);
  const known = new KnownWorkflows();
  const objects = new ApiWorkflows(api, namespace, clock, logger);
  started.push(() => objects.close());
  const listed: WorkflowObjects = {
    list: async () => {
      const all = await objects.list();
      if (all.ok) for (const object of all.value) known.add(object);
      return all;
    },
    show: (object) => objects.show(object),
  };
  const store = await ClusterStore.open(new ConfigMapParts(api, (uid) => known.reference(uid)), listed, {
    now: clock.now(),
    owner,
    restMs: COMMIT_REST_MS,
    onLost: (why) => leadership.lose(why),
    onUnreadable: (object, why) => {
      logger.error(
        { workflow: object.metadata.name, namespace: object.metadata.namespace, why },
        'a ledger cannot be used',
      );
      objects.show(invalidObject(object, why, clock.now()));
    },
    pause: async (ms) => {
      if (leadership.gate.leading() === undefined) throw new Error('this process leads no more');
      await pause(clock, ms);
    },
  });
  if (!store.ok) return failed(store);
  const pods = await openKubernetes(
    { ...backend, kubeconfig, context, namespace },
    {
      stateDir: '',
      runsDir: undefined,
      files: new HostFiles(clock, { mayMove: () => leadership.gate.leading() !== undefined }),
      clock,
      logger,
      env,
      userAgent,
      active: true,
      cluster: {
        home: `cluster ${lease.namespace}/${lease.name}`,
        gate: leadership.gate,
        namespace,
        ownerOf: (launch) => ownerOf(known, launch),
      },
    },
  );
  if (!pods.ok) return failed(pods);
  const events = new EventRecorder({ api, clock, logger, component: 'fixpoint', instance: owner });
  started.push(() => events.stop());
  const home = await LocalHome.open({
    store: store.value,
    backends: [pods.value],
    clock,
    logger,
    keepRuns: 'compact',
    keepsDeleted: false,
    activity: 'Active',
    onJournaled: (lines) => tell(events, known, lines),
    onClose: () => undefined,
  });
  started.push(() => home.close());
  const source = new WorkflowSource({
    api,
    resource: WORKFLOWS,
    namespace,
    home: {
      take: (object) => {
        known.add(object);
        // It is read with the rights of the operator: no folder but the volume that all pods share.
        return home.take(inFolder(object, backend.volume.mountPath));
      },
      get: (ref) => home.get(ref),
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
  logger.info({ namespace: namespace ?? 'all' }, 'leads');
  return ok({ home, requests: () => leadership.transport.requests(), lost: leadership.lost, close });
}

/** As events of the Workflow: one for each reason, which counts; its text is the newest. */
function tell(events: EventRecorder, known: KnownWorkflows, lines: readonly JournalLine[]): void {
  for (const line of lines) {
    const subject = known.subject(line.workflow);
    if (subject)
      for (const { type, reason, task, message } of eventLines(line, subject.name))
        events.record(subject, { type, reason, message: task === undefined ? message : `${task}: ${message}` });
  }
}

/** Whoever deletes a Workflow deletes its pods, also where no operator lives that would do it. */
function ownerOf(
  known: KnownWorkflows,
  launch: { readonly namespace: string; readonly workflow: string },
): OwnerReference | undefined {
  const uid = known.uid({ namespace: launch.namespace, name: launch.workflow });
  if (uid === undefined) return undefined;
  return { apiVersion: API_VERSION, kind: 'Workflow', name: launch.workflow, uid, controller: true };
}
