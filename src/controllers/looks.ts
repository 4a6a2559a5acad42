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

/** Every look that convergence may depend on: external inputs, tracked scripts, outputs of results. */
export function allLooks(state: WorkflowState): Look[] {
  const looks = new Looks();
  const isWanted = wantedLooks(state);
  for (const look of ownLooks(state)) if (isWanted(look)) looks.add(look);
  return looks.with(otherLooks(state));
}

/** The paths that tasks of this graph read or write, whatever has run: as long as the graph keeps its shape. */
export function ownLooks({ graph }: WorkflowState): readonly Look[] {
  const looks = new Looks();
  for (const task of graph.tasks) {
    for (const input of task.inputs) for (const look of possibleLooks(input)) if (!look.glob) looks.add(look);
    for (const output of task.outputs) if (output.form === 'path') looks.add(outputLook(output));
  }
  return looks.all;
}

/** An output that no result of its task has made is nobody's concern. */
export function wantedLooks({ graph, book }: WorkflowState): (look: Look) => boolean {
  return ({ path }) => {
    const maker = graph.producers.get(path);
    const key = maker === undefined ? undefined : graph.tasks[maker]?.key;
    return key === undefined || lastSuccess(book.get(key)) !== undefined;
  };
}

/** What ownLooks does not cover: patterns, scripts, inputs that are bound anew, outputs of removed tasks. */
export function otherLooks(state: WorkflowState): readonly Look[] {
  const { graph, book } = state;
  const looks = new Looks();
  for (const task of graph.tasks) {
    if (task.code.length > 0) for (const look of codeLooks(task)) looks.add(look);
    for (const input of task.inputs)
      if (input.form === 'glob') for (const look of possibleLooks(input)) looks.add(look);
    if (task.inputs.some(({ rebinds }) => rebinds))
      for (const input of state.inputs(task)) for (const look of externalLooks(input)) looks.add(look);
    for (const output of task.outputs)
      if (output.form === 'glob' && lastSuccess(book.get(task.key))) looks.add(outputLook(output));
  }
  // A renamed task adopts a removed one's result only if its outputs are what was recorded: same paths, looked at.
  for (const key of book.strays)
    for (const { path, digest } of lastSuccess(book.get(key))?.outcome?.outputs ?? [])
      looks.add({
        path: absolutePath(graph.workdir, path),
        fingerprint: fingerprintOfDigest(digest),
        glob: digest.startsWith('glob:'),
      });
  return looks.all;
}

/** Each once. */
class Looks {
  readonly #looks = new Map<string, Look>();

  add(look: Look): void {
    this.#looks.set(lookId(look), look);
  }

  with(others: readonly Look[]): Look[] {
    for (const look of others) this.add(look);
    return this.all;
  }

  get all(): Look[] {
    return [...this.#looks.values()];
  }
}
