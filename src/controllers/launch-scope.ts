import { closest } from '../base/closest.ts';
import { isGlob, parseGlob } from '../base/glob.ts';
import { MAX_REQUEST_WORD_CHARS } from '../base/limits.ts';
import type { Graph } from '../graph/graph.ts';
import { withAllUpstream } from '../graph/upstream.ts';
import type { Board } from '../planning/board.ts';
import { handlesFailure } from '../planning/trigger.ts';
import type { HomeError } from './home.ts';
import { namesNothing, selectTasks } from './task-selection.ts';

/** `Moving`: not all of them are final. `Failed`: a failure that nobody handles, or something was cancelled. */
export type Reached = 'Moving' | 'Succeeded' | 'Failed';

/** `run --until`: the named tasks and all that is upstream of them. A wish of this process; nothing of it is written. */
export class LaunchScope {
  readonly tasks: ReadonlySet<number>;
  readonly #graph: Graph;
  readonly #patterns: readonly string[];
  readonly #order: readonly number[];
  /** Where a task was not final when last asked: asked first, so that asking often costs little. */
  #at = 0;

  constructor(graph: Graph, patterns: readonly string[]) {
    this.#graph = graph;
    this.#patterns = patterns;
    this.tasks = withAllUpstream(
      graph,
      selectTasks(graph, { tasks: patterns }).map((task) => task.index),
    );
    this.#order = [...this.tasks];
  }

  /** The same wish of another generation. */
  in(graph: Graph): LaunchScope {
    return new LaunchScope(graph, this.#patterns);
  }

  reached(board: Board): Reached {
    const count = this.#order.length;
    for (let seen = 0; seen < count; seen++) {
      if (board.view(this.#order[this.#at] as number)?.settled !== true) return 'Moving';
      this.#at = (this.#at + 1) % count;
    }
    return this.#order.some((index) => this.#isBad(board, index)) ? 'Failed' : 'Succeeded';
  }

  #isBad(board: Board, index: number): boolean {
    const phase = board.view(index)?.phase;
    return phase === 'Cancelled' || (phase === 'Failed' && !handlesFailure(this.#graph, index));
  }
}

/** Suggestions are a courtesy: in a large fan-out the first keys must do. */
const MAX_CANDIDATES = 2_000;

/** Why these keys and globs cannot be reconciled alone; undefined: they can. */
export function untilRefusal(graph: Graph, patterns: readonly string[]): HomeError | undefined {
  const unread = patterns.filter(isGlob).map((pattern) => parseGlob(pattern));
  for (const glob of unread) if (!glob.ok) return refusal(glob.error);
  const none = namesNothing(graph, patterns);
  if (none === undefined) return undefined;
  const names = new Set(graph.templates.map((template) => template.name));
  for (const task of graph.tasks.slice(0, MAX_CANDIDATES)) if (task.kind !== 'Barrier') names.add(task.key);
  const near = closest(none, names);
  const shown = none.slice(0, MAX_REQUEST_WORD_CHARS);
  return refusal(`no task ${shown} to run until.${near === undefined ? '' : ` Did you mean ${near}?`}`);
}

function refusal(message: string): HomeError {
  return { reason: 'Invalid', message, diagnostics: [] };
}
