import type { Json } from '../base/json.ts';
import type { Condition, ObjectMeta } from './meta.ts';
import type { WorkflowPhase } from './phases.ts';
import type { PodOverlay } from './pod-overlay.ts';
import type { FailureReason } from './reasons.ts';

/**
 * The Workflow resource, as a user writes it (`docs/language.md` is generated from the schema beside this
 * file). Only fields that work exist here. Everything is optional that a user may leave out; `null` has been
 * dropped by decoding.
 */
export interface Workflow {
  readonly apiVersion: string;
  readonly kind: 'Workflow';
  readonly metadata: ObjectMeta;
  readonly spec: WorkflowSpec;
  readonly status?: WorkflowStatus | undefined;
}

/** A document before the home has stamped it: only the name is certain. */
export interface WorkflowDocument {
  readonly apiVersion: string;
  readonly kind: 'Workflow';
  readonly metadata: Partial<ObjectMeta> & { readonly name: string };
  readonly spec: WorkflowSpec;
}

/** int-or-string fields: a number, a quantity, or text holding one expression. */
export type IntOrString = number | string;

export interface WorkflowSpec {
  readonly params?: Readonly<Record<string, Json>>;
  readonly paramSchema?: readonly ParamSchema[];
  readonly defaults?: TaskDefaults;
  readonly tasks: readonly TaskSpec[];
  readonly parallelism?: number;
  readonly priority?: number;
  readonly failurePolicy?: 'Continue' | 'Stop' | 'Cancel';
  readonly convergence?: 'Reevaluate' | 'ResetDescendants';
  readonly onChangeWhileRunning?: 'Restart' | 'Finish';
  readonly prune?: 'Delete' | 'Keep';
  readonly approval?: { readonly discardedTasks?: number; readonly discardedCoreHours?: number };
  readonly workdir?: string;
  readonly fingerprint?: Fingerprint;
  readonly watchInputs?: boolean;
  readonly suspend?: boolean;
}

export type Fingerprint = 'Content' | 'Stat';

export interface ParamSchema {
  readonly name: string;
  /** `string int double bool path duration quantity any list<T> map<T>`. */
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly optional?: boolean;
}

/** The fields that `spec.defaults` may set for every task. */
export interface TaskDefaults {
  readonly shell?: readonly string[];
  readonly setup?: string;
  readonly env?: readonly EnvVar[];
  readonly resources?: Resources;
  readonly retry?: Retry;
  readonly image?: string;
  readonly backend?: string;
  readonly priority?: number;
  readonly workdir?: string;
  readonly staging?: 'Shared' | 'Link';
  readonly slurm?: SlurmOptions;
  readonly pod?: PodOverlay;
}

export interface TaskSpec extends TaskDefaults {
  /** Filled in before admission where a file leaves it out. */
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly movedFrom?: string;
  readonly run?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly files?: readonly FileSpec[];
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly inputs?: readonly InputSpec[];
  readonly outputs?: readonly OutputSpec[];
  readonly dependsOn?: readonly string[];
  readonly after?: readonly string[];
  readonly requiredBy?: readonly string[];
  readonly triggerRule?: TriggerRule;
  readonly allowFailure?: boolean;
  readonly foreach?: Foreach;
  readonly resetAlso?: { readonly tasks?: readonly string[]; readonly upstream?: 'None' | 'Parents' | 'Ancestors' };
}

export type TriggerRule = 'NoneFailed' | 'AllSucceeded' | 'AllFinished' | 'AnySucceeded' | 'AnyFailed' | 'AllFailed';

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: ValueFrom;
  readonly identity?: 'Include' | 'Exclude';
}

/** One of them. */
export interface ValueFrom {
  readonly secretKeyRef?: KeyReference;
  readonly configMapKeyRef?: KeyReference;
}

export interface KeyReference {
  readonly name: string;
  readonly key: string;
}

export interface FileSpec {
  readonly name: string;
  readonly content: string;
  /** Relative to the task's workdir; without it the file lies in the attempt's folder. */
  readonly path?: string;
  /** Octal text, `"0644"`. */
  readonly mode?: string;
}

export interface InputSpec {
  readonly name: string;
  readonly path?: string;
  readonly paths?: readonly string[];
  readonly glob?: string;
  readonly type?: 'File' | 'Directory';
  readonly optional?: boolean;
  readonly external?: boolean;
  readonly fingerprint?: Fingerprint;
}

export interface OutputSpec {
  readonly name: string;
  readonly path?: string;
  readonly glob?: string;
  readonly type?: 'File' | 'Directory';
  readonly optional?: boolean;
  readonly keepPartial?: boolean;
  readonly fingerprint?: Fingerprint;
}

export interface Resources {
  readonly cpu?: IntOrString;
  readonly memory?: IntOrString;
  readonly gpu?: IntOrString;
  readonly walltime?: string;
}

export interface SlurmOptions {
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly constraint?: string;
  readonly licenses?: string;
  readonly reservation?: string;
  readonly exclusive?: boolean;
  readonly extraArgs?: readonly string[];
  readonly extraOptions?: string;
}

export interface Retry {
  /** Extra attempts after the first. */
  readonly limit?: number;
  readonly backoff?: {
    readonly initial?: string;
    readonly factor?: number;
    readonly max?: string;
    readonly jitter?: number;
  };
  /** Reasons of failure that are retried; default: all of them. */
  readonly reasons?: readonly FailureReason[];
  readonly exitCodes?: readonly number[];
}

export interface Foreach {
  readonly items?: readonly Json[];
  readonly itemsFrom?: string;
  readonly rows?: {
    readonly path: string;
    readonly format?: 'CSV' | 'TSV' | 'JSON' | 'YAML';
    readonly columns?: readonly Column[];
  };
  readonly range?: {
    readonly start?: IntOrString;
    readonly count: IntOrString;
    readonly step?: IntOrString;
    readonly format?: string;
  };
  readonly matrix?: readonly MatrixAxis[];
  readonly each?: string;
  readonly key?: string;
  readonly parallelism?: number;
}

export interface Column {
  readonly name: string;
  readonly type?: string;
  readonly optional?: boolean;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly unique?: boolean;
}

export interface MatrixAxis {
  readonly name: string;
  readonly values?: readonly Json[];
  readonly valuesFrom?: string;
  readonly each?: string;
}

export interface WorkflowStatus {
  readonly observedGeneration: number;
  readonly phase: WorkflowPhase;
  readonly reason: string;
  readonly message: string;
  readonly conditions: readonly Condition[];
  readonly counts: Readonly<Record<string, number>>;
  /** `"31/97"`: tasks that are final and well, of all. */
  readonly progress: string;
  readonly startTime?: string | undefined;
  readonly finishTime?: string | undefined;
  /** At most `MAX_FAILING_TASKS_IN_STATUS`. */
  readonly failing?: readonly FailingTask[] | undefined;
}

export interface FailingTask {
  readonly name: string;
  readonly reason: string;
  readonly message?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly attempt?: number | undefined;
  readonly log?: string | undefined;
}
