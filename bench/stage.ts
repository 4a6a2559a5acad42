import type { Circumstances, Measured } from './measure/measure.ts';
import type { Refusal } from './peers/peer.ts';
import type { Work } from './work.ts';

/** What one run of one tool gave. */
export interface Sample {
  /** By the names of `figures.ts`. */
  readonly figures: Readonly<Record<string, number>>;
  readonly circumstances: Circumstances;
}

/** What a tool is asked to do with a work. */
export type Question =
  /** Do all of it, from nothing. */
  | 'all'
  /** It is done: find out that there is nothing to do. */
  | 'again'
  /** It is done, and one task was edited: say what would run. */
  | 'plan'
  /** The same, and run it. */
  | 'edit';

/** A tool that is ready to answer one question about one work, any number of times. */
export interface Stage {
  /** The command that is measured, for people to repeat it. */
  readonly command: string;
  /** Throws when what came out is not what was asked for. */
  readonly once: (round: number) => Promise<Sample>;
  readonly close: () => Promise<void>;
}

/** One side of a comparison. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  readonly stage: (question: Question, work: Work) => Promise<Stage | Refusal>;
}

/** What was measured is no figure: the run did not do what was asked. */
export class WrongOutcome extends Error {}

/** One line for people. */
export function failure(error: unknown): string {
  if (error instanceof WrongOutcome) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const MB = 1e6;

export function sampleOf(measured: Measured, work: Work, more: Readonly<Record<string, number>> = {}): Sample {
  return {
    figures: {
      ...more,
      wallSeconds: measured.wallSeconds,
      cpuSeconds: measured.cpuSeconds,
      cpuMsPerTask: (measured.cpuSeconds * 1000) / work.tasks,
      treePeakMb: measured.treePeakBytes / MB,
      mainPeakMb: measured.mainPeakBytes / MB,
    },
    circumstances: measured.circumstances,
  };
}
