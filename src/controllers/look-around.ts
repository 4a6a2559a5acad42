import type { HomeContext } from './home-context.ts';
import { allLooks, otherLooks, ownLooks, wantedLooks } from './looks.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Who has looked so often will look again. Before that, holding would cost more than it spares. */
const LOOKS_BEFORE_HOLDING = 2;

/**
 * Looks at all that matters to a workflow, and notes what is otherwise than it knows, as its `news`. It may go on
 * meanwhile: what an attempt has stamped since is not overwritten by what was seen before.
 */
export async function lookAround(home: HomeContext, state: WorkflowState): Promise<void> {
  const looking = new AbortController();
  const newer = state.factsThatChange(looking.signal);
  try {
    const seen = await look(home, state);
    for (const [id, digest] of seen)
      if (state.facts.get(id) === digest) state.news.delete(id);
      else if (!newer.has(id)) state.news.set(id, digest);
  } finally {
    looking.abort();
  }
}

async function look({ files, activity }: HomeContext, state: WorkflowState): Promise<ReadonlyMap<string, string>> {
  if (activity === 'Active' && state.timesLookedAround++ >= LOOKS_BEFORE_HOLDING)
    state.heldLooks ??= files.hold?.(ownLooks(state));
  if (!state.heldLooks) return files.look(allLooks(state));
  try {
    const own = await state.heldLooks.again(wantedLooks(state));
    const others = await files.look(otherLooks(state));
    return new Map([...own, ...others]);
  } catch {
    state.release();
    return files.look(allLooks(state));
  }
}
