import type { Launch } from '../backend.ts';

/** Labels of task pods: for selectors, and by which a pod is known to be ours. Names are never trusted alone. */
export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  home: 'fixpoint.dev/home',
  token: 'fixpoint.dev/token',
  workflow: 'fixpoint.dev/workflow',
  task: 'fixpoint.dev/task',
  /** `none`: the command runs as it is; `attempt`: the attempt runtime runs it. */
  runtime: 'fixpoint.dev/runtime',
} as const;

export const NO_RUNTIME = 'none';
export const OWN_RUNTIME = 'attempt';
export const MANAGER = 'fixpoint';
/** Holds a pod until what became of it is in the ledger. */
export const OUTCOME_FINALIZER = 'fixpoint.dev/outcome';
/** The whole key of the task; a label has no room for it. */
export const TASK_ANNOTATION = 'fixpoint.dev/task-key';

const MAX_SLUG = 40;
const MAX_LABEL = 63;

/** A DNS label: readable, and as unique as the token. The name is the claim: no two pods of a namespace have it. */
export function podName({ token, workflow, key }: Pick<Launch, 'token' | 'workflow' | 'key'>): string {
  const slug = `${workflow}-${key}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? `t-${token}` : `${slug}-${token}`;
}

export function podLabels({ token, workflow, key }: Pick<Launch, 'token' | 'workflow' | 'key'>, home: string) {
  return {
    [LABELS.managedBy]: MANAGER,
    [LABELS.home]: home,
    [LABELS.token]: token,
    [LABELS.workflow]: labelValue(workflow),
    [LABELS.task]: labelValue(key),
  };
}

/** Label values are short, and of few characters. */
function labelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9_.-]/g, '_')
    .slice(0, MAX_LABEL)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}
