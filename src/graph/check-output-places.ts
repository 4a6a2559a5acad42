import type { Diagnostic } from '../apis/diagnostic.ts';
import type { Graph } from './graph.ts';
import { foldersAbove } from './output-paths.ts';

/** Something that no output may be or hold, since outputs are moved aside before they are made again. */
export interface Place {
  readonly path: string;
  /** As a message names it: `the workflow's folder`. */
  readonly what: string;
}

/** Outputs that are, or contain, a place that must stay where it is; the first of each entry of `outputs`. */
export function checkOutputPlaces(graph: Graph, places: readonly Place[]): Diagnostic[] {
  const held = new Map<string, Place>();
  for (const place of places)
    for (const path of [place.path, ...foldersAbove(place.path)]) if (!held.has(path)) held.set(path, place);
  const found: Diagnostic[] = [];
  const reported = new Set<string>();
  for (const task of graph.tasks) {
    for (const [i, output] of task.outputs.entries()) {
      const place = output.form === 'path' ? held.get(output.path) : undefined;
      const entry = `${task.template} ${i}`;
      if (!place || reported.has(entry)) continue;
      reported.add(entry);
      const how = output.path === place.path ? 'is' : 'contains';
      found.push({
        severity: 'error',
        code: 'E-OUTPUT-PATH',
        path: ['spec', 'tasks', task.template, 'outputs', i],
        message: `${task.key}: output ${output.name}: ${output.path} ${how} ${place.what}`,
        hint: 'An output is moved aside before it is made again: give it a path of its own.',
      });
    }
  }
  return found;
}
