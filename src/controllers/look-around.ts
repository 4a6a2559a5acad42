import { nextEventLoopTurn } from '../base/event-loop.ts';
import { type Look, lookId, lookOf } from '../planning/facts.ts';
import type { HomeContext } from './home-context.ts';
import { allLooks, otherLooks, ownLooks, wantedLooks } from './looks.ts';
import type { WorkflowState } from './workflow-state.ts';

/** Who has looked so often will look again. Before that, holding would cost more than it spares. */
const LOOKS_BEFORE_HOLDING = 2;
/** So many at a time: what looking takes beside what is kept of it is needed for these only. */
const LOOKS_AT_ONCE = 20_000;

type Take = (id: string, digest: string) => void;

/** Looks at every file that convergence may depend on, and keeps what was seen as facts. No turn may be taken meanwhile. */
export async function lookAtAll(home: HomeContext, state: WorkflowState): Promise<void> {
  state.seeNews();
  await look(home, state, (id, digest) => state.setFact(id, digest));
}

/**
 * The same beside the turns: what is otherwise than the workflow knows is noted as its `news`. What an attempt has stamped
 * since is not overwritten by what was seen before.
 */
export async function lookAround(home: HomeContext, state: WorkflowState): Promise<void> {
  const looking = new AbortController();
  const newer = state.factsThatChange(looking.signal);
  try {
    await look(home, state, (id, digest) => {
      if (state.facts.get(id) === digest) state.news.delete(id);
      else if (newer.has(id)) state.doubtful.add(id);
      else state.news.set(id, digest);
    });
  } finally {
    looking.abort();
  }
}

async function look(home: HomeContext, state: WorkflowState, take: Take): Promise<void> {
  const { files } = home;
  const held = state.heldLooks;
  // Who begins to hold needs time for that, which nobody waits for here: they are held from the next look on.
  if (home.activity === 'Active' && state.timesLookedAround++ >= LOOKS_BEFORE_HOLDING)
    state.heldLooks ??= files.hold?.(ownLooks(state));
  if (!held) return lookInParts(home, state, take);
  try {
    await held.again(wantedLooks(state), take);
  } catch {
    // Others may be held by now.
    if (state.heldLooks === held) state.release();
    return lookInParts(home, state, take);
  }
  // What is held is told once: what was lost of it is asked for.
  const doubtful = [...state.doubtful].map(lookOf);
  state.doubtful.clear();
  for (const [id, digest] of await files.look([...otherLooks(state), ...doubtful])) take(id, digest);
}

async function lookInParts({ files }: HomeContext, state: WorkflowState, take: Take): Promise<void> {
  let looks: Look[] = [];
  let recorded = new Map<string, string>();
  let many = false;
  const part = async (): Promise<void> => {
    for (const [id, digest] of await files.look(looks)) {
      const before = recorded.get(id);
      // What is seen mostly is what is recorded, and need not be in memory twice.
      take(id, before === digest ? before : digest);
    }
    looks = [];
    recorded = new Map();
  };
  for (const wanted of allLooks(state)) {
    looks.push(wanted.look);
    if (wanted.recorded !== undefined) recorded.set(lookId(wanted.look), wanted.recorded);
    if (looks.length < LOOKS_AT_ONCE) continue;
    await part();
    many = true;
  }
  await part();
  // Whoever looks at so many lets go of what that took when others have their turn: before they are judged, which takes more.
  if (many) await nextEventLoopTurn();
}
