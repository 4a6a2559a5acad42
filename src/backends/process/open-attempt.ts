import type { Launch } from '../backend.ts';
import type { ProcessHandle } from './host-identity.ts';

/** An attempt that is ours to report on. */
export interface OpenAttempt {
  readonly token: string;
  readonly directory: string;
  /** Monotonic milliseconds: its folder is whole and a spawner was told of it; undefined: not by us, or not yet. */
  handedOverAt: number | undefined;
  /** Its folder could not be made for want of something that may come back. */
  waiting: boolean;
  /** Until it has started: what would be handed over again. */
  order: Order | undefined;
  /** Which spawner it was handed to, and the name of the lane that it counts in there. */
  incarnation: number;
  lane: number | undefined;
  handle: ProcessHandle | undefined;
  cancelling: boolean;
  /** Looks asked for and not yet answered. */
  looks: number;
}

/** What would be handed over again. */
export interface Order {
  readonly launch: Launch;
  readonly gpuIds: string | undefined;
}

export function newlyOpen(token: string, directory: string): OpenAttempt {
  return {
    token,
    directory,
    handedOverAt: undefined,
    waiting: false,
    order: undefined,
    incarnation: 0,
    lane: undefined,
    handle: undefined,
    cancelling: false,
    looks: 0,
  };
}
