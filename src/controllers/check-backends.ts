import type { Diagnostic } from '../apis/diagnostic.ts';
import type { WorkflowSpec } from '../apis/workflow.ts';
import { closest } from '../base/closest.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';

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
