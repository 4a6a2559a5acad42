import { isFinal, type TaskPhase } from '../apis/phases.ts';
import type { TaskReason } from '../apis/reasons.ts';
import type { Look } from './facts.ts';
import type { Attempt, Contributions } from './record.ts';

/**
 * What planning concludes about one task: derived from graph, records and facts, never stored. Two passes over
 * the same snapshot give the same views.
 */
export interface View {
  readonly phase: TaskPhase;
  readonly reason: TaskReason;
  readonly message: string;
  /** Final in the current generation: downstream tasks may be judged by it. */
  readonly settled: boolean;
  /** The attempt whose result stands. */
  readonly success: Attempt | undefined;
  /** What a broad edge from here contributes: own attempt uid, or for gates what their upstreams passed on. */
  readonly passes: readonly string[];
  /** Desired identity, once every upstream has settled. */
  readonly identity: DesiredIdentity | undefined;
  /** Wall-clock milliseconds: judged again then. */
  readonly wakeAt: number | undefined;
  readonly step: Step;
}

/**
 * It stands, in place: the view that most tasks have in the end, so it holds the attempt and nothing else. Not to be spread.
 */
class StandingView implements View {
  readonly success: Attempt;

  constructor(success: Attempt) {
    this.success = success;
  }

  get phase(): 'Succeeded' {
    return 'Succeeded';
  }

  get reason(): TaskReason {
    return this.success.outcome?.reason === 'CompletedByHand' ? 'CompletedByHand' : 'Completed';
  }

  get message(): string {
    return '';
  }

  get settled(): boolean {
    return true;
  }

  get passes(): readonly string[] {
    return [this.success.uid];
  }

  /** What stands has the desired execution key, and that is a digest of all the rest: so the rest is what was recorded. */
  get identity(): DesiredIdentity {
    const { definition, execution, preimage, contributions } = this.success;
    return { definition, execution, code: (preimage.code ?? NO_CODE) as DesiredIdentity['code'], contributions };
  }

  get wakeAt(): undefined {
    return undefined;
  }

  get step(): Step {
    return NOTHING;
  }
}

/** Of a task that tracks no scripts. */
export const NO_CODE: DesiredIdentity['code'] = Object.freeze({});

export function standingView(success: Attempt): View {
  return new StandingView(success);
}

/** Its result stands where it was made, and nothing is to be done. */
export function isStanding(view: View): boolean {
  return view instanceof StandingView;
}

/** It will be skipped when what it made before has been moved aside. */
export function isLeaving({ phase, reason }: View): boolean {
  return phase === 'Pending' && (reason === 'TriggerNotMet' || reason === 'UpstreamSkipped');
}

export interface DesiredIdentity {
  readonly definition: string;
  readonly execution: string;
  readonly code: { readonly [path: string]: string };
  readonly contributions: Contributions;
}

/** What the task needs done next; `decide` turns steps into actions. */
export type Step =
  | { readonly kind: 'Nothing' }
  | { readonly kind: 'Launch' }
  | { readonly kind: 'Cancel'; readonly attempt: Attempt; readonly reason: TaskReason }
  | { readonly kind: 'CancelReaders'; readonly readers: readonly string[] }
  | { readonly kind: 'Restore'; readonly attempt: Attempt }
  /** It is skipped, and what this attempt made lies there still. */
  | { readonly kind: 'SetAside'; readonly attempt: Attempt }
  | { readonly kind: 'Adopt'; readonly from: string }
  | { readonly kind: 'Look'; readonly look: Look }
  | { readonly kind: 'ResetAlso'; readonly definition: string };

export const NOTHING: Step = { kind: 'Nothing' };

/** Whether downstream tasks would judge differently by `b` than by `a`. */
export function concernsDownstream(a: View | undefined, b: View): boolean {
  if (!a) return true;
  return (
    a.settled !== b.settled ||
    a.phase !== b.phase ||
    a.success?.uid !== b.success?.uid ||
    a.success?.outcome !== b.success?.outcome ||
    a.passes.length !== b.passes.length ||
    a.passes.some((uid, i) => uid !== b.passes[i])
  );
}

export function view(phase: TaskPhase, reason: TaskReason, rest: Partial<View> = {}): View {
  return {
    phase,
    reason,
    message: '',
    settled: isFinal(phase),
    success: undefined,
    passes: [],
    identity: undefined,
    wakeAt: undefined,
    step: NOTHING,
    ...rest,
  };
}
