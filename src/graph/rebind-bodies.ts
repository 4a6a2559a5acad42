import type { Diagnostic } from '../apis/diagnostic.ts';
import { barrierTask } from './barrier.ts';
import { bindDefinition, sharedPart } from './definition.ts';
import type { ExpandedTemplate } from './element.ts';
import { Group } from './expand.ts';
import { ExpandedTask, templateTask } from './expanded-task.ts';
import type { Graph, GraphTask } from './graph.ts';
import { type Ground, haveSameText, type Planned, readSameParams } from './same-shape.ts';
import { paramTypesOf, Scopes } from './scope.ts';
import type { TaskTemplate } from './template.ts';

export interface ExpandedGraph {
  readonly graph: Graph;
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
}

/**
 * The graph of an edit that kept its shape. Tasks of entries that say what they said are those of the graph before, the
 * same objects, so who holds something of a task can tell by that whether it still goes; elements, edges and the order
 * are all taken over. What cannot be bound is reported.
 */
export function rebindBodies(
  before: ExpandedGraph & { readonly source: Ground },
  edited: Planned,
  diagnostics: Diagnostic[],
): ExpandedGraph {
  const { graph, source } = before;
  const { spec } = edited.ground;
  const templates = graph.templates.map((old, i) => {
    const template = edited.templates[i] as TaskTemplate;
    return haveSameText(old, template) ? old : template;
  });
  const expanded = new Map<string, ExpandedTemplate>();
  for (const [name, group] of before.expanded) {
    const template = templates[group.template.index] as TaskTemplate;
    expanded.set(name, template === group.template ? group : groupOf(template, group));
  }
  const tasks = graph.tasks.slice();
  const scopes = scopesOf(edited.ground, graph.workdir, expanded);
  for (const { template, first, elements } of expanded.values()) {
    const old = graph.templates[template.index];
    if (template === old && readSameParams(template, source.spec, spec)) continue;
    const shared = templateTask(spec, template, sharedPart(template));
    for (const [at, element] of elements.entries()) {
      const before = tasks[first + at] as ExpandedTask;
      const definition = bindDefinition({ template, element, scopes, diagnostics });
      const task = new ExpandedTask(shared, element, before.index, before, definition);
      // It may be that the parameter makes no difference to this element.
      if (!before.saysTheSame(task)) tasks[before.index] = task;
    }
  }
  for (let index = tasks.length - 1; tasks[index]?.kind === 'Barrier'; index--) {
    const old = tasks[index] as GraphTask;
    const template = templates[old.template] as TaskTemplate;
    if (template.spec !== old.spec) tasks[index] = barrierTask(template, index, old.upstream);
  }
  return { graph: { ...graph, tasks, templates }, expanded };
}

function groupOf(template: TaskTemplate, { elements, fanOut, first }: ExpandedTemplate): ExpandedTemplate {
  return new Group(template, elements, fanOut, first);
}

function scopesOf({ name, namespace, spec }: Ground, workdir: string, expanded: ExpandedGraph['expanded']): Scopes {
  return new Scopes({
    workdir,
    params: spec.params ?? {},
    paramTypes: paramTypesOf(spec),
    workflow: { name, namespace },
    expanded,
  });
}
