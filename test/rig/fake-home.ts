import type { Diagnostic } from '../../src/apis/diagnostic.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../../src/apis/task-view.ts';
import type { Workflow, WorkflowDocument, WorkflowStatus } from '../../src/apis/workflow.ts';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { fail, ok, type Result } from '../../src/base/result.ts';
import {
  type Applied,
  type ApplyOptions,
  type Home,
  type HomeError,
  isWorkflowRef,
  type LogChunk,
  type VerbRequest,
  type WatchEvent,
  type WorkflowRef,
} from '../../src/controllers/home.ts';

/**
 * A home in memory that keeps the port's promises: versions strictly increase, watches replay what came after a
 * version and then go on, conflicts and missing names are refused. It runs nothing: a test sets statuses, tasks,
 * events and logs as a reconciler would.
 */
export class FakeHome implements Home {
  #version = 100;
  readonly #objects = new Map<string, Workflow>();
  readonly #changes: { readonly version: number; readonly event: WatchEvent }[] = [];
  readonly #events: EventLine[] = [];
  readonly #logs: (LogChunk & { readonly stream: 'stdout' | 'stderr' })[] = [];
  readonly #tasks = new Map<string, readonly TaskItem[]>();
  readonly #wakers = new Set<() => void>();
  /** Every verb that was asked for, in order. */
  readonly requests: VerbRequest[] = [];
  /** Called after each request, as a reconciler would be. */
  onRequest: (ref: WorkflowRef, request: VerbRequest) => void = () => undefined;
  /** Called after each apply that changed something. */
  onApply: (ref: WorkflowRef) => void = () => undefined;
  readonly applies: ApplyOptions[] = [];
  /** Watches and event streams that are open now: a test can see that none leaks. */
  openStreams = 0;

  async apply(document: WorkflowDocument, options: ApplyOptions = {}): Promise<Result<Applied, HomeError>> {
    this.applies.push(options);
    const problems = problemsOf(document);
    if (problems.length > 0)
      return fail({ reason: 'Invalid', message: 'the workflow is invalid', diagnostics: problems });
    const ref = refOf(document);
    const old = this.#objects.get(keyOf(ref));
    if (options.create === true && old !== undefined) {
      return fail({ reason: 'AlreadyExists', message: `workflow ${ref.name} exists` });
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== old?.metadata.resourceVersion) {
      return fail({ reason: 'Conflict', message: `workflow ${ref.name} was changed meanwhile` });
    }
    const same = old !== undefined && canonicalJson(userPart(old)) === canonicalJson(userPart(document));
    if (same) {
      const asked = options.request === undefined ? ok(old) : await this.request(ref, options.request);
      return asked.ok ? ok({ workflow: asked.value, outcome: 'Unchanged', warnings: [] }) : asked;
    }
    const generation = (old?.metadata.generation ?? 0) + 1;
    const workflow: Workflow = {
      ...document,
      metadata: {
        creationTimestamp: '2026-01-01T00:00:00.000Z',
        uid: `uid-${ref.name}`,
        ...document.metadata,
        namespace: ref.namespace,
        generation,
        resourceVersion: '',
      },
      ...(old?.status === undefined ? {} : { status: old.status }),
    };
    const outcome = old === undefined ? 'Created' : 'Configured';
    if (options.dryRun === true) return ok({ workflow, outcome, warnings: [] });
    const stored = this.#store(workflow, old === undefined ? 'ADDED' : 'MODIFIED');
    // A request that comes with the document is there before the first turn.
    if (options.request !== undefined) await this.request(ref, options.request);
    this.onApply(ref);
    // As a home does that makes its first turn before it answers.
    return ok({ workflow: this.#objects.get(keyOf(ref)) ?? stored, outcome, warnings: [] });
  }

  async patch(ref: WorkflowRef, patch: Json): Promise<Result<Workflow, HomeError>> {
    const old = this.#objects.get(keyOf(ref));
    if (old === undefined) return notFound(ref);
    const asked = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
    if (asked !== undefined && asked !== old.metadata.resourceVersion) {
      return fail({ reason: 'Conflict', message: `workflow ${ref.name} was changed meanwhile` });
    }
    const merged = mergePatch(old as unknown as Json, patch) as unknown as Workflow;
    const problems = problemsOf(merged);
    if (problems.length > 0) return fail({ reason: 'Invalid', message: 'invalid', diagnostics: problems });
    return ok(this.#store(merged, 'MODIFIED'));
  }

  async delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const old = this.#objects.get(keyOf(ref));
    if (old === undefined) return notFound(ref);
    this.#objects.delete(keyOf(ref));
    return ok(this.#announce(old, 'DELETED'));
  }

  async get(ref: WorkflowRef): Promise<Result<Workflow, HomeError>> {
    const found = this.#objects.get(keyOf(ref));
    return found === undefined ? notFound(ref) : ok(found);
  }

  async list(namespace?: string): Promise<{ readonly items: readonly Workflow[]; readonly resourceVersion: string }> {
    const items = [...this.#objects.values()].filter(
      (workflow) => namespace === undefined || workflow.metadata.namespace === namespace,
    );
    return { items, resourceVersion: String(this.#version) };
  }

  async *watch(options: Parameters<Home['watch']>[0]): AsyncIterable<WatchEvent> {
    const after = Number(options.resourceVersion ?? this.#version);
    yield* this.#replay(
      this.#changes,
      ({ version }) => version > after,
      options.signal,
      true,
      ({ event }) => {
        const { namespace, name } = event.object.metadata;
        const meant = (options.namespace ?? namespace) === namespace && (options.name ?? name) === name;
        return meant ? [event] : [];
      },
    );
  }

  async tasks(ref: WorkflowRef, options: { name?: string } = {}): Promise<Result<readonly TaskItem[], HomeError>> {
    if (!this.#objects.has(keyOf(ref))) return notFound(ref);
    const all = this.#tasks.get(keyOf(ref)) ?? [];
    return ok(options.name === undefined ? all : all.filter((task) => task.metadata.name === options.name));
  }

  async plan(target: WorkflowDocument | WorkflowRef): Promise<Result<Plan, HomeError>> {
    const spec = await this.#specOf(target);
    if (!spec.ok) return spec;
    const old = this.#objects.get(keyOf(isWorkflowRef(target) ? target : refOf(target)));
    const known = new Map((old?.spec.tasks ?? []).map((task) => [task.name, canonicalJson(task as unknown as Json)]));
    const tasks = spec.value.spec.tasks.map((task) => {
      const before = known.get(task.name);
      const same = before === canonicalJson(task as unknown as Json);
      const action = before === undefined ? ('Create' as const) : same ? ('Keep' as const) : ('Reset' as const);
      const because = action === 'Reset' ? [{ field: 'run', old: 'before', new: 'after' }] : [];
      return { name: task.name, action, reason: action === 'Create' ? 'New' : 'Definition', because };
    });
    const summary: Record<string, number> = {};
    for (const { action } of tasks) summary[action] = (summary[action] ?? 0) + 1;
    return ok({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Plan', summary, tasks });
  }

  async explain(ref: WorkflowRef, task?: string): Promise<Result<readonly Explanation[], HomeError>> {
    const plan = await this.plan(ref);
    if (!plan.ok) return plan;
    const wanted = plan.value.tasks.filter(({ name }) => task === undefined || name === task);
    return ok(
      wanted.map((one) => ({
        ...one,
        phase: 'Succeeded' as const,
        message: '',
        rule: 'its result stands',
        history: [],
      })),
    );
  }

  async graph(target: WorkflowDocument | WorkflowRef): Promise<Result<GraphView, HomeError>> {
    const spec = await this.#specOf(target);
    if (!spec.ok) return spec;
    const names = spec.value.spec.tasks.map(({ name }) => name);
    const edges = spec.value.spec.tasks.flatMap((task, to) =>
      (task.dependsOn ?? []).map((upstream) => ({ from: names.indexOf(upstream), to, kind: 'DependsOn' as const })),
    );
    return ok({ tasks: names.map((name) => ({ name, phase: '' as const })), edges });
  }

  async *events(ref: WorkflowRef, options: Parameters<Home['events']>[1]): AsyncIterable<EventLine> {
    const after = Number(options.after ?? 0);
    const later = ({ resourceVersion }: EventLine): boolean => Number(resourceVersion) > after;
    yield* this.#replay(this.#events, later, options.signal, options.follow === true, (event) =>
      event.workflow === ref.name ? [event] : [],
    );
  }

  async *logs(_ref: WorkflowRef, options: Parameters<Home['logs']>[1]): AsyncIterable<LogChunk> {
    const wanted = this.#logs.filter(
      (chunk) =>
        chunk.stream === (options.stream ?? 'stdout') &&
        (options.tasks === undefined || options.tasks.includes(chunk.task)) &&
        (options.attempt === undefined || options.attempt === chunk.attempt),
    );
    for (const { task, attempt, text } of wanted) {
      const lines = text.split(/(?<=\n)/);
      yield { task, attempt, text: options.tail === undefined ? text : lines.slice(-options.tail).join('') };
    }
  }

  async request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>> {
    const old = this.#objects.get(keyOf(ref));
    if (old === undefined) return notFound(ref);
    this.requests.push(request);
    const annotations = {
      ...old.metadata.annotations,
      [`request.fixpoint.dev/${request.id}`]: JSON.stringify(request),
    };
    const stored = this.#store({ ...old, metadata: { ...old.metadata, annotations } }, 'MODIFIED');
    this.onRequest(ref, request);
    return ok(stored);
  }

  /** As a reconciler: a new status, and requests that are carried out go away. */
  setStatus(
    ref: WorkflowRef,
    status: Partial<WorkflowStatus>,
    options: { readonly keepRequests?: boolean } = {},
  ): void {
    const old = this.#objects.get(keyOf(ref));
    if (old === undefined) throw new Error(`no workflow ${ref.name}`);
    const annotations = Object.fromEntries(
      Object.entries(old.metadata.annotations ?? {}).filter(
        ([key]) => options.keepRequests === true || !key.startsWith('request.'),
      ),
    );
    const whole: WorkflowStatus = {
      observedGeneration: old.metadata.generation,
      phase: 'Pending',
      reason: '',
      message: '',
      conditions: [],
      counts: {},
      progress: '0/0',
      ...old.status,
      ...status,
    };
    this.#store({ ...old, metadata: { ...old.metadata, annotations }, status: whole }, 'MODIFIED');
  }

  setTasks(ref: WorkflowRef, tasks: readonly TaskItem[]): void {
    this.#tasks.set(keyOf(ref), tasks);
  }

  addEvent(workflow: string, event: Partial<EventLine> & { readonly reason: string }): void {
    this.#events.push({
      time: '2026-01-01T00:00:00.000Z',
      type: 'Normal',
      message: '',
      ...event,
      workflow,
      resourceVersion: String(++this.#version),
    });
    this.#wake();
  }

  addLog(chunk: LogChunk, stream: 'stdout' | 'stderr' = 'stdout'): void {
    this.#logs.push({ ...chunk, stream });
  }

  async #specOf(target: WorkflowDocument | WorkflowRef): Promise<Result<WorkflowDocument | Workflow, HomeError>> {
    if (isWorkflowRef(target)) return this.get(target);
    const problems = problemsOf(target);
    return problems.length === 0 ? ok(target) : fail({ reason: 'Invalid', message: 'invalid', diagnostics: problems });
  }

  #store(workflow: Workflow, type: WatchEvent['type']): Workflow {
    const stored = this.#announce(workflow, type);
    this.#objects.set(keyOf(stored.metadata), stored);
    return stored;
  }

  #announce(workflow: Workflow, type: WatchEvent['type']): Workflow {
    const version = ++this.#version;
    const object = { ...workflow, metadata: { ...workflow.metadata, resourceVersion: String(version) } };
    this.#changes.push({ version, event: { type, object } });
    this.#wake();
    return object;
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  async *#replay<T, U>(
    log: readonly T[],
    later: (entry: T) => boolean,
    signal: AbortSignal,
    follow: boolean,
    pick: (entry: T) => readonly U[],
  ): AsyncIterable<U> {
    this.openStreams++;
    let wake: () => void = () => undefined;
    const waker = (): void => wake();
    this.#wakers.add(waker);
    signal.addEventListener('abort', waker);
    try {
      for (let at = 0; !signal.aborted; ) {
        const entry = log[at];
        if (entry !== undefined) {
          at++;
          if (later(entry)) yield* pick(entry);
        } else if (follow) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (signal.aborted) resolve();
          });
        } else return;
      }
    } finally {
      this.openStreams--;
      this.#wakers.delete(waker);
      signal.removeEventListener('abort', waker);
    }
  }
}

function problemsOf(document: WorkflowDocument | Workflow): Diagnostic[] {
  const tasks = document.spec.tasks as readonly { readonly name?: string }[] | undefined;
  if (!Array.isArray(tasks) || tasks.length === 0) {
    return [
      {
        severity: 'error',
        code: 'E-REQUIRED',
        path: ['spec', 'tasks'],
        message: 'must not be empty',
        hint: 'Add one.',
      },
    ];
  }
  return tasks.flatMap((task, index) =>
    typeof task.name === 'string'
      ? []
      : [
          {
            severity: 'error' as const,
            code: 'E-REQUIRED',
            path: ['spec', 'tasks', index, 'name'],
            message: 'is missing',
          },
        ],
  );
}

function refOf(document: WorkflowDocument): WorkflowRef {
  return { namespace: document.metadata.namespace ?? 'default', name: document.metadata.name };
}

function keyOf(ref: WorkflowRef): string {
  return `${ref.namespace}/${ref.name}`;
}

function userPart(document: WorkflowDocument | Workflow): Json {
  const { labels = {}, annotations = {} } = document.metadata;
  const own = Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith('request.')));
  return { spec: document.spec as unknown as Json, labels, annotations: own };
}

function notFound(ref: WorkflowRef): Result<never, HomeError> {
  return fail({ reason: 'NotFound', message: `workflow ${JSON.stringify(ref.name)} not found in ${ref.namespace}` });
}

/** RFC 7386; a fake may recurse, its patches are small. */
function mergePatch(target: Json, patch: Json): Json {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const isMap = target !== null && typeof target === 'object' && !Array.isArray(target);
  const out = new Map<string, Json>(isMap ? Object.entries(target as JsonObject) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) out.delete(key);
    else out.set(key, mergePatch(out.get(key) ?? null, value));
  }
  return Object.fromEntries(out);
}
