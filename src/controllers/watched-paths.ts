import { codeLooks, possibleLooks } from '../planning/facts.ts';
import type { WorkflowState } from './workflow-state.ts';

/** What `watchInputs` wants watched: files and folders that no task makes, and patterns over them. All absolute. */
export interface WatchedPaths {
  readonly paths: readonly string[];
  readonly globs: readonly string[];
}

const known = new WeakMap<object, WatchedPaths>();

/**
 * External inputs, tracked scripts and sheets of a workflow that asks for it; undefined where it does not. The same
 * object until the graph changes.
 */
export function watchedPaths(state: WorkflowState): WatchedPaths | undefined {
  const { metadata, spec } = state.stored.object;
  if (spec.watchInputs !== true || metadata.deletionTimestamp !== undefined) return undefined;
  const before = known.get(state.graph);
  if (before) return before;
  const paths = new Set(Object.keys(state.stored.memory.sheets));
  const globs = new Set<string>();
  for (const task of state.graph.tasks) {
    for (const input of task.inputs)
      for (const look of possibleLooks(input)) (look.glob ? globs : paths).add(look.path);
    for (const look of codeLooks(task)) paths.add(look.path);
  }
  const made = { paths: [...paths], globs: [...globs] };
  known.set(state.graph, made);
  return made;
}
