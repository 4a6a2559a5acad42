import { API_VERSION } from '../apis/meta.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import { fail, ok, type Result } from '../base/result.ts';
import {
  type Applied,
  type Home,
  type HomeError,
  isWorkflowRef,
  type LogChunk,
  type WatchEvent,
  type WorkflowRef,
} from '../controllers/home.ts';
import { HomeFailure } from './exit-code.ts';
import { errorOfStatus, Transport } from './transport.ts';

/** A `Home` over the unix socket of a daemon, so that commands are written once. */
export interface HomeClient extends Home {
  close(): void;
}

const BASE = `/apis/${API_VERSION}`;

/** Each part of a path is encoded whole: a slash in a name stays in its segment, and the server refuses it. */
function namespacePath(namespace: string, rest: string): string {
  return `${BASE}/namespaces/${encodeURIComponent(namespace)}/${rest}`;
}

function workflowPath(ref: WorkflowRef, rest = ''): string {
  return namespacePath(ref.namespace, `workflows/${encodeURIComponent(ref.name)}${rest}`);
}

export function connectClient(socketPath: string): HomeClient {
  const transport = new Transport(socketPath);
  return {
    close: () => transport.close(),
    ...resourceCalls(transport),
    ...viewCalls(transport),
    ...streamCalls(transport),
  };
}

type ResourceCalls = Pick<Home, 'apply' | 'patch' | 'delete' | 'get' | 'list' | 'request'>;

function resourceCalls(transport: Transport): ResourceCalls {
  return {
    apply: (document, options = {}) => {
      const query = new URLSearchParams();
      if (options.look === true) query.set('look', 'true');
      if (options.dryRun === true) query.set('dryRun', 'All');
      if (options.request !== undefined) query.set('request', JSON.stringify(options.request));
      if (options.create === true || options.resourceVersion !== undefined) {
        return write(transport, document, options.resourceVersion, query);
      }
      const path = namespacePath(namespaceOf(document), 'apply');
      return transport.json<Applied>({ method: 'POST', path, query, body: document });
    },
    patch: (ref, patch) =>
      transport.json<Workflow>({
        method: 'PATCH',
        path: workflowPath(ref),
        body: patch,
        contentType: 'application/merge-patch+json',
      }),
    delete: (ref) => transport.json<Workflow>({ method: 'DELETE', path: workflowPath(ref) }),
    get: (ref) => transport.json<Workflow>({ path: workflowPath(ref) }),
    request: (ref, request) =>
      transport.json<Workflow>({ method: 'POST', path: workflowPath(ref, '/requests'), body: request }),
    list: async (namespace) => {
      const path = namespace === undefined ? `${BASE}/workflows` : namespacePath(namespace, 'workflows');
      type Header = { readonly metadata: { readonly resourceVersion: string } };
      const listed = await transport.list<Header, Workflow>({ path });
      if (!listed.ok) throw new HomeFailure(listed.error);
      return { items: listed.value.items, resourceVersion: listed.value.header.metadata.resourceVersion };
    },
  };
}

/** Create, or update under a condition: the Kubernetes verbs, which answer with the object alone. */
async function write(
  transport: Transport,
  document: WorkflowDocument,
  resourceVersion: string | undefined,
  query: URLSearchParams,
): Promise<Result<Applied, HomeError>> {
  const namespace = namespaceOf(document);
  const create = resourceVersion === undefined;
  const body = create ? document : { ...document, metadata: { ...document.metadata, resourceVersion } };
  const path = create
    ? namespacePath(namespace, 'workflows')
    : workflowPath({ namespace, name: document.metadata.name });
  const written = await transport.json<Workflow>({ method: create ? 'POST' : 'PUT', path, query, body });
  if (!written.ok) return fail(written.error);
  const unchanged = written.value.metadata.resourceVersion === resourceVersion;
  const outcome = create ? 'Created' : unchanged ? 'Unchanged' : 'Configured';
  return ok({ workflow: written.value, outcome, warnings: [] });
}

type ViewCalls = Pick<Home, 'tasks' | 'plan' | 'explain' | 'graph'>;

function viewCalls(transport: Transport): ViewCalls {
  return {
    tasks: (ref, options) => items<TaskItem>(transport, workflowPath(ref, '/tasks'), options?.name),
    explain: (ref, task) => items<Explanation>(transport, workflowPath(ref, '/explain'), task),
    plan: (target, options) =>
      view<Plan>(
        transport,
        target,
        'plan',
        options?.changesOnly ? new URLSearchParams({ changesOnly: 'true' }) : undefined,
      ),
    graph: (target) => view<GraphView>(transport, target, 'graph'),
  };
}

async function items<T>(
  transport: Transport,
  path: string,
  task: string | undefined,
): Promise<Result<readonly T[], HomeError>> {
  const query = task === undefined ? undefined : new URLSearchParams({ task });
  const listed = await transport.list<unknown, T>({ path, query });
  return listed.ok ? ok(listed.value.items) : listed;
}

function view<T>(
  transport: Transport,
  target: WorkflowDocument | WorkflowRef,
  what: 'plan' | 'graph',
  query?: URLSearchParams,
): Promise<Result<T, HomeError>> {
  if (isWorkflowRef(target)) return transport.json<T>({ path: workflowPath(target, `/${what}`), query });
  return transport.json<T>({ method: 'POST', path: namespacePath(namespaceOf(target), what), query, body: target });
}

type StreamCalls = Pick<Home, 'watch' | 'events' | 'logs'>;

function streamCalls(transport: Transport): StreamCalls {
  return {
    watch: ({ namespace, name, resourceVersion, signal }) => {
      const query = new URLSearchParams({ watch: 'true' });
      if (resourceVersion !== undefined) query.set('resourceVersion', resourceVersion);
      if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`);
      const path = namespace === undefined ? `${BASE}/workflows` : namespacePath(namespace, 'workflows');
      return checked<WatchEvent>(transport.stream({ path, query, signal }));
    },
    events: (ref, { after, follow, signal }) => {
      const query = new URLSearchParams();
      if (after !== undefined) query.set('after', after);
      if (follow === true) query.set('follow', 'true');
      return checked<EventLine>(transport.stream({ path: workflowPath(ref, '/events'), query, signal }));
    },
    logs: (ref, { tasks, attempt, stream, tail, follow, signal }) => {
      const query = new URLSearchParams();
      for (const task of tasks ?? []) query.append('task', task);
      if (attempt !== undefined) query.set('attempt', String(attempt));
      if (stream !== undefined) query.set('stream', stream);
      if (tail !== undefined) query.set('tail', String(tail));
      if (follow === true) query.set('follow', 'true');
      return checked<LogChunk>(transport.stream({ path: workflowPath(ref, '/logs'), query, signal }));
    },
  };
}

/** A stream that fails after it began says so in its last line; here that becomes an exception again. */
async function* checked<T>(lines: AsyncIterable<T>): AsyncIterable<T> {
  for await (const line of lines) {
    const { type, kind, object } = line as { type?: unknown; kind?: unknown; object?: unknown };
    if (kind === 'Status') throw new HomeFailure(errorOfStatus(line as object, 500));
    if (type === 'ERROR') throw new HomeFailure(errorOfStatus(object as object, 500));
    yield line;
  }
}

function namespaceOf(document: WorkflowDocument): string {
  return document.metadata.namespace ?? 'default';
}
