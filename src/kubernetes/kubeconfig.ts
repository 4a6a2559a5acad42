import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname, isAbsolute, join } from 'node:path';
import type * as ClientNode from '@kubernetes/client-node';
import type { Clock } from '../base/clock.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Access, ReadCredentials } from './access.ts';
import type { Tls } from './connections.ts';

// The one use of client-node: to read kubeconfigs and to be somebody by certificate, token, credential plugin or OIDC.
// Importing it takes half a second and 76 MB, so it is imported when a kubeconfig is used and not before.

/** What kubectl understands, client-node does not, and would change who we are or where we go without a word. */
const NOT_UNDERSTOOD = ['as-groups', 'as-uid', 'as-user-extra', 'proxy-url'] as const;

/** As much of the file as client-node leaves out. */
interface RawKubeconfig {
  readonly users?: readonly { readonly name?: string; readonly user?: RawUser | null }[] | null;
  readonly clusters?: readonly { readonly name?: string; readonly cluster?: object | null }[] | null;
}

interface RawUser {
  readonly tokenFile?: string;
}

interface Loaded {
  readonly config: ClientNode.KubeConfig;
  readonly cluster: ClientNode.Cluster;
  readonly context: ClientNode.Context;
}

/** Of several files, the first that says something wins, as for kubectl. The error is one sentence. */
export async function kubeconfigAccess(
  paths: readonly string[],
  contextName: string | undefined,
  clock: Clock,
): Promise<Result<Access, string>> {
  const client = await import('@kubernetes/client-node');
  const load = (): Result<Loaded, string> => loaded(client, paths, contextName);
  const first = load();
  if (!first.ok) return first;
  const { cluster, context } = first.value;
  const access: Access = {
    server: cluster.server,
    context: context.name,
    namespace: context.namespace,
    // Loaded anew each time: files may have been rotated, and plugins are asked again only when they have to be.
    read: async () => {
      const now = load();
      return now.ok ? await credentialsOf(now.value, clock) : now;
    },
  };
  return ok(access);
}

function loaded(
  client: typeof ClientNode,
  paths: readonly string[],
  contextName: string | undefined,
): Result<Loaded, string> {
  const config = new client.KubeConfig();
  for (const path of paths) {
    const problem = addFile(client, config, path);
    if (problem !== undefined) return fail(problem);
  }
  const where = paths.join(':');
  const has = config.contexts.map(({ name }) => name).join(', ') || 'none';
  const wanted = contextName ?? config.currentContext;
  if (!wanted) return fail(`${where} has no current context; its contexts: ${has}`);
  const context = config.contexts.find(({ name }) => name === wanted);
  if (context === undefined) return fail(`${where} has no context ${wanted}; its contexts: ${has}`);
  config.setCurrentContext(wanted);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    return fail(`${where}: context ${wanted} names the cluster ${context.cluster}, which is not there`);
  if (config.getCurrentUser() === null)
    return fail(`${where}: context ${wanted} names the user ${context.user}, which is not there`);
  if (!isUsable(cluster.server))
    return fail(`${where}: cluster ${cluster.name} has the address ${cluster.server}, which is not https://`);
  return ok({ config, cluster, context });
}

function isUsable(server: string): boolean {
  if (!URL.canParse(server)) return false;
  const { protocol, hostname } = new URL(server);
  return protocol === 'https:' || (protocol === 'http:' && /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname));
}

/** What is wrong with the file, or nothing. */
function addFile(client: typeof ClientNode, into: ClientNode.KubeConfig, path: string): string | undefined {
  let raw: RawKubeconfig;
  const config = new client.KubeConfig();
  try {
    const text = readFileSync(path, 'utf8');
    raw = client.loadYaml<RawKubeconfig>(text);
    config.loadFromString(text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `there is no kubeconfig ${path}` : `${path} is no kubeconfig: ${message}`;
  }
  const folder = dirname(path);
  config.makePathsAbsolute(folder);
  for (const { name, ...entry } of [...(raw.users ?? []), ...(raw.clusters ?? [])]) {
    const body = ('user' in entry ? entry.user : 'cluster' in entry ? entry.cluster : undefined) ?? {};
    const strange = NOT_UNDERSTOOD.find((field) => Object.hasOwn(body, field));
    if (strange !== undefined) return `${path}: ${strange} of ${name} is not supported`;
  }
  const tokenFiles = new Map((raw.users ?? []).map(({ name, user }) => [name, user?.tokenFile]));
  const has = (list: readonly { readonly name: string }[], name: string): boolean => list.some((e) => e.name === name);
  for (const cluster of config.clusters) if (!has(into.clusters, cluster.name)) into.addCluster(cluster);
  for (const context of config.contexts) if (!has(into.contexts, context.name)) into.addContext(context);
  for (const user of config.users)
    if (!has(into.users, user.name)) into.addUser(completed(user, tokenFiles.get(user.name), folder));
  if (!into.currentContext && config.currentContext) into.setCurrentContext(config.currentContext);
  return undefined;
}

/** A user with what client-node leaves out of the file: `tokenFile`, which wins over `token`, and where plugins are. */
function completed(user: ClientNode.User, tokenFile: string | undefined, folder: string): ClientNode.User {
  const within = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  const exec = user.exec as { readonly command?: string } | null | undefined;
  const command = exec?.command;
  return {
    ...user,
    ...(command?.includes('/') ? { exec: { ...exec, command: within(command) } } : {}),
    ...(tokenFile === undefined
      ? {}
      : { token: '', authProvider: { name: 'tokenFile', config: { tokenFile: within(tokenFile) } } }),
  };
}

async function credentialsOf(loaded: Loaded, clock: Clock): Promise<Result<ReadCredentials, string>> {
  const { config, cluster, context } = loaded;
  // client-node refuses servers without TLS. On this machine they are proxies, such as kubectl's, and ask for nothing.
  if (cluster.server.startsWith('http:')) return ok({ headers: {}, tls: {}, goodForMs: undefined });
  const options: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    const by = config.getCurrentUser()?.exec as { readonly command?: string } | null | undefined;
    const what = by?.command === undefined ? '' : `${by.command}: `;
    return fail(`user ${context.user} of context ${context.name}: ${what}${(error as Error).message.trim()}`);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim();
  if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return ok({ headers, tls: tlsOf(options), goodForMs: goodForMs(config, headers['authorization'], clock) });
}

function tlsOf(options: RequestOptions): Tls {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return {
    ...(ca ? { ca: pem(ca) } : {}),
    ...(cert ? { cert: pem(cert) } : {}),
    ...(key ? { key: pem(key) } : {}),
    ...(servername ? { serverName: servername } : {}),
    ...(rejectUnauthorized === false ? { insecure: true } : {}),
  };
}

/** client-node gives what it reads from files as bytes, and what a plugin says as text. */
function pem(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'string' ? value : '';
}

/**
 * Files are read every minute; that is `undefined`. What a plugin or an identity provider gave is good until it expires,
 * and without an expiry until the server refuses it: asking again may cost a process, or a person's time.
 */
function goodForMs(config: ClientNode.KubeConfig, authorization: string | undefined, clock: Clock): number | undefined {
  const user = config.getCurrentUser();
  if (user?.exec) return untilMs(expiryOfPlugin(config, user.name), clock);
  const provider = user?.authProvider as { readonly name?: string } | null | undefined;
  return provider?.name === 'oidc' ? untilMs(expiryOfToken(authorization ?? ''), clock) : undefined;
}

function untilMs(expiresAt: number, clock: Clock): number {
  return Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - clock.now());
}

/** client-node keeps the plugin's answer to itself, in a field that this exact version has. NaN: it gave no expiry. */
function expiryOfPlugin(config: ClientNode.KubeConfig, user: string): number {
  const keepers = config['authenticators'] as readonly {
    readonly tokenCache?: Readonly<Record<string, { readonly status?: { readonly expirationTimestamp?: string } }>>;
  }[];
  const answer = keepers.find(({ tokenCache }) => tokenCache !== undefined)?.tokenCache?.[user];
  return Date.parse(answer?.status?.expirationTimestamp ?? '');
}

/** `exp` of a JSON web token, in milliseconds; NaN for anything else. */
function expiryOfToken(authorization: string): number {
  try {
    const payload = Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString('utf8');
    return Number((JSON.parse(payload) as { readonly exp?: number }).exp) * 1000;
  } catch {
    return Number.NaN;
  }
}
