import { realpath, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fail, ok, type Result } from '../base/result.ts';
import { type Holder, readHolder } from '../server/holder.ts';
import { probeSocket } from '../server/socket.ts';

/** What the user said about where to talk to. */
export interface WhereOptions {
  readonly server?: string | undefined;
  readonly state?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

export type Place =
  /** A socket that was named: nothing else is tried. */
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'state'; readonly dir: string }
  /** Workflows of a cluster, by its API server. */
  | { readonly kind: 'cluster'; readonly kubeconfig: string | undefined; readonly context: string | undefined };

export const STATE_FOLDER = '.fixpoint';

/** In the documented order: `--kubeconfig` or `--context`, `--server`, `--state`, `FIXPOINT_SERVER`, `FIXPOINT_STATE`, nearest `.fixpoint` upwards. */
export async function findPlace(
  options: WhereOptions,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<Result<Place, string>> {
  const { kubeconfig, context } = options;
  if (kubeconfig !== undefined || context !== undefined) return ok({ kind: 'cluster', kubeconfig, context });
  if (options.server !== undefined) return socketOf(options.server, '--server', cwd);
  if (options.state !== undefined) return ok({ kind: 'state', dir: resolve(cwd, options.state) });
  const server = env['FIXPOINT_SERVER'];
  if (server !== undefined && server !== '') return socketOf(server, 'FIXPOINT_SERVER', cwd);
  const state = env['FIXPOINT_STATE'];
  if (state !== undefined && state !== '') return ok({ kind: 'state', dir: resolve(cwd, state) });
  const nearest = await nearestState(cwd);
  if (nearest !== undefined) return ok({ kind: 'state', dir: nearest });
  return fail(
    `no ${STATE_FOLDER} folder here or above. Name one with --state DIR, or a daemon with --server unix:PATH.`,
  );
}

function socketOf(text: string, what: string, cwd: string): Result<Place, string> {
  if (!text.startsWith('unix:') || text.length === 'unix:'.length) {
    return fail(`${what}: ${JSON.stringify(text)} is no address that can be talked to; write unix:PATH`);
  }
  return ok({ kind: 'socket', path: resolve(cwd, text.slice('unix:'.length)) });
}

/**
 * Only a folder of this user counts: in a shared place such as `/tmp` somebody else could lay one out whose
 * daemon then gets our documents.
 */
async function nearestState(cwd: string): Promise<string | undefined> {
  const uid = process.getuid?.();
  for (let folder = cwd; ; folder = dirname(folder)) {
    const candidate = join(folder, STATE_FOLDER);
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isDirectory() === true && (uid === undefined || found.uid === uid)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

export type StateOwner =
  | { readonly kind: 'none' }
  | { readonly kind: 'live'; readonly holder: Holder }
  | { readonly kind: 'elsewhere'; readonly holder: Holder }
  /** The socket is bound and nobody answers in time: it may be busy, it must not be replaced. */
  | { readonly kind: 'silent'; readonly holder: Holder };

/** Who serves a state folder, by its `holder.json` and by asking the socket in it. */
export async function ownerOf(stateDir: string): Promise<StateOwner> {
  const holder = await readHolder(stateDir);
  if (holder === undefined) return { kind: 'none' };
  if (holder.host !== hostname()) return { kind: 'elsewhere', holder };
  const verdict = await probeSocket(holder.socket);
  if (verdict === 'alive') return { kind: 'live', holder };
  return verdict === 'dead' ? { kind: 'none' } : { kind: 'silent', holder };
}

/** The state folder's one name, whichever link led to it; as given while it does not exist. */
export async function canonicalStateDir(dir: string): Promise<string> {
  return realpath(dir).catch(() => resolve(dir));
}

export function elsewhereMessage(stateDir: string, holder: Holder): string {
  return `${stateDir} is served on host ${holder.host} (pid ${holder.pid}). Run the command there; if that host is gone for good, remove ${join(stateDir, 'holder.json')}.`;
}
