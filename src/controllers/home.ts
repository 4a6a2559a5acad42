import type { Diagnostic } from '../apis/diagnostic.ts';
import type { EventLine, Explanation, GraphView, Plan, TaskItem } from '../apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';

/**
 * What a home offers to whoever stands outside: the server publishes it, the CLI speaks to it, either in the
 * same process or over the socket by a client of the same shape.
 */
export interface Home {
  /** Create or update by name. An unchanged document is a no-op: nothing is looked at, nothing written. */
  apply(document: WorkflowDocument, options?: ApplyOptions): Promise<Result<Applied, HomeError>>;
  /** Merge-patch (RFC 7386) of the resource: `suspend`, request annotations, `params`. */
  patch(ref: WorkflowRef, patch: Json): Promise<Result<Workflow, HomeError>>;
  delete(ref: WorkflowRef): Promise<Result<Workflow, HomeError>>;
  get(ref: WorkflowRef): Promise<Result<Workflow, HomeError>>;
  list(namespace?: string): Promise<{ readonly items: readonly Workflow[]; readonly resourceVersion: string }>;
  /** Changes after `resourceVersion`, until the signal aborts. */
  watch(options: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    readonly resourceVersion?: string | undefined;
    readonly signal: AbortSignal;
  }): AsyncIterable<WatchEvent>;
  tasks(ref: WorkflowRef, options?: { readonly name?: string }): Promise<Result<readonly TaskItem[], HomeError>>;
  /** Of a document not applied yet, or (without one) of the workflow as it stands. Changes nothing. */
  plan(target: WorkflowDocument | WorkflowRef, options?: PlanOptions): Promise<Result<Plan, HomeError>>;
  explain(ref: WorkflowRef, task?: string): Promise<Result<readonly Explanation[], HomeError>>;
  graph(target: WorkflowDocument | WorkflowRef): Promise<Result<GraphView, HomeError>>;
  /** In order of the journal; with `follow`, goes on until the signal aborts. */
  events(
    ref: WorkflowRef,
    options: {
      readonly after?: string | undefined;
      readonly follow?: boolean | undefined;
      readonly signal: AbortSignal;
    },
  ): AsyncIterable<EventLine>;
  logs(ref: WorkflowRef, options: LogOptions): AsyncIterable<LogChunk>;
  /** A verb: durable when this returns, remembered by its id for 7 days, carried out by the reconciler. */
  request(ref: WorkflowRef, request: VerbRequest): Promise<Result<Workflow, HomeError>>;
}

export interface WorkflowRef {
  readonly namespace: string;
  readonly name: string;
}

export function isWorkflowRef(target: WorkflowDocument | WorkflowRef): target is WorkflowRef {
  return !('spec' in target);
}

export interface PlanOptions {
  /** Tasks that are kept are counted, not listed: there may be very many of them. */
  readonly changesOnly?: boolean;
}

export interface ApplyOptions {
  /** `run`: look at files again even if the document is unchanged. */
  readonly look?: boolean;
  /** Result and side effects wanted of the applier: none. */
  readonly dryRun?: boolean;
  /** A verb that comes with the document: it is on the resource before the first turn. Nothing with `dryRun`. */
  readonly request?: VerbRequest | undefined;
  /** Keys or globs of tasks: only these and what is upstream of them is launched, by this process alone. */
  readonly until?: readonly string[] | undefined;
  /** Refuse when users have said anything else of the resource than this meanwhile; its status does not matter. */
  readonly over?: Workflow | undefined;
  /** The resource is an API server's, which has given it these. */
  readonly identity?: Pick<Workflow['metadata'], 'uid' | 'generation' | 'creationTimestamp'>;
  /** Refuse when it exists (`create`), or when the stored resourceVersion differs (`update`). */
  readonly create?: boolean;
  readonly resourceVersion?: string;
}

export interface Applied {
  readonly workflow: Workflow;
  readonly outcome: 'Created' | 'Configured' | 'Unchanged';
  readonly warnings: readonly Diagnostic[];
}

export type HomeError =
  | { readonly reason: 'Invalid'; readonly message: string; readonly diagnostics: readonly Diagnostic[] }
  | { readonly reason: 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Unavailable'; readonly message: string };

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Workflow;
}

export interface LogOptions {
  /** Keys or globs of tasks; none: all. */
  readonly tasks?: readonly string[] | undefined;
  readonly attempt?: number | undefined;
  readonly stream?: 'stdout' | 'stderr' | undefined;
  /** Only the last N lines of each. */
  readonly tail?: number | undefined;
  readonly follow?: boolean | undefined;
  readonly signal: AbortSignal;
}

export interface LogChunk {
  readonly task: string;
  readonly attempt: number;
  readonly text: string;
}

export const VERBS = [
  'suspend',
  'resume',
  'retry',
  'reset',
  'cancel',
  'complete',
  'fail',
  'approve',
  'accept',
] as const;
export type Verb = (typeof VERBS)[number];

/** The value of a `request.fixpoint.dev/ID` annotation, as JSON. */
export interface VerbRequest {
  /** Chosen by whoever asks; the same id is carried out once. `[a-z0-9-]{1,63}`. */
  readonly id: string;
  readonly verb: Verb;
  /** Keys or CLI globs; none: the whole workflow. */
  readonly tasks?: readonly string[];
  /** Label selector `a=b,c!=d`. */
  readonly selector?: string;
  /** `reset`, `retry`: also everything upstream. */
  readonly ancestors?: boolean;
  /** `reset`: without descendants. */
  readonly only?: boolean;
  /** `retry`: also where the end of the last attempt is unconfirmed. */
  readonly force?: boolean;
}
