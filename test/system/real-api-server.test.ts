import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { decode } from '../../src/apis/decode.ts';
import type { Workflow } from '../../src/apis/workflow.ts';
import { PERMISSIONS } from '../../src/kubernetes/permissions.ts';
import { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { type ApiServer, startApiServer } from '../rig/real-api-server.ts';
import { workflow } from '../unit/apis/documents.ts';
import {
  importedDocuments,
  isValid,
  mutatedDocuments,
  randomDocuments,
  type Valid,
  writtenDocuments,
} from './kubernetes/corpus.ts';
import { REFUSALS } from './kubernetes/refusals.ts';

// The CRD and the manifests against a real kube-apiserver: what it takes and what it refuses, who may do what. A machine
// without the scripts that start one skips all of it, and says how much that is.

const ROOT = resolve(import.meta.dirname, '../..');
const TIMEOUT_MS = 240_000;
/** On a machine where nobody has compiled the programs yet, the first start waits for that. */
const START_TIMEOUT_MS = 1_800_000;
const SEED = Number(process.env['FIXPOINT_PROPERTY_SEED'] ?? 20_261_121);

const HAS_CLUSTER = WHY_NO_CLUSTER === '';

let server: ApiServer;
let scratch: string;
let skipped = 0;
let rounds = 0;
/** A namespace of this run alone: the server may have been used before. */
const NAMESPACE = `t-${process.pid}-${Date.now().toString(36)}`;

/** A test that needs the server. */
function inCluster(name: string, body: () => Promise<void>): void {
  if (!HAS_CLUSTER) skipped++;
  test.skipIf(!HAS_CLUSTER)(name, { timeout: TIMEOUT_MS }, body);
}

/** Fails with what kubectl said, unless it ended well. */
async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const ran = await server.kubectl(args, input === undefined ? {} : { input });
  expect(ran.code, `kubectl ${args.join(' ')}\n${ran.stdout}${ran.stderr}`).toBe(0);
  return ran.stdout;
}

async function refused(args: readonly string[], input?: string): Promise<string> {
  const ran = await server.kubectl(args, input === undefined ? {} : { input });
  expect(ran.code, `kubectl ${args.join(' ')}\n${ran.stdout}`).not.toBe(0);
  return ran.stderr;
}

/** One after the other would take minutes on a small machine, all at once its memory. */
async function each<T>(all: readonly T[], body: (one: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  const worker = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await body(one);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

/** The document under a name of its own, in the namespace of this run. */
function named(document: object, name: string): object {
  return { ...document, metadata: { name, namespace: NAMESPACE } };
}

/** Which of the documents the server takes, and what it says about the others. */
async function verdicts(
  all: readonly Valid[],
  ...how: readonly string[]
): Promise<{ readonly taken: ReadonlySet<number>; readonly said: string }> {
  const folder = mkdtempSync(join(scratch, 'documents-'));
  const prefix = `d${rounds++}`;
  all.forEach(({ document }, index) =>
    writeFileSync(join(folder, `${index}.json`), JSON.stringify(named(document, `${prefix}-${index}`))),
  );
  const ran = await server.kubectl(['apply', '--validate=strict', ...how, '-f', folder]);
  const taken = [...ran.stdout.matchAll(/^workflow\.fixpoint\.dev\/d\d+-(\d+) /gm)].map(([, index]) => Number(index));
  return { taken: new Set(taken), said: ran.stderr };
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'fixpoint-api-'));
  if (!HAS_CLUSTER) return;
  server = await startApiServer('install');
  await kubectl(['create', 'namespace', NAMESPACE]);
  await kubectl(['apply', '-k', join(ROOT, 'crds')]);
  await kubectl(['wait', '--for=condition=Established', 'crd/workflows.fixpoint.dev', '--timeout=30s']);
  await until('workflows are served', async () => (await server.kubectl(['get', 'fwf', '-n', NAMESPACE])).code === 0);
  await untilExplained();
}, START_TIMEOUT_MS);

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  if (!HAS_CLUSTER)
    process.stderr.write(`real API server: ${skipped} tests skipped, kubernetes-up is not beside the project\n`);
});

/** What explains a kind is put together anew some time after each change of its CRD, and is not there meanwhile. */
async function untilExplained(): Promise<void> {
  await until('workflows are explained', async () => (await server.kubectl(['explain', 'fwf.spec'])).code === 0);
}

describe('the CRD', () => {
  inCluster('is applied by client and by server, again and again, and has no defect', async () => {
    const file = join(ROOT, 'crds/fixpoint.dev_workflows.yaml');
    // What kubectl notes about a client-side apply lies in an annotation, and those end at 256 KiB.
    await kubectl(['apply', '-f', file]);
    expect(await kubectl(['apply', '-k', join(ROOT, 'crds')])).toMatch(/unchanged/);
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', file]);
    const crd = JSON.parse(await kubectl(['get', 'crd', 'workflows.fixpoint.dev', '-o', 'json'])) as {
      status: { conditions: { type: string; status: string }[] };
    };
    const conditions = Object.fromEntries(crd.status.conditions.map(({ type, status }) => [type, status]));
    expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
  });

  inCluster('answers to its short name and its category, and explains itself', async () => {
    const names = await kubectl(['api-resources', '--categories=fixpoint', '--no-headers']);
    expect(names.trim().split(/\s+/)).toEqual(['workflows', 'fwf', 'fixpoint.dev/v1alpha1', 'true', 'Workflow']);
    await untilExplained();
    const task = await kubectl(['explain', 'fwf.spec.tasks']);
    expect(task).toContain('run, or command with args');
    expect(task).toMatch(/dependsOn\t<\[\]string>\n +Tasks that come first/);
    expect(await kubectl(['explain', 'fwf.spec.tasks.triggerRule'])).toMatch(/One of\s+NoneFailed,\s+AllSucceeded/);
    expect(await kubectl(['explain', 'fwf.status.conditions'])).toContain('lastTransitionTime');
  });
});

describe('documents that the language takes', () => {
  inCluster('are all taken, dry and in earnest, by server-side and client-side apply', async () => {
    const all = [...writtenDocuments(), ...importedDocuments(), ...randomDocuments(60)];
    expect(all.length).toBeGreaterThan(80);
    for (const { from, document } of all) expect(isValid(document), from).toBe(true);
    for (const how of [['--server-side', '--dry-run=server'], []]) {
      const { taken, said } = await verdicts(all, ...how);
      expect(
        all.filter((_, index) => !taken.has(index)).map(({ from }) => from),
        said,
      ).toEqual([]);
    }
  });

  inCluster('are taken however they are changed; of the others nearly all are refused at once', async () => {
    const { good, bad } = mutatedDocuments(1_500, SEED);
    expect([good.length > 100, bad.length > 100]).toEqual([true, true]);
    const right = await verdicts(good, '--server-side', '--dry-run=server');
    expect(
      good.filter((_, index) => !right.taken.has(index)).map(({ from }) => from),
      right.said,
    ).toEqual([]);
    const wrong = await verdicts(bad, '--server-side', '--dry-run=server');
    expect(wrong.taken.size / bad.length, [...wrong.taken].map((index) => bad[index]?.from).join('\n')).toBeLessThan(
      0.02,
    );
  });
});

describe('documents that are wrong', () => {
  const documents = REFUSALS.map(({ what, task, spec }) => ({
    from: what,
    document: decode(workflow(spec ?? `tasks: [{name: a, ${task}}]`), what).documents[0]?.value as object,
  }));

  test('are wrong', () => {
    // A name that a file leaves out is made before admission; nothing makes it in a cluster.
    const fine = documents.filter(({ document }) => isValid(document)).map(({ from }) => from);
    expect(fine).toEqual(['a task without a name']);
  });

  inCluster('are refused by the API server, or left to the controller, as the table says', async () => {
    await each(REFUSALS, async ({ what, says }) => {
      const document = documents.find(({ from }) => from === what)?.document ?? {};
      const ran = await server.kubectl(['create', '--validate=strict', '--dry-run=server', '-f', '-'], {
        input: JSON.stringify(named(document, 'wrong')),
      });
      if (says === undefined) expect(ran.code, `${what}\n${ran.stderr}`).toBe(0);
      else expect(`${what}: ${ran.code} ${ran.stderr}`).toMatch(new RegExp(`: 1 [\\s\\S]*(?:${says.source})`));
    });
  });

  inCluster('a name that leaves no room for a label is refused', async () => {
    const document = { ...documents[0]?.document, spec: { tasks: [{ name: 'a' }] } };
    const args = ['create', '--dry-run=server', '-f', '-'];
    await kubectl(args, JSON.stringify(named(document, 'a'.repeat(63))));
    expect(await refused(args, JSON.stringify(named(document, 'a'.repeat(64))))).toMatch(/63/);
  });
});

describe('patches of single tasks', () => {
  const manifest = (name: string, tasks: readonly object[]) =>
    JSON.stringify({
      apiVersion: 'fixpoint.dev/v1alpha1',
      kind: 'Workflow',
      metadata: { name, namespace: NAMESPACE },
      spec: { tasks },
    });
  const tasksOf = async (name: string) =>
    (JSON.parse(await kubectl(['get', 'fwf', name, '-n', NAMESPACE, '-o', 'json'])) as Workflow).spec.tasks;

  inCluster('by server-side apply change what they name, and leave the rest to whom it belongs', async () => {
    const apply = (who: string) => ['apply', '--server-side', `--field-manager=${who}`, '-f', '-'];
    await kubectl(
      apply('author'),
      manifest('owned', [
        { name: 'a', run: 'x', env: [{ name: 'A', value: '1' }] },
        { name: 'b', run: 'z' },
      ]),
    );
    await kubectl(
      apply('tuner'),
      manifest('owned', [{ name: 'a', resources: { cpu: 4 }, env: [{ name: 'B', value: '2' }] }]),
    );
    expect(await tasksOf('owned')).toEqual([
      {
        name: 'a',
        run: 'x',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
        resources: { cpu: 4 },
      },
      { name: 'b', run: 'z' },
    ]);
    expect(await refused(apply('tuner'), manifest('owned', [{ name: 'a', run: 'other' }]))).toMatch(
      /conflict with "author"/,
    );
    // What a manager no longer names is taken away, and only that.
    await kubectl(apply('author'), manifest('owned', [{ name: 'a', run: 'x' }]));
    expect(await tasksOf('owned')).toEqual([
      { name: 'a', run: 'x', env: [{ name: 'B', value: '2' }], resources: { cpu: 4 } },
    ]);
  });

  inCluster('by kustomize do the same', async () => {
    const folder = mkdtempSync(join(scratch, 'kustomize-'));
    writeFileSync(
      join(folder, 'w.json'),
      manifest('patched', [
        { name: 'a', run: 'x', inputs: [{ name: 'i', path: 'p' }] },
        { name: 'b', run: 'z' },
      ]),
    );
    writeFileSync(join(folder, 'schema.json'), readFileSync(join(ROOT, 'crds/kustomize-openapi.json')));
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({
        resources: ['w.json'],
        openapi: { path: 'schema.json' },
        patches: [
          { patch: manifest('patched', [{ name: 'a', retry: { limit: 3 }, inputs: [{ name: 'i', optional: true }] }]) },
        ],
      }),
    );
    await kubectl(['apply', '-k', folder]);
    expect((await tasksOf('patched')).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: 'a', run: 'x', inputs: [{ name: 'i', path: 'p', optional: true }], retry: { limit: 3 } },
      { name: 'b', run: 'z' },
    ]);
  });
});

describe('status', () => {
  const objects = new Map<string, Workflow>();
  let box: Sandbox;

  beforeAll(async () => {
    if (!HAS_CLUSTER) return;
    box = new Sandbox();
    const texts = {
      good: workflow('tasks: [{name: a, run: "true"}, {name: b, run: "true", dependsOn: [a]}]', 'good'),
      bad: workflow(
        'tasks: [{name: a, run: "echo oh; exit 3"}, {name: b, run: "true"}, {name: c, dependsOn: [a]}]',
        'bad',
      ),
    };
    for (const [name, text] of Object.entries(texts)) {
      const { workflow: ended } = await box.run(box.write(`${name}.yaml`, text));
      objects.set(name, ended);
      await kubectl(['apply', '-n', NAMESPACE, '-f', '-'], text);
    }
  }, TIMEOUT_MS);
  afterAll(() => box?.dispose());

  const write = (name: string, status: object) => [
    'patch',
    'fwf',
    name,
    '-n',
    NAMESPACE,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ];

  inCluster('as our code writes it is taken, kept apart from the spec, and shown in columns', async () => {
    for (const [name, { status }] of objects) await kubectl(write(name, { ...status, observedGeneration: 1 }));
    const [head, bad, good] = (await kubectl(['get', 'fwf', 'bad', 'good', '-n', NAMESPACE])).trim().split('\n');
    expect(head?.split(/\s{2,}/)).toEqual(['NAME', 'PHASE', 'PROGRESS', 'FAILED', 'AGE']);
    expect(bad).toMatch(/^bad +Failed +1\/3 +1 +\d+s$/);
    expect(good).toMatch(/^good +Succeeded +2\/2 +\d+s$/);
    const wide = await kubectl(['get', 'fwf', 'bad', '-n', NAMESPACE, '-o', 'wide']);
    expect(wide).toMatch(/NAME +PHASE +PROGRESS +FAILED +AGE +RUNNING +REASON +MESSAGE\nbad .* TasksFailed +1 failed/);
    const stored = JSON.parse(await kubectl(['get', 'fwf', 'bad', '-n', NAMESPACE, '-o', 'json'])) as Workflow;
    expect(stored.metadata.generation).toBe(1);
    expect(stored.status).toEqual({ ...objects.get('bad')?.status, observedGeneration: 1 });
    // An apply of the whole object changes no status.
    const silly = { ...stored, metadata: { name: 'bad', namespace: NAMESPACE }, status: { phase: 'Succeeded' } };
    await kubectl(['apply', '-f', '-'], JSON.stringify(silly));
    expect(await kubectl(['get', 'fwf', 'bad', '-n', NAMESPACE, '-o', 'jsonpath={.status.phase}'])).toBe('Failed');
  });

  inCluster('has the conditions that `kubectl wait` asks for, of this generation', async () => {
    const wait = (name: string, condition: string, seconds: number) => [
      'wait',
      `fwf/${name}`,
      '-n',
      NAMESPACE,
      `--for=condition=${condition}`,
      `--timeout=${seconds}s`,
    ];
    for (const [name, { status }] of objects) {
      const conditions = status?.conditions.map((condition) => ({ ...condition, observedGeneration: 1 }));
      await kubectl(write(name, { ...status, observedGeneration: 1, conditions }));
    }
    for (const condition of ['Complete', 'Ready', 'Reconciling=False', 'Stalled=False'])
      await kubectl(wait('good', condition, 20));
    for (const condition of ['Failed', 'Stalled', 'Complete=False']) await kubectl(wait('bad', condition, 20));
    // After an edit, what is said about the spec before it counts no more.
    await kubectl(['patch', 'fwf', 'good', '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"parallelism":1}}']);
    expect(await refused(wait('good', 'Complete', 1))).toMatch(/timed out/);
  });

  inCluster('of an operator that is newer than the CRD is taken, of one that is late is not', async () => {
    const later = { observedGeneration: 7, phase: 'Hibernating', reason: 'Later', fromTheFuture: { a: 1 } };
    await kubectl(write('good', later));
    expect(await kubectl(['get', 'fwf', 'good', '-n', NAMESPACE, '-o', 'jsonpath={.status.fromTheFuture.a}'])).toBe(
      '1',
    );
    expect(await refused(write('good', { observedGeneration: 6 }))).toMatch(/observedGeneration never goes back/);
    expect(await refused(write('good', { observedGeneration: null }))).toMatch(/observedGeneration never goes back/);
  });
});

/** A kubeconfig with the real token of a ServiceAccount. */
async function tokenOf(namespace: string, account: string): Promise<string> {
  const token = (await kubectl(['create', 'token', account, '-n', namespace])).trim();
  const config = parse(readFileSync(server.kubeconfig, 'utf8')) as { users: { name: string; user: object }[] };
  const users = config.users.map(({ name }) => ({ name, user: { token } }));
  const path = join(mkdtempSync(join(scratch, 'token-')), 'kubeconfig');
  writeFileSync(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return path;
}

/** `create pods/exec.apps` in a namespace, or in all for the empty name. */
interface Ask {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
}

/** Which of the questions the server answers with yes. */
async function allowed(kubeconfig: string, asks: readonly Ask[]): Promise<readonly string[]> {
  const yes: string[] = [];
  await each(asks, async ({ verb, resource, namespace }) => {
    const [name = '', sub] = resource.split('/');
    const ran = await server.kubectl(
      [
        'auth',
        'can-i',
        verb,
        name,
        ...(sub === undefined ? [] : [`--subresource=${sub}`]),
        ...(namespace === '' ? ['--all-namespaces'] : ['-n', namespace]),
      ],
      { kubeconfig },
    );
    expect(ran.stdout, `${verb} ${resource} ${ran.stderr}`).toMatch(/^(?:yes|no)/);
    if (ran.stdout.startsWith('yes')) yes.push(`${verb} ${resource} ${namespace}`);
  });
  return yes.sort();
}

const text = ({ verb, resource, namespace }: Ask): string => `${verb} ${resource} ${namespace}`;

/** Every right of the list, as questions about a namespace. */
function rights(where: 'Workflows' | 'Operator', namespace: string): readonly Ask[] {
  return PERMISSIONS.filter((permission) => permission.where === where).flatMap(({ groups, resources, verbs }) =>
    groups.flatMap((group) =>
      resources.flatMap((resource) => {
        const [name, sub] = resource.split('/');
        const full = `${name}${group === '' ? '' : `.${group}`}${sub === undefined ? '' : `/${sub}`}`;
        return verbs.map((verb) => ({ verb, resource: full, namespace }));
      }),
    ),
  );
}

/** What an operator that was taken over would be used for. */
const NEVER: readonly (readonly [verb: string, resource: string])[] = [
  ...['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'].map((verb) => [verb, 'secrets'] as const),
  ['create', 'pods/exec'],
  ['get', 'pods/exec'],
  ['create', 'pods/attach'],
  ['create', 'pods/portforward'],
  ['get', 'pods/proxy'],
  ['create', 'pods/eviction'],
  ['update', 'pods'],
  ['patch', 'pods/ephemeralcontainers'],
  ['update', 'pods/status'],
  ['deletecollection', 'pods'],
  ['create', 'workflows.fixpoint.dev'],
  ['delete', 'workflows.fixpoint.dev'],
  ['delete', 'leases.coordination.k8s.io'],
  ['list', 'leases.coordination.k8s.io'],
  ['get', 'events'],
  ['get', 'serviceaccounts'],
  ['create', 'serviceaccounts/token'],
  ['impersonate', 'serviceaccounts'],
  ['create', 'rolebindings.rbac.authorization.k8s.io'],
  ['escalate', 'roles.rbac.authorization.k8s.io'],
  ['bind', 'clusterroles.rbac.authorization.k8s.io'],
  ['get', 'nodes'],
  ['list', 'namespaces'],
  ['create', 'deployments.apps'],
  ['create', 'jobs.batch'],
  ['get', 'persistentvolumeclaims'],
  ['create', 'tokenreviews.authentication.k8s.io'],
  ['patch', 'customresourcedefinitions.apiextensions.k8s.io'],
];
const never = (namespace: string): readonly Ask[] => NEVER.map(([verb, resource]) => ({ verb, resource, namespace }));

describe('an installation for the whole cluster', () => {
  beforeAll(async () => {
    if (HAS_CLUSTER) await kubectl(['apply', '-k', join(ROOT, 'manifests/cluster')]);
  }, TIMEOUT_MS);

  inCluster('is applied again without a change, and breaks no rule of its namespace', async () => {
    const ran = await server.kubectl(['apply', '-k', join(ROOT, 'manifests/cluster')]);
    expect(ran.stderr).toBe('');
    const lines = ran.stdout.trim().split('\n');
    expect(lines.length).toBe(10);
    expect(lines.filter((line) => !line.endsWith(' unchanged'))).toEqual([]);
  });

  inCluster('gives the operator every right of the list, everywhere, and no other', async () => {
    const operator = await tokenOf('fixpoint-system', 'fixpoint-operator');
    const wanted = [
      ...rights('Workflows', ''),
      ...rights('Workflows', NAMESPACE),
      ...rights('Operator', 'fixpoint-system'),
    ];
    expect(await allowed(operator, wanted)).toEqual(wanted.map(text).sort());
    const unwanted = [
      ...never(NAMESPACE),
      ...never(''),
      ...never('fixpoint-system'),
      ...rights('Operator', NAMESPACE),
      ...rights('Operator', ''),
    ];
    expect(await allowed(operator, unwanted)).toEqual([]);
  });

  inCluster('lets the operator work with these rights: a pod, its finalizer, its end', async () => {
    const kubeconfig = await tokenOf('fixpoint-system', 'fixpoint-operator');
    const as = async (args: readonly string[], input = '') => {
      const ran = await server.kubectl([...args, '-n', NAMESPACE], { kubeconfig, input });
      return ran.code === 0 ? ran.stdout.trim() : ran.stderr;
    };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', finalizers: ['fixpoint.dev/outcome'] },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    };
    expect(await as(['create', '-f', '-'], JSON.stringify(pod))).toBe('pod/p created');
    expect(await as(['patch', 'pod', 'p', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])).toBe(
      'pod/p patched',
    );
    expect(await as(['delete', 'pod', 'p', '--grace-period=0', '--force', '--wait=false'])).toContain('deleted');
    expect(await as(['create', 'configmap', 'ledger', '--from-literal=a=b'])).toBe('configmap/ledger created');
    expect(await as(['create', 'secret', 'generic', 's', '--from-literal=a=b'])).toMatch(/Forbidden|forbidden/);
    expect(await as(['get', 'secrets'])).toMatch(/forbidden/);
    expect(await as(['create', '-f', '-'], workflow('tasks: [{name: a}]', 'mine'))).toMatch(/forbidden/);
  });

  inCluster("gives people rights on workflows through the cluster's own roles, and none on pods", async () => {
    for (const to of ['view', 'edit']) {
      const role = JSON.parse(await kubectl(['get', 'clusterrole', to, '-o', 'json'])) as {
        aggregationRule: { clusterRoleSelectors: { matchLabels: Record<string, string> }[] };
      };
      const [[label, value] = ['', '']] = Object.entries(
        role.aggregationRule.clusterRoleSelectors[0]?.matchLabels ?? {},
      );
      const found = await kubectl(['get', 'clusterrole', '-l', `${label}=${value}`, '-o', 'name']);
      expect(found).toContain(`clusterrole.rbac.authorization.k8s.io/fixpoint-${to}\n`);
    }
    await kubectl(['create', 'serviceaccount', 'editor', '-n', NAMESPACE]);
    for (const role of ['fixpoint-edit', 'fixpoint-view'])
      await kubectl([
        'create',
        'rolebinding',
        role,
        `--clusterrole=${role}`,
        `--serviceaccount=${NAMESPACE}:editor`,
        '-n',
        NAMESPACE,
      ]);
    const editor = await tokenOf(NAMESPACE, 'editor');
    const ask = (verb: string, resource: string, namespace = NAMESPACE): Ask => ({ verb, resource, namespace });
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
    const mine = verbs.map((verb) => ask(verb, 'workflows.fixpoint.dev'));
    expect(await allowed(editor, mine)).toEqual(mine.map(text).sort());
    const others = [
      ...verbs.map((verb) => ask(verb, 'workflows.fixpoint.dev', 'default')),
      ask('create', 'pods'),
      ask('patch', 'workflows.fixpoint.dev/status'),
      ask('update', 'workflows.fixpoint.dev/finalizers'),
      ask('update', 'configmaps'),
    ];
    expect(await allowed(editor, others)).toEqual([]);
  });

  inCluster('runs a pod that the restricted level admits', async () => {
    const rendered = parseAllDocuments(await kubectl(['kustomize', join(ROOT, 'manifests/cluster')])).map(
      (document) =>
        document.toJS() as { kind: string; spec: { template: { metadata: object; spec: Record<string, unknown> } } },
    );
    const template = rendered.find(({ kind }) => kind === 'Deployment')?.spec.template;
    const pod = (spec: object) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...template?.metadata, name: 'operator', namespace: 'fixpoint-system' },
        spec,
      });
    const args = ['create', '--dry-run=server', '-f', '-'];
    await kubectl(args, pod({ ...template?.spec }));
    expect(await refused(args, pod({ ...template?.spec, hostNetwork: true }))).toMatch(
      /violates PodSecurity "restricted/,
    );
    expect(await refused(args, pod({ ...template?.spec, securityContext: {} }))).toMatch(
      /violates PodSecurity "restricted/,
    );
  });
});

describe('an installation for one namespace', () => {
  inCluster('has rights there and nowhere else, and makes nothing that belongs to the cluster', async () => {
    const overlay = mkdtempSync(join(scratch, 'overlay-'));
    mkdirSync(join(overlay, 'mine'));
    const own = `${NAMESPACE}-own`;
    // As a user would: an overlay of one's own, which says the namespace. kustomize takes only relative paths.
    writeFileSync(
      join(overlay, 'mine/kustomization.yaml'),
      JSON.stringify({
        namespace: own,
        resources: [`../../../${'../'.repeat(scratch.split('/').length - 1)}${ROOT.slice(1)}/manifests/namespaced`],
      }),
    );
    await kubectl(['create', 'namespace', own]);
    const rendered = parseAllDocuments(await kubectl(['kustomize', join(overlay, 'mine')])).map(
      (document) => document.toJS() as { kind: string; metadata: { name: string; namespace?: string } },
    );
    expect(rendered.map(({ kind }) => kind).sort()).toEqual([
      'Deployment',
      'Role',
      'Role',
      'RoleBinding',
      'RoleBinding',
      'Service',
      'ServiceAccount',
    ]);
    expect(new Set(rendered.map(({ metadata }) => metadata.namespace))).toEqual(new Set([own]));
    await kubectl(['apply', '-k', join(overlay, 'mine')]);
    const operator = await tokenOf(own, 'fixpoint-operator');
    const wanted = [...rights('Workflows', own), ...rights('Operator', own)];
    expect(await allowed(operator, wanted)).toEqual(wanted.map(text).sort());
    const unwanted = [
      ...never(own),
      ...[NAMESPACE, 'fixpoint-system', ''].flatMap((other) => [
        ...rights('Workflows', other),
        ...rights('Operator', other),
      ]),
    ];
    expect(await allowed(operator, unwanted)).toEqual([]);
    const args = await kubectl([
      'get',
      'deployment',
      'fixpoint-operator',
      '-n',
      own,
      '-o',
      'jsonpath={.spec.template.spec.containers[0].args}',
    ]);
    expect(args).toContain('"--namespace","$(POD_NAMESPACE)"');
  });
});

describe('the documentation', () => {
  const page = readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8');
  const blocks = [...page.matchAll(/^```(\w+.*)\n([\s\S]*?)^```$/gm)].map(([, kind = '', body = '']) => ({
    kind,
    body,
  }));

  test('has no command that is not run, and no kustomization that is not rendered', () => {
    expect(new Set(blocks.map(({ kind }) => kind))).toEqual(
      new Set(['sh cluster', 'yaml', 'yaml overlay', 'yaml config']),
    );
  });

  inCluster('has overlays that can be rendered', async () => {
    for (const { body } of blocks.filter(({ kind }) => kind === 'yaml overlay')) {
      const folder = mkdtempSync(join(scratch, 'overlay-'));
      cpSync(join(ROOT, 'manifests'), join(folder, 'path/to/manifests'), { recursive: true });
      writeFileSync(join(folder, 'kustomization.yaml'), body);
      const rendered = await kubectl(['kustomize', folder]);
      expect(rendered).toMatch(/newName/.test(body) ? /image: my-registry\/fixpoint:0\.1\.0/ : /namespace: genomics/);
    }
  });

  inCluster('has workflows that the API server takes', async () => {
    for (const { body } of blocks.filter(({ kind }) => kind === 'yaml'))
      await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], body);
  });

  // The last test: it takes everything away again.
  inCluster('has commands that do what it says, from the installation to its end', async () => {
    const script = blocks.filter(({ kind }) => kind === 'sh cluster').map(({ body }) => body);
    const env = { ...server.env, HOME: scratch };
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script.join('\n')], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    const ended = new Promise<number | null>((done, failed) => {
      child.on('error', failed);
      child.on('close', done);
    });
    // At this level nobody ends namespaces, so this does: what is deleted and has nothing left in it is let go.
    let over = false;
    const finalizing = until(
      'the script is over',
      async () => {
        for (const name of ['fixpoint-system', 'demo']) {
          const { stdout } = await server.kubectl(['get', 'namespace', name, '--ignore-not-found', '-o', 'json']);
          if (!stdout.includes('"deletionTimestamp"')) continue;
          const body = JSON.stringify({ ...(JSON.parse(stdout) as object), spec: { finalizers: [] } });
          await server.kubectl(['replace', '--raw', `/api/v1/namespaces/${name}/finalize`, '-f', '-'], { input: body });
        }
        return over;
      },
      TIMEOUT_MS,
    );
    const code = await ended;
    over = true;
    await finalizing;
    expect(code, said).toBe(0);
    expect(said).toMatch(/NAME +PHASE +PROGRESS +FAILED +AGE\npi /);
    const left = await server.kubectl(['get', 'clusterrole,clusterrolebinding,crd,namespace', '-o', 'name']);
    expect(left.stdout.split('\n').filter((name) => /fixpoint|\/demo$/.test(name))).toEqual([]);
  });
});
