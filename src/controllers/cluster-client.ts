import { API_VERSION, DEFAULT_NAMESPACE, FOLDER_ANNOTATION, REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import { openKubernetes } from '../backends/kubernetes/open-kubernetes.ts';
import { Broadcast } from '../base/broadcast.ts';
import type { Clock } from '../base/clock.ts';
import type { Json } from '../base/json.ts';
import { silentLogger } from '../base/logger.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { Api } from '../kubernetes/api.ts';
import type { ApiFailure } from '../kubernetes/api-failure.ts';
import { openCluster } from '../kubernetes/cluster.ts';
import { pause } from '../kubernetes/pause.ts';
import { Reflector } from '../kubernetes/reflector.ts';
import type { ApiObject } from '../kubernetes/resource.ts';
import { Transport } from '../kubernetes/transport.ts';
import { WORKFLOWS, workflowOf } from '../store/cluster/api-workflows.ts';
import { ClusterStore } from '../store/cluster/cluster-store.ts';
import { ConfigMapParts } from '../store/cluster/config-map-parts.ts';
import {
  type Applied,
  type ApplyOptions,
  type Home,
  type HomeError,
  isWorkflowRef,
  type LogChunk,
  type LogOptions,
  type PlanOptions,
  type VerbRequest,
  type WatchEvent,
  type WorkflowRef,
} from './home.ts';
import { LocalHome } from './local-home.ts';
import { RecordedFiles } from './recorded-files.ts';
import { inFolder } from './resource.ts';

export interface ClusterClientOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
  readonly clock: Clock;
}

/** Whose fields those of an applied document are. */
const FIELD_MANAGER = 'fixpoint-cli';
/** Between two looks for what happened since. */
const EVENTS_EVERY_MS = 2_000;

/** The error is a sentence. */
export async function openClusterClient(options: ClusterClientOptions): Promise<Result<ClusterClient, string>> {
  const { kubeconfig, context, env, clock, userAgent } = options;
  const cluster = await openCluster({ kubeconfig, context, env, clock });
  if (!cluster.ok) return cluster;
  return ok(new ClusterClient(new Transport({ cluster: cluster.value, userAgent, clock }), clock));
}

/**
 * A home that an operator runs in a cluster, for who has a kubeconfig: resources by the API server, tasks and plans from the
 * ledger beside them, verbs as annotations. It needs the operator for nothing; files are as the ledger last saw them.
 */
export class ClusterClient implements Home {
  readonly #transport: Transport;
  readonly #api: Api;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#api = new Api(transport);
    this.#clock = clock;
  }

  async apply(document: WorkflowDocument, { dryRun = false }: ApplyOptions = {}): Promise<Result<Applied, HomeError>> {
    const { name, namespace = DEFAULT_NAMESPACE, labels, annotations } = document.metadata;
    const before = await this.get({ namespace, name });
    if (!before.ok && before.error.reason !== 'NotFound') return before;
    // A folder here is none there.
    const { [FOLDER_ANNOTATION]: _folder, ...kept } = annotations ?? {};
    const metadata = { name, namespace, ...(labels ? { labels } : {}), annotations: kept };
    const body = { apiVersion: API_VERSION, kind: 'Workflow', metadata, spec: document.spec };
    const patch = { type: 'apply', body, fieldManager: FIELD_MANAGER, force: true } as const;
    const applied = await this.#api.patch<ApiObject>(WORKFLOWS, { namespace, name }, patch, { dryRun });
    if (!applied.ok) return fail(errorOf(applied.error));
    const workflow = workflowOf(applied.value);
    const same = before.ok && before.value.metadata.resourceVersion === workflow.metadata.resourceVersion;
    return ok({ workflow, outcome: before.ok ? (same ? 'Unchanged' : 'Configured') : 'Created', warnings: [] });
  }

  async patch(ref: WorkflowRef, patch: Json): Promise<Result<Workflow, HomeError>> {
    return received(await this.#api.patch<ApiObject>(WORKFLOWS, ref, { type: 'merge', body: patch }));
  }

  request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>> {
    const annotations = { [`${REQUEST_ANNOTATION_PREFIX}${request.id}`]: JSON.stringify(request) };
    return this.patch(ref, { metadata: { annotations } });
  }

  async delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const before = await this.get(ref);
    if (!before.ok) return before;
    const deleted = await this.#api.delete(WORKFLOWS, ref, { uid: before.value.metadata.uid });
    return deleted.ok ? before : fail(errorOf(deleted.error));
  }

  async get(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    return received(await this.#api.get<ApiObject>(WORKFLOWS, ref));
  }

  async list(namespace?: string): Promise<{ readonly items: readonly Workflow[]; readonly resourceVersion: string }> {
    const items: Workflow[] = [];
    let resourceVersion = '';
    for await (const page of this.#api.list<ApiObject>(WORKFLOWS, { namespace })) {
      if (!page.ok) throw new Error(page.error.message);
      items.push(...page.value.items.map(workflowOf));
      ({ resourceVersion } = page.value);
    }
    return { items, resourceVersion };
  }

  async *watch({ namespace, name, signal }: Parameters<Home['watch']>[0]): AsyncIterable<WatchEvent> {
    const changes = new Broadcast<WatchEvent>();
    const heard = changes.listen(signal);
    const reflector = new Reflector<Workflow>({
      api: this.#api,
      resource: WORKFLOWS,
      selection: { namespace, ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }) },
      project: workflowOf,
      onEvent: (event) => {
        if (event.kind === 'Put') changes.send({ type: 'MODIFIED', object: event.object });
        if (event.kind === 'Gone') changes.send({ type: 'DELETED', object: event.last });
      },
      clock: this.#clock,
      logger: silentLogger,
      seed: `watch ${process.pid}`,
    });
    reflector.start();
    try {
      yield* heard;
    } finally {
      await reflector.stop();
    }
  }

  tasks(ref: WorkflowRef, options?: { readonly name?: string }): Promise<Result<readonly TaskItem[], HomeError>> {
    return this.#viewed(ref, (home) => home.tasks(ref, options));
  }

  async plan(target: WorkflowDocument | WorkflowRef, options?: PlanOptions): Promise<Result<Plan, HomeError>> {
    if (isWorkflowRef(target)) return this.#viewed(target, (home) => home.plan(target, options));
    const { name, namespace = DEFAULT_NAMESPACE } = target.metadata;
    return this.#viewed({ namespace, name }, (home, folder) => home.plan(inFolder(target, folder), options));
  }

  explain(ref: WorkflowRef, task?: string): Promise<Result<readonly Explanation[], HomeError>> {
    return this.#viewed(ref, (home) => home.explain(ref, task));
  }

  async graph(target: WorkflowDocument | WorkflowRef): Promise<Result<GraphView, HomeError>> {
    if (isWorkflowRef(target)) return this.#viewed(target, (home) => home.graph(target));
    const { name, namespace = DEFAULT_NAMESPACE } = target.metadata;
    return this.#viewed({ namespace, name }, (home, folder) => home.graph(inFolder(target, folder)));
  }

  /** The last that the ledger keeps; older ones are told by `kubectl get events`. */
  async *events(ref: WorkflowRef, { after, follow, signal }: Parameters<Home['events']>[1]): AsyncIterable<EventLine> {
    for (let seen = after; !signal.aborted; await pause(this.#clock, EVENTS_EVERY_MS, signal)) {
      const lines: EventLine[] = [];
      const read = await this.#viewed(ref, async (home) => {
        for await (const line of home.events(ref, { after: seen, signal })) lines.push(line);
        return ok(undefined);
      });
      if (!read.ok) throw new Error(read.error.message);
      yield* lines;
      seen = lines.at(-1)?.resourceVersion ?? seen;
      if (follow !== true) return;
    }
  }

  /** From the run folders on the volume, where this host has it. */
  async *logs(ref: WorkflowRef, options: LogOptions): AsyncIterable<LogChunk> {
    const chunks: LogChunk[] = [];
    const read = await this.#viewed(ref, async (home) => {
      for await (const chunk of home.logs(ref, { ...options, follow: false })) chunks.push(chunk);
      return ok(undefined);
    });
    if (!read.ok) throw new Error(read.error.message);
    yield* chunks;
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** A home of this process over the ledger as it is now, which writes nothing. */
  async #viewed<T>(
    ref: WorkflowRef,
    ask: (home: LocalHome, folder: string) => Promise<Result<T, HomeError>>,
  ): Promise<Result<T, HomeError>> {
    const found = await this.get(ref);
    if (!found.ok && found.error.reason !== 'NotFound') return found;
    const object = found.ok ? found.value : unborn(ref);
    const store = await ClusterStore.view(new ConfigMapParts(this.#api, () => ref), object, this.#clock);
    if (!store.ok) return fail({ reason: 'Unavailable', message: store.error });
    const [stored] = await store.value.workflows();
    const folder = stored?.object.metadata.annotations?.[FOLDER_ANNOTATION] ?? '/';
    const backend = await openKubernetes(
      { type: 'kubernetes', name: 'kubernetes', volume: { mountPath: folder } },
      {
        stateDir: '',
        runsDir: undefined,
        files: new RecordedFiles(await store.value.records(object.metadata.uid), folder),
        clock: this.#clock,
        logger: silentLogger,
        env: {},
        userAgent: '',
        active: false,
      },
    );
    if (!backend.ok) return fail({ reason: 'Unavailable', message: backend.error });
    const home = await LocalHome.open({
      store: store.value,
      backends: [backend.value],
      clock: this.#clock,
      logger: silentLogger,
      keepRuns: 'all',
      keepsDeleted: false,
      activity: 'ReadOnly',
      onClose: () => undefined,
    });
    try {
      return await ask(home, folder);
    } finally {
      await home.close();
    }
  }
}

function received(answer: Result<ApiObject, ApiFailure>): Result<Workflow, HomeError> {
  return answer.ok ? ok(workflowOf(answer.value)) : fail(errorOf(answer.error));
}

function errorOf({ kind, message }: ApiFailure): HomeError {
  switch (kind) {
    case 'Invalid':
    case 'TooLarge':
      return { reason: 'Invalid', message, diagnostics: [] };
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
      return { reason: kind, message };
    default:
      return { reason: 'Unavailable', message };
  }
}

function unborn({ namespace, name }: WorkflowRef): Workflow {
  const metadata = { namespace, name, uid: 'none', generation: 0, resourceVersion: '0', creationTimestamp: '' };
  return { apiVersion: API_VERSION, kind: 'Workflow', metadata, spec: { tasks: [] } };
}
