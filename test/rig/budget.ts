import { expect } from 'vitest';

/** What one task may cost, as a count. A count says the same on every machine, so it may be held against a figure. */
export interface Budget {
  readonly name: string;
  readonly most: number;
  /** Why it is no less, in a sentence. */
  readonly why: string;
}

/** Nothing found at all means that nothing was counted. `detail`: where to look, for whoever broke it. */
export function expectWithin(budget: Budget, found: number | undefined, detail = ''): void {
  const says = `${budget.name}: ${found?.toFixed(2)} per task, at most ${budget.most}. ${budget.why}${detail}`;
  expect(found, says).toBeGreaterThan(0);
  expect(found, says).toBeLessThanOrEqual(budget.most);
}
