import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import type { Backends } from '../backends/backends.ts';
import { closest } from '../base/closest.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import type { Graph, GraphTask } from '../graph/graph.ts';

/** Tasks and defaults that name a backend which nobody configured. */
export function unknownBackends(spec: WorkflowSpec, known: readonly string[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  const check = (backend: string | undefined, path: readonly (string | number)[]): void => {
    if (backend === undefined || known.includes(backend) || found.length >= MAX_DIAGNOSTICS) return;
    const near = closest(backend, known);
    found.push({
      severity: 'error',
      code: 'E-BACKEND',
      path: [...path, 'backend'],
      message: `${JSON.stringify(backend.slice(0, 80))} is no configured backend. There is: ${known.join(', ')}.`,
      hint: near === undefined ? undefined : `Did you mean ${near}?`,
    });
  };
  check(spec.defaults?.backend, ['spec', 'defaults']);
  for (const [index, task] of spec.tasks.entries()) check(task.backend, ['spec', 'tasks', index]);
  return found;
}

/** What tasks ask for that their backend does not have: an image, variables of a cluster, or files where it sees none. Once for each template. */
export function beyondBackends(graph: Graph, backends: Pick<Backends, 'of'>): Diagnostic[] {
  const found = new Map<number, Diagnostic>();
  for (const task of graph.tasks) {
    if (task.kind !== 'Task' || found.has(task.template) || found.size >= MAX_DIAGNOSTICS) continue;
    const backend = backends.of(task.spec);
    const path = ['spec', 'tasks', task.template];
    if ((task.spec.image ?? '') !== '' && !backend.runsImages)
      found.set(task.template, {
        severity: 'error',
        code: 'E-BACKEND',
        path: [...path, 'image'],
        message: `${task.key}: the backend ${backend.name} runs no images.`,
        hint: 'Leave image out, or name a backend that runs containers.',
      });
    const variable = (task.spec.env ?? []).find(({ valueFrom }) => valueFrom);
    if (variable && !backend.runsImages)
      found.set(task.template, {
        severity: 'error',
        code: 'E-BACKEND',
        path: [...path, 'env'],
        message: `${task.key}: the backend ${backend.name} has no secrets and config maps that ${variable.name} could come from.`,
        hint: 'Write value, or name a backend that runs pods.',
      });
    const unseen = backend.sees && pathsOf(task).find((each) => !backend.sees?.(each));
    if (unseen !== undefined)
      found.set(task.template, {
        severity: 'error',
        code: 'E-FILE-SPACE',
        path,
        message: `${task.key}: the backend ${backend.name} does not see ${unseen}.`,
        hint: 'Keep the workflow on the volume that its backends share.',
      });
  }
  return [...found.values()];
}

function pathsOf({ workdir, inputs, outputs }: GraphTask): string[] {
  return [workdir, ...inputs.flatMap(({ paths }) => paths), ...outputs.map(({ path }) => path)];
}
