import type { Diagnostic } from '../apis/diagnostic.ts';
import { globFolder, parseFileGlob } from '../base/file-glob.ts';
import type { Graph, GraphOutput } from './graph.ts';
import { foldersAbove } from './output-paths.ts';

/** Something that no output may be or hold, since outputs are moved aside before they are made again. */
export interface Place {
  readonly path: string;
  /** As a message names it: `the workflow's folder`. */
  readonly what: string;
  /** Nothing below it may be an output either. */
  readonly whole?: boolean;
}

/** Outputs that are, contain or, as patterns, match a place that must stay where it is; the first of each entry of `outputs`. */
export function checkOutputPlaces(graph: Graph, places: readonly Place[]): Diagnostic[] {
  const held = new Map<string, Place>();
  for (const place of places)
    for (const path of [place.path, ...foldersAbove(place.path)]) if (!held.has(path)) held.set(path, place);
  const found: Diagnostic[] = [];
  const reported = new Set<string>();
  for (const task of graph.tasks) {
    for (const [i, output] of task.outputs.entries()) {
      const place =
        (output.form === 'path' ? held.get(output.path) : matchedPlace(output.path, held)) ??
        ownerOf(output.form === 'path' ? output.path : `${globFolder(output.path)}/`, places);
      const entry = `${task.template} ${i}`;
      if (!place || reported.has(entry)) continue;
      reported.add(entry);
      const how = howItStands(output, place);
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

function howItStands({ path, form }: GraphOutput, place: Place): string {
  if (path.startsWith(`${place.path}/`)) return 'lies in';
  return form === 'glob' ? 'matches' : path === place.path ? 'is' : 'contains';
}

function ownerOf(path: string, places: readonly Place[]): Place | undefined {
  return places.find((place) => place.whole && path.startsWith(`${place.path}/`));
}

/** Places are few; most patterns begin elsewhere. */
function matchedPlace(pattern: string, held: ReadonlyMap<string, Place>): Place | undefined {
  const folder = globFolder(pattern);
  if (!held.has(folder)) return undefined;
  const glob = parseFileGlob(pattern);
  if (glob.ok) for (const [path, place] of held) if (glob.value.matches(path)) return place;
  return undefined;
}
