import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Access, Credentials } from './access.ts';
import type { ApiFailure } from './api-failure.ts';
import type { Tls } from './connections.ts';
import { kubeconfigAccess } from './kubeconfig.ts';
import { pause } from './pause.ts';
import { SERVICE_ACCOUNT_FOLDER, serviceAccountAccess } from './service-account.ts';

/** One API server, and how to be somebody there. */
export interface Cluster {
  /** Its address, perhaps with a path. Ends without a slash. */
  readonly server: string;
  /** Of the kubeconfig; `in-cluster` for a pod's own. */
  readonly context: string;
  /** Where objects go that name no namespace. */
  readonly namespace: string;
  /**
   * Follows rotation: files are read anew every minute, credential plugins run again when what they gave has expired.
   * `Unauthorized`: they could not be had, and the message says why.
   */
  credentials(): Promise<Result<Credentials, ApiFailure>>;
  /** The server did not take these: they are had anew, from the files and plugins themselves. */
  forget(credentials: Credentials): void;
}

export interface ClusterChoice {
  /** Without it `KUBECONFIG` (several, with `:` between), then `~/.kube/config`, then the pod's own files. */
  readonly kubeconfig?: string | undefined;
  /** Of the kubeconfig; without it the current one. */
  readonly context?: string | undefined;
  /** Without it that of the context, then `default`. */
  readonly namespace?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly serviceAccountFolder?: string;
}

/** How long what was read from files counts, as everywhere in Kubernetes. */
const FILES_GOOD_FOR_MS = 60_000;
/** A credential plugin may ask a person. One that hangs holds up every request until then. */
const PLUGIN_MS = 60_000;

/** The cluster that was chosen. The error is a sentence for whoever chose: which file, which context, what there is. */
export async function openCluster(choice: ClusterChoice): Promise<Result<Cluster, string>> {
  const access = await accessOf(choice);
  return access.ok ? ok(new HeldCluster(access.value, choice.namespace, choice.clock)) : access;
}

async function accessOf(choice: ClusterChoice): Promise<Result<Access, string>> {
  const { env, kubeconfig, context } = choice;
  if (kubeconfig !== undefined) return await kubeconfigAccess([kubeconfig], context, choice.clock);
  const named = (env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '');
  if (named.length > 0) return await kubeconfigAccess(named, context, choice.clock);
  const usual = join(env['HOME'] ?? '', '.kube', 'config');
  if (env['HOME'] !== undefined && existsSync(usual)) return await kubeconfigAccess([usual], context, choice.clock);
  const folder = choice.serviceAccountFolder ?? SERVICE_ACCOUNT_FOLDER;
  const own = serviceAccountAccess(env, folder);
  if (own === undefined)
    return fail(`no cluster is configured: KUBECONFIG is not set, there is no ${usual}, and this is not a pod`);
  return context === undefined ? ok(own) : fail(`there is no kubeconfig, so there is no context ${context}`);
}

class HeldCluster implements Cluster {
  readonly server: string;
  readonly context: string;
  readonly namespace: string;
  readonly #access: Access;
  readonly #clock: Clock;
  #held: Credentials | undefined;
  #staleAt = Number.NEGATIVE_INFINITY;
  #tls: Tls | undefined;
  #reading: Promise<Result<Credentials, ApiFailure>> | undefined;

  constructor(access: Access, namespace: string | undefined, clock: Clock) {
    this.server = access.server.replace(/\/+$/, '');
    this.context = access.context;
    this.namespace = namespace ?? access.namespace ?? 'default';
    this.#access = access;
    this.#clock = clock;
  }

  async credentials(): Promise<Result<Credentials, ApiFailure>> {
    if (this.#held !== undefined && this.#clock.monotonic() < this.#staleAt) return ok(this.#held);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  forget(credentials: Credentials): void {
    // Many requests are refused at once when a token expires; one of them is enough to have it read anew.
    if (this.#held === credentials) this.#held = undefined;
  }

  async #read(): Promise<Result<Credentials, ApiFailure>> {
    const late = new AbortController();
    const read = await Promise.race([this.#access.read(), pause(this.#clock, PLUGIN_MS, late.signal)]);
    late.abort();
    if (read === undefined)
      return fail({ kind: 'Unauthorized', message: `no credentials for ${this.server} within ${PLUGIN_MS / 1000} s` });
    if (!read.ok) {
      // A file that is missing for a moment, while it is replaced, is no reason to stop.
      if (this.#held !== undefined) return ok(this.#held);
      return fail({ kind: 'Unauthorized', message: `no credentials for ${this.server}: ${read.error}` });
    }
    const { headers, tls, goodForMs } = read.value;
    if (this.#tls === undefined || !sameTls(this.#tls, tls)) this.#tls = tls;
    this.#held = { headers, tls: this.#tls };
    this.#staleAt = this.#clock.monotonic() + (goodForMs ?? FILES_GOOD_FOR_MS);
    return ok(this.#held);
  }
}

function sameTls(one: Tls, other: Tls): boolean {
  return (
    one.ca === other.ca &&
    one.cert === other.cert &&
    one.key === other.key &&
    one.serverName === other.serverName &&
    one.insecure === other.insecure
  );
}
