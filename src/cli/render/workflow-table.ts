import type { TaskItem } from '../../apis/task-view.ts';
import type { Workflow } from '../../apis/workflow.ts';
import { age } from './age.ts';

export interface TableOptions {
  readonly wide: boolean;
  readonly now: number;
  /** Across namespaces the first column says which. */
  readonly namespaces?: boolean;
}

export function workflowHeaders(options: TableOptions): string[] {
  const headers = ['NAME', 'STATUS', 'PROGRESS', 'FAILED', 'AGE'];
  if (options.wide) headers.push('RUNNING', 'REASON', 'MESSAGE');
  return options.namespaces === true ? ['NAMESPACE', ...headers] : headers;
}

export function workflowRow(workflow: Workflow, options: TableOptions): string[] {
  const { metadata, status } = workflow;
  const phase = metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Terminating';
  const row = [
    metadata.name,
    phase,
    status?.progress ?? '',
    String(status?.counts['Failed'] ?? status?.counts['failed'] ?? 0),
    age(metadata.creationTimestamp, options.now),
  ];
  if (options.wide) {
    row.push(String(status?.counts['Running'] ?? 0), status?.reason ?? '', status?.message ?? '');
  }
  return options.namespaces === true ? [metadata.namespace, ...row] : row;
}

export function taskHeaders(options: TableOptions): string[] {
  const headers = ['NAME', 'PHASE', 'REASON', 'ATTEMPTS', 'AGE'];
  return options.wide ? [...headers, 'BACKEND', 'EXIT', 'DIRECTORY', 'MESSAGE'] : headers;
}

export function taskRow(task: TaskItem, options: TableOptions): string[] {
  const { phase, reason, message, attempts } = task.status;
  const last = attempts.at(-1);
  const since = last?.finishTime ?? last?.startTime ?? last?.createTime;
  const row = [
    task.metadata.name,
    phase,
    reason,
    String(attempts.length),
    last === undefined ? '-' : age(since, options.now),
  ];
  if (!options.wide) return row;
  const exit = last?.signal ?? (last?.exitCode === undefined ? '-' : String(last.exitCode));
  return [...row, last?.backend ?? '-', exit, last?.directory ?? '-', message];
}
