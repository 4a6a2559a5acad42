import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import type { BuiltGraph } from '../graph/build.ts';
import { type Graph, sameShape } from '../graph/graph.ts';
import { decide } from '../planning/decide.ts';
import type { Look } from '../planning/facts.ts';
import { templateDigestOf } from '../planning/kept-record.ts';
import { type Listed, makePlan, type PlanResult } from '../planning/plan.ts';
import { isStanding } from '../planning/view.ts';
import type { StoredWorkflow } from '../store/store.ts';
import type { HomeContext } from './home-context.ts';
import { lookAround } from './look-around.ts';
import { allLooks, otherLooks } from './looks.ts';
import { takeSnapshot } from './take-snapshot.ts';
import type { WorkflowState } from './workflow-state.ts';

/** A document, and what it would change. */
export interface Proposal {
  readonly base: WorkflowState;
  readonly stored: StoredWorkflow;
  readonly built: BuiltGraph;
}

/** Which files are looked at first: all that matter, or none. */
export type Looks = 'All' | 'None';

/**
 * Plans on the side: the workflow goes on meanwhile, and nothing that is seen for the plan is seen by it. Whatever has to
 * be waited for is, and then everything is judged at once, by records and facts of one moment.
 */
export async function planOf(
  home: HomeContext,
  proposal: Proposal,
  { looks: which, listed }: { readonly looks: Looks; readonly listed: Listed },
): Promise<PlanResult> {
  const { base, stored, built } = proposal;
  const watching = new AbortController();
  const newer = base.factsThatChange(watching.signal);
  const asked = new Set<string>();
  try {
    const looking = which === 'All' ? look(home, proposal) : Promise.resolve(new Map<string, string>());
    const early = await meanwhile(home, proposal, { listed, asked }, looking);
    const seen = await looking;
    if (early && seen.size === 0 && newer.size === 0 && early.isNow()) return early.plan;
    for (;;) {
      const proposed = base.under(stored, built);
      proposed.see(base.news);
      // What attempts have stamped since we looked is what lies there now; what they left open is looked at again.
      for (const id of newer) seen.delete(id);
      newer.clear();
      proposed.see(seen);
      const looks = judged(home, proposed);
      if (looks.length > 0 && which === 'All')
        for (const [id, digest] of await home.files.look(looks)) seen.set(id, digest);
      else if (!(await fetchPreimages(home, proposed, asked))) return planNow(home, proposed, listed, base.graph);
    }
  } finally {
    watching.abort();
  }
}

interface Early {
  readonly plan: PlanResult;
  /** Nothing has happened since that it is made of. */
  isNow(): boolean;
}

/** Threads look at files: what is known of them is judged meanwhile, and mostly it is as they find it. */
async function meanwhile(
  home: HomeContext,
  { base, stored, built }: Proposal,
  { listed, asked }: { readonly listed: Listed; readonly asked: Set<string> },
  looking: Promise<unknown>,
): Promise<Early | undefined> {
  // Whoever awaits it hears of it.
  looking.catch(() => undefined);
  if (!sameShape(base.graph, built.graph) || base.news.size > 0) return undefined;
  const version = home.store.version();
  const proposed = base.under(stored, built);
  if (judged(home, proposed).length > 0) return undefined;
  await fetchPreimages(home, proposed, asked);
  const plan = planNow(home, proposed, listed, base.graph);
  return { plan, isNow: () => base.news.size === 0 && home.store.version() === version };
}

/** What the base cannot know by itself, or has not been asked to know. */
async function look(home: HomeContext, { base, stored, built }: Proposal): Promise<Map<string, string>> {
  const proposed = base.under(stored, built);
  if (!sameShape(base.graph, built.graph)) {
    const looks = [...allLooks(proposed)].map((wanted) => wanted.look);
    return new Map(await home.files.look(looks));
  }
  await lookAround(home, base);
  return new Map(await home.files.look(otherLooks(proposed)));
}

/** Everything that is not judged yet; gives what has to be looked at first. Each look adds a fact, so this ends. */
export function judged(home: HomeContext, state: WorkflowState): Look[] {
  decide(state.board, { ...takeSnapshot(home, state), mode: 'Held' });
  const looks: Look[] = [];
  for (const index of state.board.actionable) {
    const step = state.board.view(index)?.step;
    if (step?.kind !== 'Look') continue;
    state.board.mark(index);
    looks.push(step.look);
  }
  return looks;
}

/** Reads the definitions that changes are told by. True: it had to wait for some. `asked`: digests of those that were read. */
export async function fetchPreimages(home: HomeContext, state: WorkflowState, asked: Set<string>): Promise<boolean> {
  const before = asked.size;
  const note = (key: string): void => {
    for (const attempt of state.book.get(key)?.attempts ?? NONE) asked.add(templateDigestOf(attempt));
  };
  for (const task of state.graph.tasks) {
    const view = state.board.view(task.index);
    // Of what stands nobody asks how it has changed.
    if (!view || !isStanding(view)) note(task.key);
  }
  for (const key of state.book.strays) note(key);
  for (const digest of [...asked].slice(before)) {
    const json = await home.store.preimage(digest);
    if (json !== undefined) state.templates.set(digest, json);
  }
  return asked.size > before;
}

export function planNow(home: HomeContext, state: WorkflowState, listed: Listed, before?: Graph): PlanResult {
  const preimage = (digest: string): Json | undefined => state.templates.get(digest);
  const graph = before === state.graph ? undefined : before;
  return makePlan(takeSnapshot(home, state), { preimage, board: state.board, before: graph, listed });
}
