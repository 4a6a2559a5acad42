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
export type Leads = { readonly [K in 'inputs' | 'mentions' | 'upstream']: GraphTask[K] | undefined };

/** What a task has to do with other tasks and files. */
type Links = Pick<GraphTask, 'inputs' | 'mentions' | 'upstream' | 'code'>;

/** As the tasks of a plain fan-out have it. */
const NO_LINKS: Links = { inputs: NONE, mentions: NONE, upstream: NONE, code: NONE };

function linksOf(leads: Leads, code: readonly string[]): Links {
  const inputs = orNone(leads.inputs);
  const mentions = orNone(leads.mentions);
  const upstream = orNone(leads.upstream);
  if (inputs.length + mentions.length + upstream.length + code.length === 0) return NO_LINKS;
  return { inputs, mentions, upstream, code: orNone(code) };
}

/** A task of the graph that holds what is its own; the rest is its template's, or made of both when somebody asks. */
export class ExpandedTask implements GraphTask {
  readonly #shared: TemplateTask;
  readonly #element: Element;
  readonly #own: Definition['own'];
  readonly #links: Links;
  readonly index: number;

  constructor(shared: TemplateTask, element: Element, index: number, leads: Leads, definition: Definition) {
    this.#shared = shared;
    this.#element = element;
    this.#own = definition.own;
    this.#links = linksOf(leads, definition.code);
    this.index = index;
  }

  get inputs(): readonly GraphInput[] {
    return this.#links.inputs;
  }

  get mentions(): readonly GraphMention[] {
    return this.#links.mentions;
  }

  get upstream(): readonly Edge[] {
    return this.#links.upstream;
  }

  get code(): readonly string[] {
    return this.#links.code;
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
