/**
 * Every right that the operator has, and why: the one list that the shipped roles are generated from (`scripts/manifests.ts`)
 * and that a test holds against a real API server. It is data and imports nothing. What is not here the operator cannot
 * do; above all it reads no Secret, starts nothing inside a running container, and grants nobody anything.
 */
export interface Permission {
  /** API groups; the empty one is the core group. */
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** `Workflows`: in every namespace whose workflows are run. `Operator`: only where the operator itself runs. */
  readonly where: 'Workflows' | 'Operator';
  readonly why: string;
}

export const PERMISSIONS: readonly Permission[] = [
  {
    groups: ['fixpoint.dev'],
    resources: ['workflows'],
    verbs: ['get', 'list', 'watch', 'patch', 'update'],
    where: 'Workflows',
    why: 'What is wanted; requests are taken off and the finalizer is set by patch. It makes and deletes none.',
  },
  {
    groups: ['fixpoint.dev'],
    resources: ['workflows/status'],
    verbs: ['patch', 'update'],
    where: 'Workflows',
    why: 'What is.',
  },
  {
    groups: ['fixpoint.dev'],
    resources: ['workflows/finalizers'],
    verbs: ['update'],
    where: 'Workflows',
    why: 'An owner that blocks deletion may be named only by who may finalize it, where that is enforced.',
  },
  {
    groups: [''],
    resources: ['configmaps'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
    where: 'Workflows',
    why: 'The ledger is in shards beside its Workflow, and so is the runtime that pods mount.',
  },
  {
    groups: [''],
    resources: ['pods'],
    verbs: ['get', 'list', 'watch', 'create', 'delete', 'patch'],
    where: 'Workflows',
    why: 'An attempt is a pod: made, watched, ended, and let go (its finalizer) once its outcome is in the ledger.',
  },
  {
    groups: [''],
    resources: ['pods/log'],
    verbs: ['get'],
    where: 'Workflows',
    why: 'The tail of a failed attempt is kept, and `logs` shows what a pod says.',
  },
  {
    groups: ['', 'events.k8s.io'],
    resources: ['events'],
    verbs: ['create', 'patch'],
    where: 'Workflows',
    why: '`kubectl describe` tells what happened; what happens again is counted in the same event.',
  },
  {
    groups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'update'],
    where: 'Operator',
    why: 'Who leads. It lies beside the operator, so that nobody who runs workflows can take it.',
  },
];

/** What people get through the roles that every cluster has, `view` and `edit` (and so `admin`). */
export const USER_PERMISSIONS: Readonly<Record<'view' | 'edit', Omit<Permission, 'where'>>> = {
  view: {
    groups: ['fixpoint.dev'],
    resources: ['workflows', 'workflows/status'],
    verbs: ['get', 'list', 'watch'],
    why: 'Who may see pods may see workflows.',
  },
  edit: {
    groups: ['fixpoint.dev'],
    resources: ['workflows'],
    verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
    why: 'Who may make pods may make workflows, which is the same right.',
  },
};
