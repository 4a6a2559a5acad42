import type { FileSpace } from '../backends/backend.ts';
import { nextEventLoopTurn } from '../base/event-loop.ts';
import { NONE } from '../base/none.ts';
import type { GraphTask } from '../graph/graph.ts';
import { absolutePath } from '../graph/paths.ts';
import {
  codeLooks,
  externalLooks,
  fingerprintOfDigest,
  type Look,
  lookId,
  outputLook,
  possibleLooks,
} from '../planning/facts.ts';
import { lastSuccess } from '../planning/record.ts';
import type { WorkflowState } from './workflow-state.ts';

/** So many at a time: what looking takes beside what is kept of it is needed for these only. */
const LOOKS_AT_ONCE = 20_000;

/** Looks at every file that convergence may depend on, and keeps what was seen as facts. */
export async function lookAtAll(files: Pick<FileSpace, 'look'>, state: WorkflowState): Promise<void> {
  let looks: Look[] = [];
  let recorded = new Map<string, string>();
  let many = false;
  const look = async (): Promise<void> => {
    for (const [id, digest] of await files.look(looks)) {
      const before = recorded.get(id);
      // What is seen mostly is what is recorded, and need not be in memory twice.
      state.setFact(id, before === digest ? before : digest);
    }
    looks = [];
    recorded = new Map();
  };
  for (const wanted of allLooks(state)) {
    looks.push(wanted.look);
    if (wanted.recorded !== undefined) recorded.set(lookId(wanted.look), wanted.recorded);
    if (looks.length < LOOKS_AT_ONCE) continue;
    await look();
    many = true;
  }
  await look();
  // Whoever looks at so many lets go of what that took when others have their turn: before they are judged, which takes more.
  if (many) await nextEventLoopTurn();
}

interface Wanted {
  readonly look: Look;
  /** What the last result has there. */
  readonly recorded?: string | undefined;
}

/** External inputs, tracked scripts, outputs of results. */
function* allLooks(state: WorkflowState): Generator<Wanted> {
  const { book, graph } = state;
  // Many tasks may read one file; outputs belong to one task each.
  const shared = new Set<string>();
  for (const task of graph.tasks) {
    for (const look of sharedLooks(state, task)) {
      const id = lookId(look);
      if (!shared.has(id)) yield { look };
      shared.add(id);
    }
    const made = lastSuccess(book.get(task.key))?.outcome?.outputs;
    if (!made) continue;
    for (const output of task.outputs)
      yield { look: outputLook(output), recorded: made.find(({ name }) => name === output.name)?.digest };
  }
  // A renamed task adopts a removed one's result only if its outputs are what was recorded: same paths, looked at.
  for (const key of book.strays) {
    for (const { path, digest } of lastSuccess(book.get(key))?.outcome?.outputs ?? []) {
      const look = {
        path: absolutePath(graph.workdir, path),
        fingerprint: fingerprintOfDigest(digest),
        glob: digest.startsWith('glob:'),
      };
      yield { look, recorded: digest };
    }
  }
}

function sharedLooks(state: WorkflowState, task: GraphTask): readonly Look[] {
  if (task.inputs.length === 0 && task.code.length === 0) return NONE;
  const looks = task.inputs.flatMap(possibleLooks);
  if (task.inputs.some(({ rebinds }) => rebinds)) looks.push(...state.inputs(task).flatMap(externalLooks));
  looks.push(...codeLooks(task));
  return looks;
}
