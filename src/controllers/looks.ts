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

export interface Wanted {
  readonly look: Look;
  /** What the last result has there. */
  readonly recorded?: string | undefined;
}

/** Every look that convergence may depend on: external inputs, tracked scripts, outputs of results. */
export function* allLooks(state: WorkflowState): Generator<Wanted> {
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
  yield* looksOfRemoved(state);
}

function sharedLooks(state: WorkflowState, task: GraphTask): readonly Look[] {
  if (task.inputs.length === 0 && task.code.length === 0) return NONE;
  return [...task.inputs.flatMap(possibleLooks), ...boundAnew(state, task), ...codeLooks(task)];
}

function boundAnew(state: WorkflowState, task: GraphTask): readonly Look[] {
  return task.inputs.some(({ rebinds }) => rebinds) ? state.inputs(task).flatMap(externalLooks) : NONE;
}

/** A renamed task adopts a removed one's result only if its outputs are what was recorded: same paths, looked at. */
function* looksOfRemoved({ book, graph }: WorkflowState): Generator<Wanted> {
  for (const key of book.strays)
    for (const { path, digest } of lastSuccess(book.get(key))?.outcome?.outputs ?? NONE) {
      const look = {
        path: absolutePath(graph.workdir, path),
        fingerprint: fingerprintOfDigest(digest),
        glob: digest.startsWith('glob:'),
      };
      yield { look, recorded: digest };
    }
}

/** The paths that tasks of this graph read or write, whatever has run: the same as long as the graph keeps its shape. */
export function ownLooks({ graph }: WorkflowState): readonly Look[] {
  const looks = new Map<string, Look>();
  for (const task of graph.tasks) {
    for (const look of task.inputs.flatMap(possibleLooks)) if (!look.glob) looks.set(lookId(look), look);
    for (const output of task.outputs)
      if (output.form === 'path') looks.set(lookId(outputLook(output)), outputLook(output));
  }
  return [...looks.values()];
}

/** Of those: an output that no result of its task has made is nobody's concern. */
export function wantedLooks({ graph, book }: WorkflowState): (look: Look) => boolean {
  return ({ path }) => {
    const maker = graph.producers.get(path);
    const key = maker === undefined ? undefined : graph.tasks[maker]?.key;
    return key === undefined || lastSuccess(book.get(key)) !== undefined;
  };
}

function hasOtherLooks({ code, inputs, outputs }: GraphTask): boolean {
  if (code.length > 0) return true;
  return inputs.some(({ form, rebinds }) => form === 'glob' || rebinds) || outputs.some(({ form }) => form === 'glob');
}

/** The rest of all: patterns, scripts, inputs that are bound anew, outputs of removed tasks. */
export function otherLooks(state: WorkflowState): readonly Look[] {
  const { graph, book } = state;
  const looks = new Map<string, Look>();
  const add = (look: Look): void => void looks.set(lookId(look), look);
  // Mostly none of a template's tasks has any, and there may be 100,000 of them.
  const templates = new Map<number, boolean>();
  for (const task of graph.tasks) {
    if (task.kind === 'Barrier') continue;
    let has = templates.get(task.template);
    if (has === undefined) templates.set(task.template, (has = hasOtherLooks(task)));
    if (!has) continue;
    for (const input of task.inputs) if (input.form === 'glob') possibleLooks(input).forEach(add);
    boundAnew(state, task).forEach(add);
    if (task.code.length > 0) codeLooks(task).forEach(add);
    for (const output of task.outputs)
      if (output.form === 'glob' && lastSuccess(book.get(task.key))) add(outputLook(output));
  }
  for (const { look } of looksOfRemoved(state)) add(look);
  return [...looks.values()];
}
