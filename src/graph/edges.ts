import { fingerprintOf } from '../apis/defaults.ts';
import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import { closest } from '../base/closest.ts';
import { isGlob, parseGlob } from '../base/glob.ts';
import { MAX_DIAGNOSTICS, MAX_EDGES } from '../base/limits.ts';
import { type Expression, evaluate, type TaskReference } from '../expressions/expression.ts';
import { rebinds } from './bind-input.ts';
import { checkOutputPatterns, type Producer } from './check-output-patterns.ts';
import type { Element, ExpandedTemplate } from './element.ts';
import type { Edge, EdgeKind, GraphInput, GraphMention } from './graph.ts';
import { MakersByPattern } from './makers-by-pattern.ts';
import { OutputPaths, type Overlap } from './output-paths.ts';
import type { Scopes } from './scope.ts';
import { allExpressions, type TaskTemplate } from './template.ts';

/**
 * Edges (`docs/language.md`, rule 7.1): `dependsOn`, `requiredBy` of others, `after`, every `tasks.X` an element
 * mentions, makers of its input paths, `each`.
 */
export interface Edges {
  /** By index of the task. Those that have none may be missing, here and in the next two. */
  readonly upstream: Edge[][];
  readonly inputs: GraphInput[][];
  readonly mentions: GraphMention[][];
  readonly barriers: readonly { readonly name: string; readonly template: number }[];
  readonly count: number;
  /** Declared outputs by absolute path: who makes them. */
  readonly producers: ReadonlyMap<string, number>;
}

export interface ConnectSource {
  readonly spec: WorkflowSpec;
  readonly templates: readonly TaskTemplate[];
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  readonly scopes: Scopes;
  readonly diagnostics: Diagnostic[];
}

export function connect(source: ConnectSource): Edges {
  const connector = new Connector(source);
  connector.connectAll();
  return { ...connector.edges, producers: connector.producers() };
}

/** An expression that mentions tasks, and which of those in its field it is. */
interface Mentioning {
  readonly field: string;
  readonly number: number;
  readonly expression: Expression;
}

function mentioningExpressions(template: TaskTemplate): Mentioning[] {
  // Counted by themselves: an expression of another kind that is put before one must not look like a change of it.
  const numbers = new Map<string, number>();
  return allExpressions(template)
    .filter(({ expression }) => expression.references.some((r) => r.root === 'tasks'))
    .map(({ field, expression }) => {
      const number = (numbers.get(field) ?? 0) + 1;
      numbers.set(field, number);
      return { field, number, expression };
    });
}

class Connector {
  readonly #source: ConnectSource;
  readonly edges: {
    upstream: Edge[][];
    inputs: GraphInput[][];
    mentions: GraphMention[][];
    barriers: { name: string; template: number }[];
    count: number;
  };
  readonly #barriers = new Map<string, number>();
  /** Declared outputs by absolute path. */
  readonly #producers = new OutputPaths<Producer>();
  /** The same for patterns; made when the first one asks. */
  #patterns: MakersByPattern | undefined;
  readonly #mentions = new Map<TaskTemplate, readonly Mentioning[]>();
  readonly #total: number;
  #unknown = 0;

  constructor(source: ConnectSource) {
    this.#source = source;
    this.#total = [...source.expanded.values()].reduce((n, g) => n + g.elements.length, 0);
    this.edges = {
      upstream: Array.from({ length: this.#total }),
      inputs: Array.from({ length: this.#total }),
      mentions: Array.from({ length: this.#total }),
      barriers: [],
      count: 0,
    };
  }

  connectAll(): void {
    for (const template of this.#source.templates) this.#declareOutputs(template);
    checkOutputPatterns(this.#source, this.#producers);
    // Above the limit the graph is refused; what is still missing then would only take memory.
    for (const template of this.#source.templates) {
      if (this.edges.count > MAX_EDGES) return;
      this.#connectNames(template);
    }
    for (const template of this.#source.templates) {
      const group = this.#group(template);
      for (const [at, element] of group.elements.entries()) {
        if (this.edges.count > MAX_EDGES) return;
        this.#connectElement(template, element, group.first + at);
      }
    }
  }

  producers(): ReadonlyMap<string, number> {
    const makers = new Map<string, number>();
    for (const [path, { index }] of this.#producers.entries()) makers.set(path, index);
    return makers;
  }

  #group(template: TaskTemplate): ExpandedTemplate {
    return this.#source.expanded.get(template.name) as ExpandedTemplate;
  }

  #declareOutputs(template: TaskTemplate): void {
    const group = this.#group(template);
    for (const [at, element] of group.elements.entries()) {
      for (const [o, output] of element.outputs.entries()) {
        if (output.glob) continue;
        const overlap = this.#producers.take(output.path, { index: group.first + at, element, template });
        if (!overlap) continue;
        this.#collision(template, o, element, overlap, output.path);
        return;
      }
    }
  }

  #collision(template: TaskTemplate, o: number, element: Element, overlap: Overlap<Producer>, path: string): void {
    const { how, owner } = overlap;
    const written = (one: string): string => this.#source.scopes.write(one, 'relative');
    const name = `tasks.${template.name}.outputs.${template.outputs[o]?.spec.name}`;
    const elements = owner.template === template && template.spec.foreach !== undefined;
    const report = (message: string, hint: string): void => {
      const at = ['spec', 'tasks', template.index, 'outputs', o];
      this.#source.diagnostics.push({ severity: 'error', code: 'E-COLLISION', path: at, message, hint });
    };
    if (how !== 'Same')
      report(
        `${name}: ${written(path)} ${how === 'Inside' ? 'lies inside' : 'contains'} ${written(overlap.path)}, an output of ${owner.element.key}`,
        'An output counts with all that is in it: put outputs beside each other, or declare the outer one only.',
      );
    else if (elements)
      report(
        `${name}: ${written(path)} is written by ${owner.element.key} and ${element.key}; ${this.#group(template).elements.length} elements write such paths`,
        'Put ${{ key }} into the path, or set workdir: ${{ key }}.',
      );
    else
      report(
        `${name}: ${written(path)} is also an output of ${owner.element.key}`,
        'Every output path belongs to one task.',
      );
  }

  /** `dependsOn`, `after`, `requiredBy`: names and globs of entries; a fan-out counts as a whole. */
  #connectNames(template: TaskTemplate): void {
    for (const field of ['dependsOn', 'after', 'requiredBy'] as const) {
      for (const [i, name] of (template.spec[field] ?? []).entries()) {
        for (const other of this.#named(template, field, i, name)) {
          const [from, to] = field === 'requiredBy' ? [template, other] : [other, template];
          const source = this.#wholeIndex(from);
          const group = this.#group(to);
          for (let at = 0; at < group.elements.length; at++)
            this.#add(source, group.first + at, field === 'after' ? 'After' : 'DependsOn');
        }
      }
    }
  }

  #named(template: TaskTemplate, field: string, i: number, name: string): TaskTemplate[] {
    const { templates, expanded, diagnostics } = this.#source;
    const path = ['spec', 'tasks', template.index, field, i];
    if (!isGlob(name)) {
      const found = expanded.get(name)?.template;
      if (found && found !== template) return [found];
      const shown = !found && ++this.#unknown <= MAX_DIAGNOSTICS;
      const near = shown
        ? closest(
            name,
            templates.map((t) => t.name),
          )
        : undefined;
      diagnostics.push({
        severity: 'error',
        code: 'E-UNKNOWN-TASK',
        path,
        message: found
          ? `${template.name} names itself in ${field}`
          : `${template.name}: ${field} names ${name}, and no task is called so`,
        hint: near !== undefined ? `Did you mean ${near}?` : undefined,
      });
      return [];
    }
    const glob = parseGlob(name);
    const matched = glob.ok ? templates.filter((t) => t !== template && glob.value.matches(t.name)) : [];
    if (matched.length === 0)
      diagnostics.push({
        severity: 'error',
        code: 'E-NO-MATCH',
        path,
        message: glob.ok ? `${template.name}: no other task matches ${name}` : `${template.name}: ${glob.error}`,
      });
    return matched;
  }

  /** A task, or the barrier that stands for all elements of a fan-out. */
  #wholeIndex(template: TaskTemplate): number {
    const group = this.#group(template);
    if (!group.fanOut) return group.first;
    const known = this.#barriers.get(template.name);
    if (known !== undefined) return known;
    const index = this.#total + this.edges.barriers.length;
    this.#barriers.set(template.name, index);
    this.edges.barriers.push({ name: template.name, template: template.index });
    this.edges.upstream[index] = [];
    for (let at = 0; at < group.elements.length; at++) this.#add(group.first + at, index, 'DependsOn');
    return index;
  }

  #connectElement(template: TaskTemplate, element: Element, index: number): void {
    if (template.inputs.length > 0)
      this.edges.inputs[index] = template.inputs.map((_, i) => this.#input(template, element, index, i));
    const mentioning = this.#mentioning(template);
    if (mentioning.length === 0 && element.counterparts.length === 0) return;
    const mentions: GraphMention[] = [];
    const mentioned = new Set<string>();
    for (const { field, number, expression } of mentioning) {
      for (const mention of this.#mentionsOf(template, element, field, number, expression)) {
        for (const upstream of mention.upstream)
          this.#add(upstream, index, field.startsWith('resources') ? 'After' : 'Mention');
        for (const r of expression.references) if (r.root === 'tasks') mentioned.add(r.task);
        // Paths of inputs contribute by the file itself; elsewhere in the graph stage they only name paths.
        if (!/^(inputs|outputs|workdir|foreach|resources)/.test(field)) mentions.push(mention);
      }
    }
    if (mentions.length > 0) this.edges.mentions[index] = mentions;
    for (const counterpart of element.counterparts) {
      if (mentioned.has(counterpart.template)) continue;
      const group = this.#source.expanded.get(counterpart.template) as ExpandedTemplate;
      const at = group.byElementKey.get(counterpart.elementKey);
      if (at !== undefined) this.#add(group.first + at, index, 'Each');
    }
  }

  /** The same for every element. */
  #mentioning(template: TaskTemplate): readonly Mentioning[] {
    let known = this.#mentions.get(template);
    if (!known) {
      known = mentioningExpressions(template);
      this.#mentions.set(template, known);
    }
    return known;
  }

  #input(template: TaskTemplate, element: Element, index: number, i: number): GraphInput {
    const spec = template.inputs[i]?.spec as TaskTemplate['inputs'][number]['spec'];
    const bound = element.inputs[i] as Element['inputs'][number];
    const form = spec.path !== undefined ? 'path' : spec.paths ? 'paths' : 'glob';
    const producers = bound.paths.map((path) => (form === 'glob' ? undefined : this.#producers.get(path)?.index));
    for (const producer of producers) {
      if (producer === undefined) continue;
      if (producer === index) this.#selfInput(template, i);
      else this.#add(producer, index, 'Input');
    }
    const fallback = bound.fallback && {
      paths: bound.fallback,
      producers: bound.fallback.map((path) => this.#producers.get(path)?.index),
    };
    for (const producer of fallback?.producers ?? [])
      if (producer === index) this.#selfInput(template, i);
      else if (producer !== undefined) this.#add(producer, index, 'Input');
    if (form === 'glob') this.#globInput(bound.paths[0] as string, index);
    return {
      name: spec.name,
      form,
      paths: bound.paths,
      producers,
      fallback,
      rebinds: rebinds(template.inputs[i] as TaskTemplate['inputs'][number]),
      optional: spec.optional ?? false,
      external: spec.external ?? false,
      fingerprint: fingerprintOf(this.#source.spec, spec),
    };
  }

  /** Whoever declares an output that the pattern matches comes first. */
  #globInput(pattern: string, index: number): void {
    this.#patterns ??= new MakersByPattern(this.producers());
    for (const maker of this.#patterns.makersOf(pattern)) if (maker !== index) this.#add(maker, index, 'Input');
  }

  #selfInput(template: TaskTemplate, i: number): void {
    this.#source.diagnostics.push({
      severity: 'error',
      code: 'E-COLLISION',
      path: ['spec', 'tasks', template.index, 'inputs', i],
      message: `tasks.${template.name}: the path of input ${template.inputs[i]?.spec.name} is also an output of the same task`,
      hint: 'A task may not change a file in place: write to another path.',
    });
  }

  #mentionsOf(
    template: TaskTemplate,
    element: Element,
    field: string,
    number: number,
    expression: Expression,
  ): GraphMention[] {
    const found: GraphMention[] = [];
    for (const [i, reference] of expression.references.entries()) {
      if (reference.root !== 'tasks') continue;
      const group = this.#source.expanded.get(reference.task);
      if (!group || group.template === template) continue;
      const upstream = this.#mentionedIndexes(template, element, group, reference, expression, field);
      const member = reference.member === 'other' ? 'phase' : reference.member;
      const suffix = expression.references.length > 1 ? `.${i}` : '';
      found.push({
        slot: `${field}#${number}${suffix}`,
        upstream,
        member,
        name: reference.name,
        guarded: expression.pure === undefined || (expression.pure !== undefined && isArgument(field)),
      });
    }
    return found;
  }

  #mentionedIndexes(
    template: TaskTemplate,
    element: Element,
    group: ExpandedTemplate,
    reference: TaskReference,
    expression: Expression,
    field: string,
  ): number[] {
    if (!group.fanOut) return [group.first];
    if (reference.at === undefined)
      return reference.member === 'phase' || reference.member === 'reason'
        ? [this.#wholeIndex(group.template)]
        : group.elements.map((_, at) => group.first + at);
    const scope = this.#source.scopes.of(element, 'relative', []);
    const join = expression.joins.find((j) => JSON.stringify(j.reference) === JSON.stringify(reference));
    const keys = join ? evaluate(join.argument, scope) : undefined;
    if (!keys?.ok) {
      this.#badJoin(template, field, `${element.key}: ${keys?.error ?? 'at() has no argument'}`);
      return [];
    }
    const indexes: number[] = [];
    for (const key of Array.isArray(keys.value) ? keys.value : [keys.value]) {
      const at = typeof key === 'string' ? group.byElementKey.get(key) : undefined;
      if (at !== undefined) indexes.push(group.first + at);
      else this.#badJoin(template, field, `${element.key}: ${group.template.name} has no element ${String(key)}`);
    }
    return indexes;
  }

  #badJoin(template: TaskTemplate, field: string, message: string): void {
    const path = ['spec', 'tasks', template.index, field.split(/[.[]/)[0] as string];
    if (this.#source.diagnostics.some((d) => d.code === 'E-JOIN' && d.path[2] === template.index)) return;
    this.#source.diagnostics.push({ severity: 'error', code: 'E-JOIN', path, message });
  }

  #add(from: number, to: number, kind: EdgeKind): void {
    this.edges.upstream[to] ??= [];
    const list = this.edges.upstream[to];
    // Lists are short except at joins, where edges of one kind come in ascending order.
    const last = list[list.length - 1];
    if (last && last.from === from && last.kind === kind) return;
    if (list.length < 64 && list.some((e) => e.from === from && e.kind === kind)) return;
    list.push({ from, to, kind });
    this.edges.count++;
  }
}

/** In a script an absent argument word is left out; the script's own quotes decide, so the launch judges it. */
function isArgument(field: string): boolean {
  return field === 'run' || field === 'setup';
}
