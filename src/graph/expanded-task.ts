import { triggerRuleOf } from '../apis/defaults.ts';
import type { TaskSpec, TriggerRule, WorkflowSpec } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import type { Definition, SharedDefinition } from './definition.ts';
import type { Element } from './element.ts';
import { ElementPreimage } from './element-preimage.ts';
import type { DefinitionPreimage, Edge, GraphInput, GraphMention, GraphOutput, GraphTask } from './graph.ts';
import type { TaskTemplate } from './template.ts';

/** What all elements of a template have in common. */
export interface TemplateTask {
  readonly kind: 'Task' | 'Gate';
  readonly template: number;
  readonly spec: TaskSpec;
  readonly triggerRule: TriggerRule;
  readonly allowFailure: boolean;
  readonly priority: number;
  readonly fanout: GraphTask['fanout'];
  readonly definition: SharedDefinition;
}

export function templateTask(spec: WorkflowSpec, template: TaskTemplate, definition: SharedDefinition): TemplateTask {
  const own = template.spec;
  const parallelism = own.foreach?.parallelism;
  return {
    kind: template.body.kind === 'Gate' ? 'Gate' : 'Task',
    template: template.index,
    spec: own,
    triggerRule: triggerRuleOf(own),
    allowFailure: own.allowFailure ?? false,
    priority: own.priority ?? spec.priority ?? 0,
    fanout: parallelism === undefined ? undefined : { name: template.name, parallelism },
    definition,
  };
}

/** What leads to one task. */
export interface Links {
  readonly inputs: readonly GraphInput[] | undefined;
  readonly mentions: readonly GraphMention[] | undefined;
  readonly upstream: readonly Edge[] | undefined;
}

/** A task of the graph that holds what is its own; the rest is its template's, or made of both when somebody asks. */
export class ExpandedTask implements GraphTask {
  readonly #shared: TemplateTask;
  readonly #element: Element;
  readonly #own: Definition['own'];
  readonly index: number;
  readonly inputs: readonly GraphInput[];
  readonly mentions: readonly GraphMention[];
  readonly upstream: readonly Edge[];
  readonly code: readonly string[];

  constructor(shared: TemplateTask, element: Element, index: number, links: Links, definition: Definition) {
    this.#shared = shared;
    this.#element = element;
    this.#own = definition.own;
    this.index = index;
    this.inputs = orNone(links.inputs);
    this.mentions = orNone(links.mentions);
    this.upstream = orNone(links.upstream);
    this.code = orNone(definition.code);
  }

  /** For a task of the same element, with the same links: whether it is the same task in all else. */
  saysTheSame(other: ExpandedTask): boolean {
    return (
      this.#shared.spec === other.#shared.spec &&
      canonicalJson(this.#own) === canonicalJson(other.#own) &&
      this.code.length === other.code.length &&
      this.code.every((path, i) => path === other.code[i])
    );
  }

  get key(): string {
    return this.#element.key;
  }

  get kind(): 'Task' | 'Gate' {
    return this.#shared.kind;
  }

  get template(): number {
    return this.#shared.template;
  }

  get spec(): TaskSpec {
    return this.#shared.spec;
  }

  get item(): Json | undefined {
    return this.#element.item;
  }

  get elementKey(): string | undefined {
    return this.#element.elementKey;
  }

  get outputs(): readonly GraphOutput[] {
    return this.#element.outputs;
  }

  get triggerRule(): TriggerRule {
    return this.#shared.triggerRule;
  }

  get allowFailure(): boolean {
    return this.#shared.allowFailure;
  }

  get priority(): number {
    return this.#shared.priority;
  }

  get fanout(): GraphTask['fanout'] {
    return this.#shared.fanout;
  }

  get workdir(): string {
    return this.#element.workdir;
  }

  get preimage(): DefinitionPreimage {
    return new ElementPreimage(this.#shared.definition, this.#own, this.outputs);
  }

  get handling(): string {
    return this.#shared.definition.handling;
  }
}

function orNone<T>(list: readonly T[] | undefined): readonly T[] {
  return list === undefined || list.length === 0 ? NONE : list;
}
