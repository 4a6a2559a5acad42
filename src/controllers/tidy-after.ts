import type { Handled } from '../backends/backend.ts';
import type { Attempt } from '../planning/record.ts';
import type { HomeContext } from './home-context.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Takes away what this success, the latest attempt of its task, has made worthless: what earlier ones left aside. */
export async function tidyAfter(
  { backend, keepRuns, logger }: HomeContext,
  state: WorkflowState,
  key: string,
  success: Attempt,
): Promise<void> {
  const record = state.book.get(key);
  // An earlier result was wanted back meanwhile: what it made is no waste.
  if (record?.putBack !== undefined) return;
  const earlier = (record?.attempts ?? []).filter((a) => a.number < success.number && a.directory !== undefined);
  // A later attempt may still want to move this result aside into its folder: only its scaffolding goes.
  const rest = keepRuns === 'none' ? 'Everything' : 'Displaced';
  const own = keepRuns === 'compact' ? 'Compacted' : 'Everything';
  try {
    await Promise.all([backend.release(earlier.map(handled), rest), backend.release([handled(success)], own)]);
  } catch (error) {
    logger.warn({ error: String(error) }, 'a run folder could not be tidied');
  }
}

function handled({ uid, directory, handle }: Attempt): Handled {
  return { token: uid, directory, handle };
}
