import type { Attempt } from '../planning/record.ts';
import { handled } from './handled.ts';
import type { HomeContext } from './home-context.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Takes away what a success, the last of these attempts, has made worthless: what the earlier ones left aside. */
export async function tidyAfter(
  { backends, keepRuns, logger }: HomeContext,
  state: WorkflowState,
  key: string,
  attempts: readonly Attempt[],
): Promise<void> {
  // An earlier result was wanted back meanwhile: what it made is no waste.
  if (state.book.get(key)?.putBack !== undefined) return;
  const earlier = attempts.slice(0, -1).filter((a) => a.directory !== undefined);
  // A later attempt may still want to move this result aside into its folder: only its scaffolding goes.
  const rest = keepRuns === 'none' ? 'Everything' : 'Displaced';
  const own = keepRuns === 'compact' ? 'Compacted' : 'Everything';
  try {
    await Promise.all([
      backends.release(earlier.map(handled), rest),
      backends.release(attempts.slice(-1).map(handled), own),
    ]);
  } catch (error) {
    logger.warn({ error: String(error) }, 'a run folder could not be tidied');
  }
}

/** What its backend has to do once the end of this attempt is durable. Most have nothing to do, and are not asked. */
export function recordedBy({ backends, logger }: HomeContext, attempt: Attempt): (() => Promise<void>)[] {
  const backend = backends.find(attempt.backend);
  if (!backend?.recorded) return [];
  const done = async (): Promise<void> => {
    try {
      await backend.recorded?.([handled(attempt)]);
    } catch (error) {
      logger.warn({ error: String(error) }, 'what held an attempt that is over could not be let go');
    }
  };
  return [done];
}
