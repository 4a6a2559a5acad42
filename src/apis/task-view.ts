import type { Json } from '../base/json.ts';
import type { TaskPhase } from './phases.ts';

/**
 * What `get tasks`, `plan`, `explain` and `events` show: derived from resource, ledger and observation, never
 * stored. The shapes are a promise to scripts (`docs/cli.md`); fields may be added, none renamed.
 */
export interface TaskItem {
  readonly metadata: {
    /** The task's key: `align/NA12878`. */
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  };
  /** The effective task: after merging, before expressions are evaluated. */
  readonly spec: Json;
  readonly status: {
    readonly phase: TaskPhase;
    readonly reason: string;
    readonly message: string;
    readonly identity: { readonly definition?: string | undefined; readonly execution?: string | undefined };
    readonly results: Readonly<Record<string, Json>>;
    readonly attempts: readonly AttemptItem[];
  };
}

export interface AttemptItem {
  readonly number: number;
  readonly uid: string;
  readonly phase: TaskPhase;
  readonly reason: string;
  readonly message?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly backend: string;
  readonly handle?: Json | undefined;
  readonly directory?: string | undefined;
  readonly createTime: string;
  readonly startTime?: string | undefined;
  readonly finishTime?: string | undefined;
  readonly resources?: Json | undefined;
  readonly usage?:
    | {
        readonly cpuSeconds?: number | undefined;
        readonly cpuSource?: string | undefined;
        readonly maxRssBytes?: number | undefined;
        readonly maxRssSource?: string | undefined;
      }
    | undefined;
  readonly corrections: readonly Json[];
}

export type PlanAction = 'Create' | 'Keep' | 'Update' | 'Reevaluate' | 'Reset' | 'CancelAndReset' | 'Adopt' | 'Prune';

/** One cause: a field that differs, or the task upstream that it comes from. */
export type Because =
  | { readonly field: string; readonly old?: Json | undefined; readonly new?: Json | undefined }
  | { readonly task: string };

export interface PlannedTask {
  readonly name: string;
  readonly action: PlanAction;
  readonly reason: string;
  readonly because: readonly Because[];
}

export interface Plan {
  readonly apiVersion: string;
  readonly kind: 'Plan';
  readonly summary: Readonly<Record<string, number>>;
  readonly tasks: readonly PlannedTask[];
}

export interface Explanation extends PlannedTask {
  readonly phase: TaskPhase;
  readonly message: string;
  /** The rule of convergence that decided, in a sentence. */
  readonly rule: string;
  /** Attempts, oldest first, each with why it was started. */
  readonly history: readonly {
    readonly attempt: number;
    readonly phase: TaskPhase;
    readonly reason: string;
    readonly startedBecause: readonly Because[];
  }[];
}

export interface EventLine {
  readonly time: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly task?: string | undefined;
  readonly attempt?: number | undefined;
  readonly message: string;
  /** Position in the journal: pass it to go on from here. */
  readonly resourceVersion: string;
  readonly workflow: string;
}

export interface GraphView {
  readonly tasks: readonly { readonly name: string; readonly phase: TaskPhase | '' }[];
  /** Indexes into `tasks`; kinds as `language.md` rule 7.1 names them. */
  readonly edges: readonly {
    readonly from: number;
    readonly to: number;
    readonly kind: 'Input' | 'Mention' | 'DependsOn' | 'Each' | 'After';
  }[];
}
