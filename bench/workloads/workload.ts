import type { FigureName } from '../figures.ts';
import type { Session } from '../session.ts';

/** One question that the harness answers. `npm run bench -- --only NAME` runs it alone. */
export interface Workload {
  readonly name: string;
  /** What is done and what is checked, for the page. */
  readonly about: string;
  /** The figures that its table shows. */
  readonly columns: readonly FigureName[];
  readonly run: (session: Session) => Promise<void>;
}

/** The sizes to measure, and the one size that shows in seconds that everything works. */
export function sizes(session: Session, full: readonly number[], quick: number): readonly number[] {
  if (session.quick) return [quick];
  return full.filter((tasks) => session.tasks?.includes(tasks) ?? true);
}

/** Two cores are what the smallest machine has. */
export const SLOTS = 2;

/** What a whole run costs. */
export const COST: readonly FigureName[] = ['wallSeconds', 'cpuSeconds', 'cpuMsPerTask', 'treePeakMb', 'mainPeakMb'];
