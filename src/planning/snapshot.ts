import type { Graph, GraphInput } from '../graph/graph.ts';
import type { Facts } from './facts.ts';
import type { Needs } from './record.ts';
import type { RecordBook } from './record-book.ts';
import type { RetryRules } from './retry-policy.ts';
import type { View } from './view.ts';

/** The immutable picture that one decision sees. Whoever gathers it may not change it while `decide` runs. */
export interface Snapshot {
  /** Wall-clock milliseconds. */
  readonly now: number;
  readonly generation: number;
  readonly graph: Graph;
  readonly settings: Settings;
  readonly records: Pick<RecordBook, 'get' | 'all' | 'live' | 'strays' | 'readersOf'>;
  readonly facts: Facts;
  /** Uids of attempts whose moved-aside outputs were looked for and not found whole. */
  readonly unrestorable: ReadonlySet<string>;
  /** The same of what could not be moved aside. */
  readonly unmovable: ReadonlySet<string>;
  /** Uids of live attempts of which the backend knows nothing for certain. */
  readonly unconfirmed: ReadonlySet<string>;
  /** What is free for this workflow now on the backend that a task names, or on the one for those that name none. */
  room(backend: string | undefined): Room;
  /** Uids of live attempts, of any workflow, that wait for their turn. */
  readonly following: { readonly size: number; has(uid: string): boolean };
  /** What each task asks for; late expressions are evaluated over its past attempts. */
  needs(index: number): Needs;
  /** Inputs as the upstreams of this task ended: one that guards an absent value may name another path then. */
  inputs(index: number, views: (index: number) => View | undefined): readonly GraphInput[];
  readonly mode: Mode;
  /** Indexes of the tasks that may be launched; undefined: all. */
  readonly launchOnly?: ReadonlySet<number> | undefined;
}

export interface Room extends Omit<Needs, 'walltimeMs'> {
  /** How many more may start, whatever they ask for. */
  readonly attempts: number;
  /** How many more that ask for this may be launched ahead of their turn, to follow what runs and `starting` others. */
  ahead(needs: Needs, starting: number): number;
}

/**
 * | mode | launches | cancels for a change | cancels everything |
 * |---|---|---|---|
 * | Converge | yes | yes | |
 * | Suspended | | yes | |
 * | Held | | only by request | | (waits for approval)
 * | Deleting | | | yes |
 */
export type Mode = 'Converge' | 'Suspended' | 'Held' | 'Deleting';

export interface Settings {
  /** Live attempts of the workflow at once; 0: no limit of its own. */
  readonly parallelism: number;
  readonly failurePolicy: 'Continue' | 'Stop' | 'Cancel';
  readonly convergence: 'Reevaluate' | 'ResetDescendants';
  readonly onChangeWhileRunning: 'Restart' | 'Finish';
  readonly prune: 'Delete' | 'Keep';
  retry(index: number): RetryRules;
}
