import type { Diagnostic } from '../apis/diagnostic.ts';
import { globFolder } from '../base/file-glob.ts';
import { MAX_PATTERN_STEPS } from '../base/limits.ts';
import type { Element, ExpandedTemplate } from './element.ts';
import { MakersByPattern } from './makers-by-pattern.ts';
import { foldersAbove, type OutputPaths } from './output-paths.ts';
import { OutputPatterns } from './output-patterns.ts';
import type { Scopes } from './scope.ts';
import type { TaskTemplate } from './template.ts';

/** Who declares an output. */
export interface Producer {
  readonly index: number;
  readonly element: Element;
  readonly template: TaskTemplate;
}

interface Source {
  readonly templates: readonly TaskTemplate[];
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  readonly scopes: Scopes;
  readonly diagnostics: Diagnostic[];
}

/**
 * What a pattern matches is its task's output, whole, and is moved aside before the task runs again. So it may not match
 * what another task makes, nor a folder that this lies in, nor lie in another task's directory; and no two patterns of
 * different tasks may ever match the same. Said once for a template.
 */
export function checkOutputPatterns(source: Source, paths: OutputPaths<Producer>): void {
  if (!source.templates.some((t) => t.outputs.some((o) => o.spec.path === undefined))) return;
  const check = new Check(source, paths);
  for (const template of source.templates) check.add(template);
  for (const template of source.templates) check.report(template);
}

class Check {
  readonly #source: Source;
  readonly #paths: OutputPaths<Producer>;
  readonly #patterns = new OutputPatterns<Element>();
  readonly #matched: MakersByPattern;
  readonly #shared: ReadonlySet<string>;
  readonly #steps = { left: MAX_PATTERN_STEPS };

  constructor(source: Source, paths: OutputPaths<Producer>) {
    this.#source = source;
    this.#paths = paths;
    const { makers, shared } = pathsAndFolders([...paths.entries()].map(([path, { index }]) => [path, index]));
    this.#matched = new MakersByPattern(makers);
    this.#shared = shared;
  }

  add(template: TaskTemplate): void {
    for (const { path, index, element } of this.#patternsOf(template))
      this.#patterns.add({ pattern: path, owner: element, number: index });
  }

  /** The first of a template. */
  report(template: TaskTemplate): void {
    for (const { path, index, element, o } of this.#patternsOf(template)) {
      const found = this.#problem(path, index);
      if (!found) continue;
      const several = template.spec.foreach === undefined ? '' : ` of ${element.key}`;
      const name = `tasks.${template.name}.outputs.${template.outputs[o]?.spec.name}${several}`;
      this.#source.diagnostics.push({
        severity: 'error',
        code: found.code,
        path: ['spec', 'tasks', template.index, 'outputs', o],
        message: `${name}: ${this.#written(path)} ${found.message}`,
        hint: found.hint,
      });
      return;
    }
  }

  #problem(pattern: string, index: number): Pick<Diagnostic, 'code' | 'message' | 'hint'> | undefined {
    const around = this.#paths.around(globFolder(pattern));
    if (around && around.owner.index !== index)
      return {
        code: 'E-COLLISION',
        message: `lies inside ${this.#written(around.path)}, an output of ${around.owner.element.key}`,
        hint: 'An output counts with all that is in it: put outputs beside each other, or declare the outer one only.',
      };
    const meeting = this.#patterns.meeting(pattern, index, this.#steps);
    if (meeting === 'TooMany' || this.#matched.steps > MAX_PATTERN_STEPS) return TOO_MANY;
    if (meeting)
      return {
        code: 'E-COLLISION',
        message: `may match what ${this.#written(meeting.pattern)} matches, an output of ${meeting.owner.key}`,
        hint: APART,
      };
    const matched = this.#matched.pathOfOther(pattern, index, this.#shared);
    if (!matched) return undefined;
    const [path, maker] = matched;
    const owner = this.#paths.get(path)?.element.key;
    const what =
      owner !== undefined
        ? `an output of ${owner}`
        : this.#shared.has(path)
          ? 'a folder that several tasks write into'
          : `a folder that ${this.#elementOf(maker).key} writes into`;
    return { code: 'E-COLLISION', message: `matches ${this.#written(path)}, ${what}`, hint: APART };
  }

  *#patternsOf(template: TaskTemplate): Generator<{ path: string; index: number; element: Element; o: number }> {
    const group = this.#source.expanded.get(template.name) as ExpandedTemplate;
    for (const [at, element] of group.elements.entries())
      for (const [o, output] of element.outputs.entries())
        if (output.glob) yield { path: output.path, index: group.first + at, element, o };
  }

  #elementOf(index: number): Element {
    for (const { first, elements } of this.#source.expanded.values()) {
      const element = elements[index - first];
      if (element) return element;
    }
    throw new Error(`no task has the index ${index}`);
  }

  #written(path: string): string {
    return this.#source.scopes.write(path, 'relative');
  }
}

const APART =
  'Every file belongs to one task: give the patterns different folders, or names that begin or end differently.';

const TOO_MANY = {
  code: 'E-LIMIT',
  message: `has too many outputs beside it: telling them apart takes more than ${MAX_PATTERN_STEPS} comparisons`,
  hint: 'Put ${{ key }} into the folder of the pattern, or set workdir: ${{ key }}.',
};

/** Makers of paths, and of the folders above them, each with one; `shared`: folders in which several make something. */
export function pathsAndFolders(paths: readonly (readonly [path: string, maker: number])[]): {
  readonly makers: ReadonlyMap<string, number>;
  readonly shared: ReadonlySet<string>;
} {
  const makers = new Map(paths);
  const shared = new Set<string>();
  for (const [path, maker] of paths) {
    for (const folder of foldersAbove(path)) {
      const known = makers.get(folder);
      if (known === undefined) makers.set(folder, maker);
      // All above it has several makers as well.
      else if (shared.has(folder)) break;
      else if (known !== maker) shared.add(folder);
    }
  }
  return { makers, shared };
}
