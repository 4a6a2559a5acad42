import { describe, expect } from 'vitest';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { Operated, useKinds } from '../rig/operated.ts';

// What somebody can do who may write workflows in a namespace, and nothing else.

const server = useKinds('control');
const ACCOUNT = 'author';

/** Ways out of a namespace whose pods must keep to the level `baseline`. */
const ESCAPES: readonly (readonly [name: string, pod: object])[] = [
  ['network', { hostNetwork: true }],
  ['files', { volumes: [{ name: 'root', hostPath: { path: '/' } }] }],
  [
    'privileged',
    { containers: [{ name: 'task', securityContext: { privileged: true, allowPrivilegeEscalation: true } }] },
  ],
];

/** What the operator itself refuses. */
const ACCOUNTS: readonly (readonly [name: string, pod: object])[] = [
  ['operator', { serviceAccountName: 'fixpoint-operator' }],
  ['token', { automountServiceAccountToken: true }],
  ['projected', { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] }],
];

async function author(cluster: Operated): Promise<string> {
  const { namespace } = cluster;
  await cluster.kubectl('create', 'serviceaccount', ACCOUNT);
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'].map((verb) => `--verb=${verb}`);
  await cluster.kubectl('create', 'role', ACCOUNT, ...verbs, '--resource=workflows.fixpoint.dev');
  await cluster.kubectl(
    'create',
    'rolebinding',
    ACCOUNT,
    `--role=${ACCOUNT}`,
    `--serviceaccount=${namespace}:${ACCOUNT}`,
  );
  return `system:serviceaccount:${namespace}:${ACCOUNT}`;
}

describe.skipIf(WHY_NO_CLUSTER !== '')(`who may write workflows alone${WHY_NO_CLUSTER}`, () => {
  test('makes pods by them only, as the service account of all, within the rules of the namespace', async ({ box }) => {
    const cluster = await Operated.in(server, box, { volume: 'claim' });
    await cluster.kubectl('label', 'namespace', cluster.namespace, 'pod-security.kubernetes.io/enforce=baseline');
    const as = await author(cluster);
    const can = async (verb: string, resource: string): Promise<boolean> => {
      const [type = '', sub] = resource.split('/');
      const what = [verb, type, ...(sub === undefined ? [] : [`--subresource=${sub}`])];
      return (await server.kubectl(['auth', 'can-i', ...what, `--as=${as}`, '-n', cluster.namespace])).code === 0;
    };
    expect(await can('create', 'workflows.fixpoint.dev')).toBe(true);
    for (const [verb, resource] of [
      ['create', 'pods'],
      ['create', 'pods/exec'],
      ['get', 'secrets'],
      ['create', 'serviceaccounts/token'],
      ['patch', 'workflows.fixpoint.dev/status'],
      ['update', 'configmaps'],
    ] as const)
      expect(await can(verb, resource), `${verb} ${resource}`).toBe(false);
    const operator = cluster.operator();
    const task = (pod: object): object => ({ name: 'a', resources: { cpu: '10m' }, command: ['true'], pod });
    try {
      await cluster.apply([task({ nodeSelector: {}, tolerations: [{ operator: 'Exists' }] })], 'fine', as);
      await until('its pod is there', async () => {
        const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-o', 'json')) as Pods;
        for (const { spec } of items)
          expect(spec).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: 'default' });
        return items.length > 0;
      });
      await cluster.complete(1, 'fine');
      for (const [name, pod] of ESCAPES) {
        await cluster.apply([task(pod)], name, as);
        await until(`${name} is refused`, async () => {
          const { status } = await cluster.workflow(name);
          return status?.failing?.[0]?.reason === 'Rejected' && /PodSecurity/.test(status.failing[0].message ?? '');
        });
      }
      for (const [name, pod] of ACCOUNTS) {
        await cluster.apply([task(pod)], name, as);
        await cluster.kubectl('wait', '--for=condition=Stalled', `fwf/${name}`, '--timeout=60s');
        const { status } = await cluster.workflow(name);
        expect(status?.message).toMatch(/tasks\[0\]\.pod: .*serviceAccounts/);
      }
    } finally {
      await operator.kill('SIGTERM');
    }
  });
});

interface Pods {
  readonly items: readonly { readonly spec: object }[];
}
