import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import type { Backend } from '../backends/backend.ts';
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

/** What tasks ask for that their backend does not have. Once for each template. */
export function beyondBackends(graph: Graph, backends: Pick<Backends, 'of'>): Diagnostic[] {
  const found = new Map<number, Diagnostic>();
  for (const task of graph.tasks) {
    if (task.kind !== 'Task' || found.has(task.template) || found.size >= MAX_DIAGNOSTICS) continue;
    const backend = backends.of(task.spec);
    const beyond = beyondBackend(task, backend);
    if (!beyond) continue;
    const { at, message, ...rest } = beyond;
    found.set(task.template, {
      severity: 'error',
      code: 'E-BACKEND',
      path: ['spec', 'tasks', task.template, ...at],
      message: `${task.key}: the backend ${backend.name} ${message}`,
      ...rest,
    });
  }
  return [...found.values()];
}

interface Beyond {
  readonly at: readonly string[];
  /** Goes on after the name of the backend. */
  readonly message: string;
  readonly hint: string;
  readonly code?: string;
}

/** An image, variables of a cluster, more of a pod, or files where it sees none. */
function beyondBackend(task: GraphTask, backend: Backend): Beyond | undefined {
  const { image, env = [], pod } = task.spec;
  if ((image ?? '') !== '' && !backend.runsImages)
    return {
      at: ['image'],
      message: 'runs no images.',
      hint: 'Leave image out, or name a backend that runs containers.',
    };
  const variable = env.find(({ valueFrom }) => valueFrom);
  if (variable && !backend.runsImages)
    return {
      at: ['env'],
      message: `has no secrets and config maps that ${variable.name} could come from.`,
      hint: 'Write value, or name a backend that runs pods.',
    };
  if (pod && !backend.podProblem)
    return { at: ['pod'], message: 'makes no pods.', hint: 'Leave pod out, or name a backend that runs pods.' };
  const problem = pod && backend.podProblem?.(pod);
  if (problem !== undefined)
    return {
      at: ['pod'],
      message: `refuses such pods: ${problem}`,
      hint: 'Whoever configures the backend lists the service accounts that tasks may use.',
    };
  const unseen = backend.sees && pathsOf(task).find((each) => !backend.sees?.(each));
  if (unseen === undefined) return undefined;
  return {
    at: [],
    code: 'E-FILE-SPACE',
    message: `does not see ${unseen}.`,
    hint: 'Keep the workflow on the volume that its backends share.',
  };
}

function pathsOf({ workdir, inputs, outputs }: GraphTask): string[] {
  return [workdir, ...inputs.flatMap(({ paths }) => paths), ...outputs.map(({ path }) => path)];
}
