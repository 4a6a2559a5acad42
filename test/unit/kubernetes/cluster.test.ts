import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Cluster, type ClusterChoice, openCluster } from '../../../src/kubernetes/cluster.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fxp-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Parts {
  readonly clusters?: readonly object[];
  readonly users?: readonly object[];
  readonly contexts?: readonly object[];
  readonly current?: string;
}

const SERVER = { name: 'c', cluster: { server: 'https://127.0.0.1:1/', 'certificate-authority-data': 'Y2E=' } };
const TOKEN = { name: 'u', user: { token: 'secret' } };
const CONTEXT = { name: 'here', context: { cluster: 'c', user: 'u', namespace: 'team' } };

/** Written as JSON, which is YAML too. */
function kubeconfig(parts: Parts, name = 'config'): string {
  const path = join(dir, name);
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: parts.clusters ?? [SERVER],
    users: parts.users ?? [TOKEN],
    contexts: parts.contexts ?? [CONTEXT],
    'current-context': parts.current ?? 'here',
  };
  writeFileSync(path, JSON.stringify(document));
  return path;
}

async function open(choice: Partial<ClusterChoice>): Promise<Cluster> {
  const cluster = await openCluster({ env: {}, clock: new ManualClock(), ...choice });
  if (!cluster.ok) throw new Error(cluster.error);
  return cluster.value;
}

async function problem(choice: Partial<ClusterChoice>): Promise<string> {
  const cluster = await openCluster({ env: {}, clock: new ManualClock(), ...choice });
  return cluster.ok ? 'none' : cluster.error.replaceAll(dir, 'DIR');
}

async function bearer(cluster: Cluster): Promise<string | undefined> {
  const credentials = await cluster.credentials();
  return credentials.ok ? credentials.value.headers['authorization'] : `! ${credentials.error.message}`;
}

const forwards = (clock: ManualClock, ms: number): void => {
  clock.after(ms, () => {});
  while (clock.step());
};

describe('a kubeconfig', () => {
  test('says where, who, and in which namespace', async () => {
    const cluster = await open({ kubeconfig: kubeconfig({}) });
    expect(cluster).toMatchObject({ server: 'https://127.0.0.1:1', context: 'here', namespace: 'team' });
    expect(await cluster.credentials()).toEqual({
      ok: true,
      value: { headers: { authorization: 'Bearer secret' }, tls: { ca: 'ca' } },
    });
    expect(await open({ kubeconfig: kubeconfig({}), namespace: 'mine' })).toMatchObject({ namespace: 'mine' });
  });

  test('is found by KUBECONFIG, then at home; of several the first that says something wins', async () => {
    const other = { name: 'there', context: { cluster: 'd', user: 'u' } };
    const second = { ...SERVER, name: 'd', cluster: { server: 'https://127.0.0.1:2' } };
    const users = [{ name: 'u', user: { token: 'other' } }];
    const one = kubeconfig({}, 'one');
    const two = kubeconfig({ clusters: [SERVER, second], contexts: [CONTEXT, other], users, current: 'there' }, 'two');
    const env = { KUBECONFIG: `${one}:${two}`, HOME: dir };
    expect((await open({ env })).context).toBe('here');
    const there = await open({ env, context: 'there' });
    expect([there.server, there.namespace, await bearer(there)]).toEqual([
      'https://127.0.0.1:2',
      'default',
      'Bearer secret',
    ]);
    mkdirSync(join(dir, '.kube'));
    kubeconfig({ contexts: [{ ...CONTEXT, name: 'home' }], current: 'home' }, '.kube/config');
    expect((await open({ env: { HOME: dir } })).context).toBe('home');
  });

  test('is read in YAML, with files beside it', async () => {
    writeFileSync(join(dir, 'ca.crt'), 'authority');
    writeFileSync(join(dir, 'token'), 'from-file\n');
    const path = join(dir, 'config');
    writeFileSync(
      path,
      [
        'apiVersion: v1',
        'kind: Config',
        'current-context: here',
        'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", certificate-authority: ca.crt}}]',
        'contexts: [{name: here, context: {cluster: c, user: u}}]',
        'users: [{name: u, user: {tokenFile: token, token: old}}]',
      ].join('\n'),
    );
    expect(await (await open({ kubeconfig: path })).credentials()).toEqual({
      ok: true,
      value: { headers: { authorization: 'Bearer from-file' }, tls: { ca: 'authority' } },
    });
  });

  test('gives certificates, names and passwords as they are', async () => {
    const users = [{ name: 'u', user: { username: 'me', password: 'pw', as: 'you' } }];
    const clusters = [
      { name: 'c', cluster: { server: 'https://h:1', 'tls-server-name': 'api', 'insecure-skip-tls-verify': true } },
    ];
    const cluster = await open({ kubeconfig: kubeconfig({ users, clusters }) });
    expect(await cluster.credentials()).toEqual({
      ok: true,
      value: {
        headers: { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}`, 'impersonate-user': 'you' },
        tls: { serverName: 'api', insecure: true },
      },
    });
  });

  test.each<[said: string, parts: Parts | string | undefined, choice?: Partial<ClusterChoice>]>([
    ['there is no kubeconfig DIR/config', undefined],
    ['DIR/config is no kubeconfig: ', 'a: [b'],
    ['DIR/config is no kubeconfig: ', ''],
    ['DIR/config has no context away; its contexts: here', {}, { context: 'away' }],
    ['DIR/config has no current context; its contexts: here', { current: '' }],
    ['DIR/config has no context here; its contexts: none', { contexts: [] }],
    ['DIR/config: context here names the cluster c, which is not there', { clusters: [] }],
    ['DIR/config: context here names the user u, which is not there', { users: [] }],
    [
      'DIR/config: cluster c has the address http://example.org, which is not https://',
      { clusters: [{ name: 'c', cluster: { server: 'http://example.org' } }] },
    ],
    [
      'DIR/config: proxy-url of c is not supported',
      { clusters: [{ name: 'c', cluster: { server: 'https://h', 'proxy-url': 'http://p' } }] },
    ],
    ['DIR/config: as-groups of u is not supported', { users: [{ name: 'u', user: { 'as-groups': ['g'] } }] }],
  ])('that cannot be used says %s', async (said, parts, choice) => {
    if (typeof parts === 'string') writeFileSync(join(dir, 'config'), parts);
    else if (parts !== undefined) kubeconfig(parts);
    expect(await problem({ kubeconfig: join(dir, 'config'), ...choice })).toContain(said);
  });

  test('without which there is no cluster says where it was looked for', async () => {
    expect(await problem({ env: { HOME: dir } })).toBe(
      'no cluster is configured: KUBECONFIG is not set, there is no DIR/.kube/config, and this is not a pod',
    );
  });
});

describe('a credential plugin', () => {
  /** A plugin that counts its calls in a file and gives `token-N`. */
  function plugin(expiry: string): object {
    const path = join(dir, 'plugin');
    writeFileSync(
      path,
      `#!/bin/sh
echo x >> "${dir}/calls"
n=$(wc -l < "${dir}/calls")
if [ "$n" -ge 4 ]; then echo 'please log in' >&2; exit 1; fi
printf '{"kind":"ExecCredential","status":{"token":"token-%s"${expiry}}}' $n
`,
    );
    chmodSync(path, 0o755);
    return { name: 'u', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin' } } };
  }

  const calls = (): number =>
    existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8').length / 2 : 0;

  test('runs again when what it gave expires, and not before', async () => {
    const clock = new ManualClock();
    const user = plugin(`,"expirationTimestamp":"${new Date(clock.now() + 3_600_000).toISOString()}"`);
    const cluster = await open({ kubeconfig: kubeconfig({ users: [user] }), clock });
    expect(await Promise.all([bearer(cluster), bearer(cluster)])).toEqual(['Bearer token-1', 'Bearer token-1']);
    forwards(clock, 3_599_000);
    expect(await bearer(cluster)).toBe('Bearer token-1');
    forwards(clock, 2_000);
    expect(await bearer(cluster)).toBe('Bearer token-2');
  });

  test('that names no expiry runs again when the server refuses what it gave', async () => {
    const clock = new ManualClock();
    const cluster = await open({ kubeconfig: kubeconfig({ users: [plugin('')] }), clock });
    const first = await cluster.credentials();
    forwards(clock, 30 * 86_400_000);
    expect(await bearer(cluster)).toBe('Bearer token-1');
    if (first.ok) {
      cluster.forget(first.value);
      expect(await bearer(cluster)).toBe('Bearer token-2');
      // Another request that was refused with the old ones.
      cluster.forget(first.value);
    }
    expect([await bearer(cluster), calls()]).toEqual(['Bearer token-2', 2]);
  });

  test('that fails says so, and who', async () => {
    const cluster = await open({ kubeconfig: kubeconfig({ users: [plugin('')] }) });
    writeFileSync(join(dir, 'calls'), 'x\nx\nx\n');
    expect(await bearer(cluster)).toBe(
      `! no credentials for https://127.0.0.1:1: user u of context here: ${dir}/plugin: please log in`,
    );
  });
});

describe('a pod', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

  function serviceAccount(token: string): string {
    const folder = join(dir, 'serviceaccount');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'token'), `${token}\n`);
    writeFileSync(join(folder, 'ca.crt'), 'authority');
    writeFileSync(join(folder, 'namespace'), 'fixpoint-system');
    return folder;
  }

  test('uses its own service account', async () => {
    const cluster = await open({ env, serviceAccountFolder: serviceAccount('one') });
    expect(cluster).toMatchObject({
      server: 'https://10.0.0.1:443',
      context: 'in-cluster',
      namespace: 'fixpoint-system',
    });
    expect(await cluster.credentials()).toEqual({
      ok: true,
      value: { headers: { authorization: 'Bearer one' }, tls: { ca: 'authority' } },
    });
    const six = { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' };
    expect((await open({ env: six, serviceAccountFolder: join(dir, 'serviceaccount') })).server).toBe(
      'https://[fd00::1]:443',
    );
  });

  test('follows the rotation of its token, also through a moment without one', async () => {
    const clock = new ManualClock();
    const folder = serviceAccount('one');
    const cluster = await open({ env, serviceAccountFolder: folder, clock });
    const first = await cluster.credentials();
    serviceAccount('two');
    expect(await bearer(cluster)).toBe('Bearer one');
    forwards(clock, 61_000);
    const second = await cluster.credentials();
    expect(second.ok && second.value.headers['authorization']).toBe('Bearer two');
    // The same object: no connection has to be made anew for a token.
    expect(first.ok && second.ok && first.value.tls === second.value.tls).toBe(true);
    rmSync(folder, { recursive: true });
    forwards(clock, 61_000);
    expect(await bearer(cluster)).toBe('Bearer two');
    serviceAccount('three');
    if (second.ok) cluster.forget(second.value);
    expect(await bearer(cluster)).toBe('Bearer three');
  });

  test('whose token is gone when the server refuses the old one says so', async () => {
    const folder = serviceAccount('one');
    const cluster = await open({ env, serviceAccountFolder: folder });
    const first = await cluster.credentials();
    rmSync(folder, { recursive: true });
    if (first.ok) cluster.forget(first.value);
    expect(await bearer(cluster)).toMatch(/^! no credentials for https:\/\/10.0.0.1:443: ENOENT/);
  });

  test('has no contexts', async () => {
    expect(await problem({ env, serviceAccountFolder: serviceAccount('one'), context: 'x' })).toBe(
      'there is no kubeconfig, so there is no context x',
    );
  });
});
