import type { TaskReason } from '../apis/reasons.ts';
import type { Look } from './facts.ts';
import type { Attempt, Needs } from './record.ts';
import type { DesiredIdentity } from './view.ts';

/** Everything that a decision can want done. One executor carries them out. */
export type Action =
  /** Start attempt `number` of this task: intent first, then the backend. */
  | {
      readonly kind: 'Launch';
      readonly index: number;
      readonly key: string;
      readonly number: number;
      readonly identity: DesiredIdentity;
      readonly needs: Needs;
      /** It follows one that runs and asks for the same: there is no capacity for it yet. */
      readonly follows: boolean;
    }
  /** End a running attempt; its end will be observed. */
  | { readonly kind: 'Cancel'; readonly key: string; readonly attempt: Attempt; readonly reason: TaskReason }
  /** What follows and has not started is not wanted to start any more. */
  | { readonly kind: 'Withdraw'; readonly key: string; readonly attempt: Attempt }
  /** Put outputs of this success back that a later attempt moved aside. */
  | { readonly kind: 'Restore'; readonly index: number; readonly key: string; readonly attempt: Attempt }
  /** What a skipped task made goes to the folder of the attempt that made it. */
  | { readonly kind: 'SetAside'; readonly index: number; readonly key: string; readonly attempt: Attempt }
  /** A renamed task takes over the record of the removed one. */
  | { readonly kind: 'Adopt'; readonly key: string; readonly from: string }
  /** Nobody has looked yet at a file that this task reads. */
  | { readonly kind: 'Look'; readonly index: number; readonly key: string; readonly look: Look }
  /** `resetAlso` of a task whose definition changed. */
  | { readonly kind: 'ResetAlso'; readonly index: number; readonly key: string; readonly definition: string }
  /** Archive the record of a task that left the spec. */
  | { readonly kind: 'Prune'; readonly key: string };
