import { MAX_DIAGNOSTICS, MAX_DOCUMENT_DEPTH, MAX_TASK_ENTRIES } from '../base/limits.ts';
import type { Diagnostic } from './diagnostic.ts';
import { DiagnosticList } from './diagnostic-list.ts';
import { checkMetadata, checkTypeMeta } from './metadata-rules.ts';
import { isObject } from './own-property.ts';
import { checkPod } from './pod-overlay.ts';
import { checkSchema } from './schema-errors.ts';
import { checkSlurm } from './slurm-options.ts';
import { checkEnvironment, checkParamSchema, checkTask } from './task-rules.ts';
import { taskSchema } from './task-schema.ts';
import { type Add, walkSchema } from './walk-schema.ts';
import { outerWorkflowSchema } from './workflow-schema.ts';

/**
 * Everything that is wrong with a document by itself, at most `MAX_DIAGNOSTICS`; names, expressions and the
 * graph are judged later. Takes any value: what comes over HTTP has not been through `decode`. Nulls must have
 * been dropped and tasks named before. No error means that the value is a `WorkflowDocument`.
 *
 * Tasks are checked one after another, so that a document with a million mistakes costs what a hundred do.
 */
export function validateWorkflow(value: unknown): readonly Diagnostic[] {
  const list = new DiagnosticList<Diagnostic>();
  const add: Add = (code, path, message, more) => list.add({ severity: 'error', code, path, message, ...more });
  if (isTooDeep(value)) {
    add('E-DEPTH', [], `nested deeper than ${MAX_DOCUMENT_DEPTH} levels.`);
    return list.items;
  }
  if (!isObject(value)) {
    add('E-TYPE', [], 'a document must be a map with apiVersion, kind, metadata and spec.');
    return list.items;
  }
  if (!checkTypeMeta(value, add)) return list.items;
  checkMetadata(value['metadata'], add);
  const spec = isObject(value['spec']) ? value['spec'] : undefined;
  const tasks: readonly unknown[] = Array.isArray(spec?.['tasks']) ? spec['tasks'] : [];
  checkRest(value, spec, tasks, add);
  if (tasks.length > MAX_TASK_ENTRIES) return list.finish(MORE);
  for (let index = 0; index < tasks.length && !list.full; index++) {
    const path = ['spec', 'tasks', index];
    if (walkSchema(taskSchema, tasks[index], path, add)) checkSchema(taskSchema, tasks[index], path, add);
    checkTask(tasks[index], path, add);
  }
  return list.finish(MORE);
}

const MORE: Diagnostic = {
  severity: 'error',
  code: 'E-MORE',
  path: [],
  message: `there are more problems than these ${MAX_DIAGNOSTICS}.`,
};

function checkRest(
  value: Record<string, unknown>,
  spec: Record<string, unknown> | undefined,
  tasks: readonly unknown[],
  add: Add,
): void {
  if (walkSchema(outerWorkflowSchema, value, [], add)) checkSchema(outerWorkflowSchema, value, [], add);
  checkTaskNames(tasks, add);
  if (isObject(spec?.['defaults'])) {
    checkEnvironment(spec['defaults']['env'], ['spec', 'defaults', 'env'], add);
    checkSlurm(spec['defaults']['slurm'], ['spec', 'defaults', 'slurm'], add);
    checkPod(spec['defaults']['pod'], ['spec', 'defaults', 'pod'], add);
  }
  if (Array.isArray(spec?.['paramSchema'])) {
    spec['paramSchema'].forEach((entry: unknown, index: number) =>
      checkParamSchema(entry, ['spec', 'paramSchema', index], add),
    );
  }
  if (isObject(spec?.['params'])) {
    for (const name of Object.keys(spec['params'])) {
      if (name === '' || name.length > 256)
        add('E-NAME', ['spec', 'params', name], 'a parameter has a name of 1 to 256 characters.', { atKey: true });
    }
  }
}

function checkTaskNames(tasks: readonly unknown[], add: Add): void {
  const seen = new Map<string, number>();
  tasks.forEach((task, index) => {
    const name = isObject(task) ? task['name'] : undefined;
    if (typeof name !== 'string') return;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    else
      add(
        'E-DUPLICATE-NAME',
        ['spec', 'tasks', index, 'name'],
        `${name.slice(0, 80)} is the name of tasks[${first}] too.`,
      );
  });
}

/** With a stack of its own: the value may come from a parser that knows no limit. */
function isTooDeep(root: unknown): boolean {
  const stack: (readonly [value: unknown, depth: number])[] = [[root, 0]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [value, depth] = top;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_DOCUMENT_DEPTH) return true;
    const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    for (const member of members) if (typeof member === 'object' && member !== null) stack.push([member, depth + 1]);
  }
  return false;
}
