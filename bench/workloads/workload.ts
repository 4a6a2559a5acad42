import type { Session } from '../session.ts';

/** One question that the harness answers. `npm run bench -- --only NAME` runs it alone. */
export interface Workload {
  readonly name: string;
  /** What is done and what is checked, for the page. */
  readonly about: string;
  readonly run: (session: Session) => Promise<void>;
}

/** The sizes to measure, and the one size that shows in seconds that everything works. */
export function sizes(session: Session, full: readonly number[], quick: number): readonly number[] {
  return session.quick ? [quick] : full;
}

/** Two cores are what the smallest machine has. */
export const SLOTS = 2;
