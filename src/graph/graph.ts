import type { Fingerprint, OutputSpec, TaskSpec, TriggerRule } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { TaskTemplate } from './template.ts';

/**
 * The expanded task graph: what the current spec desires, with every early value bound.
 *
 * Tasks are indexed by integers; edges go by index. The graph is immutable, made anew for each generation, and
 * knows nothing of attempts. Later constructs (groups, loops, tasks made while running) add tasks with longer
 * keys; nothing here assumes that a key has two segments.
 *
 * Besides the tasks that users see there are *barriers*: one per fan-out that somebody depends on as a whole.
 * A barrier is a gate: it has no body, waits for all elements and passes on what they contribute, so N elements
 * that depend on M elements cost N + M edges, not N × M.
 */
export interface Graph {
  readonly tasks: readonly GraphTask[];
  readonly byKey: ReadonlyMap<string, number>;
  /** Declared outputs by absolute path, patterns apart: the index of the task that makes them. */
  readonly producers: ReadonlyMap<string, number>;
  readonly templates: readonly TaskTemplate[];
  /** Every index after all of its upstreams. */
  readonly order: Int32Array;
  /** Position in `order`. */
  readonly rank: Int32Array;
  /** `downstream[i]`: edges that leave i. */
  readonly downstream: readonly (readonly Edge[])[];
  /** Folder that relative paths are relative to, absolute. */
  readonly folder: string;
  /** The workflow's workdir, absolute: where tasks run that name none. */
  readonly workdir: string;
}

/** Whether one was made of the other by an edit that has left keys, paths and edges as they were (`rebind-bodies.ts`). */
export function sameShape(a: Graph, b: Graph): boolean {
  return a.order === b.order;
}

/**
 * | kind | contributes to the downstream's execution key |
 * |---|---|
 * | Input | the digest of that file |
 * | Mention | the digests or values that the expression reads |
 * | Each | as Mention; broad where the element mentions nothing of its counterpart |
 * | DependsOn | the upstream's attempt uid, whatever it declares |
 * | After | nothing |
 */
export type EdgeKind = 'Input' | 'Mention' | 'DependsOn' | 'Each' | 'After';

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
}

/** Whether a new result upstream may change what the downstream makes: such a reader is stopped first. */
export function carriesData(kind: EdgeKind): boolean {
  return kind !== 'After';
}

export interface GraphTask {
  readonly index: number;
  readonly key: string;
  /** `Gate`: a task without a body. `Barrier`: stands for a whole fan-out, never shown. */
  readonly kind: 'Task' | 'Gate' | 'Barrier';
  /** Index into `Graph.templates`. */
  readonly template: number;
  /** The effective task, after merging. */
  readonly spec: TaskSpec;
  readonly item: Json | undefined;
  readonly elementKey: string | undefined;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly mentions: readonly GraphMention[];
  /** All edges into this task, at most one of each kind from one upstream. */
  readonly upstream: readonly Edge[];
  readonly triggerRule: TriggerRule;
  readonly allowFailure: boolean;
  readonly priority: number;
  /** Index of the fan-out whose `parallelism` caps this task, if one does. */
  readonly fanout: { readonly name: string; readonly parallelism: number } | undefined;
  /** Where the command runs, absolute. */
  readonly workdir: string;
  readonly preimage: DefinitionPreimage;
  /** Digest of everything else that an edit may change and a failed task shall notice: resources, retry, backend. */
  readonly handling: string;
  /** Relative scripts that the command starts with, absolute paths: their content is part of the definition. */
  readonly code: readonly string[];
}

export interface GraphInput {
  readonly name: string;
  readonly form: 'path' | 'paths' | 'glob';
  /** Absolute, normalised; for `glob` the one pattern. */
  readonly paths: readonly string[];
  /** Bound again when its upstreams have ended: which of them made something decides on the paths. */
  readonly rebinds: boolean;
  /** For each path, the task that declares it as its output. */
  readonly producers: readonly (number | undefined)[];
  /** The same where no upstream made anything, if the paths are others then. */
  readonly fallback: Pick<GraphInput, 'paths' | 'producers'> | undefined;
  readonly optional: boolean;
  readonly external: boolean;
  readonly fingerprint: Fingerprint;
}

export interface GraphOutput {
  readonly name: string;
  readonly form: 'path' | 'glob';
  /** Absolute, normalised. */
  readonly path: string;
  /** As the ledger holds it: relative to the workflow's working directory where it lies inside, so a project may move. */
  readonly relative: string;
  readonly type: 'File' | 'Directory';
  readonly optional: boolean;
  readonly keepPartial: boolean;
  readonly fingerprint: Fingerprint;
  readonly spec: OutputSpec;
}

/** What one `tasks.X…` in this task reads of which upstreams. */
export interface GraphMention {
  /** Where it stands, for the pre-image and for people: `run#1`, `env.REF#1`. */
  readonly slot: string;
  readonly upstream: readonly number[];
  readonly member: 'outputs' | 'phase' | 'reason' | 'keys' | 'failed';
  readonly name: string | undefined;
  /** The expression handles an absent value itself (`default`, `has`, `.?`, an argument word of a script). */
  readonly guarded: boolean;
}

/**
 * What defines the product of a task, kept so that a difference can be explained: the template's part is shared
 * by all elements, the values are the element's own.
 */
export interface DefinitionPreimage {
  readonly template: Json;
  readonly templateDigest: string;
  readonly values: { readonly [slot: string]: Json };
  /** Canonical JSON of `values`, where it is had for less than these. */
  readonly valuesText?: string;
}
