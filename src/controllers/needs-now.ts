import type { GraphTask } from '../graph/graph.ts';
import type { Needs } from '../planning/record.ts';
import { attemptScope } from './attempt-scope.ts';
import type { HomeContext } from './home-context.ts';
import { beyond, DEFAULT_NEEDS, needsOf } from './needs.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * What the next attempt of a task asks for. What cannot be evaluated, or never fits, is let through and noted: the task
 * fails and says why, instead of waiting for ever.
 */
export function needsNow(home: HomeContext, state: WorkflowState, task: GraphTask): Needs {
  if (!task.spec.resources) return DEFAULT_NEEDS;
  const scope = {
    ...state.scopes().of(state.element(task), 'relative', []),
    attempt: attemptScope(state.book.get(task.key), ''),
    filesize: (path: string) => BigInt(home.files.size(path)),
  };
  const needs = needsOf(state.template(task), scope);
  const problem = needs.ok ? beyond(needs.value, home.backends.of(task.spec).capacity) : needs.error;
  state.needsProblems.delete(task.index);
  if (needs.ok && problem === undefined) return needs.value;
  state.needsProblems.set(task.index, problem ?? '');
  return DEFAULT_NEEDS;
}
