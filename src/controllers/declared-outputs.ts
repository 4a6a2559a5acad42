import { pathsAndFolders } from '../graph/check-output-patterns.ts';
import type { Graph, GraphOutput, GraphTask } from '../graph/graph.ts';
import { MakersByPattern } from '../graph/makers-by-pattern.ts';
import { OutputPatterns } from '../graph/output-patterns.ts';
import { folderOfAll, foldersMeet } from '../graph/pattern-shape.ts';

/** An output, by its place in the document. */
export interface Declared {
  readonly task: GraphTask;
  readonly i: number;
  readonly output: GraphOutput;
}

/** The outputs of one workflow, to be held against those of another. What that takes is made when somebody asks. */
export class DeclaredOutputs {
  readonly #graph: Graph;
  #paths: readonly Declared[] | undefined;
  readonly patterns: readonly Declared[];
  readonly #patternFolder: string | undefined;
  #pathFolder: string | undefined;
  #tree: OutputPatterns<undefined> | undefined;
  #makers: MakersByPattern | undefined;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.patterns = declaredAs(graph, 'glob');
    this.#patternFolder = folderOfAll(this.patterns.map(({ output }) => output.path));
  }

  get paths(): readonly Declared[] {
    this.#paths ??= declaredAs(this.#graph, 'path');
    return this.#paths;
  }

  get pathFolder(): string | undefined {
    this.#pathFolder ??= folderOfAll(this.paths.map(({ output }) => output.path));
    return this.#pathFolder;
  }

  /**
   * The first output of these that can be the same file as one of `others`, of which one at least is a pattern. `TooMany`:
   * it would take too long to tell.
   */
  meeting(others: DeclaredOutputs, most: number): Meeting | 'TooMany' | undefined {
    return (
      this.#patternsWithPatterns(others, most) ??
      this.#matchedBy(others, most, (one, path) => ({ one, how: `matches ${path}, which is or holds an output of` })) ??
      others.#matchedBy(this, most, (_, path, one) => ({
        one,
        how: `${path === one.output.path ? 'is' : `lies in ${path}, which is`} matched by an output of`,
      }))
    );
  }

  #patternsWithPatterns(others: DeclaredOutputs, most: number): Meeting | 'TooMany' | undefined {
    if (!meet(this.#patternFolder, others.#patternFolder)) return undefined;
    others.#tree ??= treeOf(others.patterns);
    const steps = { left: most };
    for (const one of this.patterns) {
      const found = others.#tree.meeting(one.output.path, undefined, steps);
      if (found === 'TooMany') return found;
      if (found) return { one, how: `may match what ${found.pattern} matches, an output of` };
    }
    return undefined;
  }

  /** Patterns of these over paths of `others`, and over the folders that those lie in. */
  #matchedBy(
    others: DeclaredOutputs,
    most: number,
    meeting: (pattern: Declared, path: string, matched: Declared) => Meeting,
  ): Meeting | 'TooMany' | undefined {
    if (this.patterns.length === 0 || !meet(this.#patternFolder, others.pathFolder)) return undefined;
    others.#makers ??= new MakersByPattern(
      pathsAndFolders(others.paths.map(({ output }, at) => [output.path, at])).makers,
    );
    const makers = others.#makers;
    const before = makers.steps;
    for (const one of this.patterns) {
      const found = makers.pathOfOther(one.output.path);
      if (found) return meeting(one, found[0], others.paths[found[1]] as Declared);
      if (makers.steps - before > most) return 'TooMany';
    }
    return undefined;
  }
}

function declaredAs(graph: Graph, form: GraphOutput['form']): Declared[] {
  const found: Declared[] = [];
  for (const task of graph.tasks)
    for (const [i, output] of task.outputs.entries()) if (output.form === form) found.push({ task, i, output });
  return found;
}

export interface Meeting {
  readonly one: Declared;
  /** As a message says it, before the other workflow's name. */
  readonly how: string;
}

function meet(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && foldersMeet(one, other);
}

function treeOf(patterns: readonly Declared[]): OutputPatterns<undefined> {
  const tree = new OutputPatterns<undefined>();
  for (const [number, { output }] of patterns.entries()) tree.add({ pattern: output.path, owner: undefined, number });
  return tree;
}
