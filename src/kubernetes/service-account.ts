import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { fail, ok } from '../base/result.ts';
import type { Access } from './access.ts';

/** Where kubelet puts a pod's token, which it rotates, and the certificate authority of its API server. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of the cluster that this process runs in; undefined: it is not a pod, or one without a token. */
export function serviceAccountAccess(env: NodeJS.ProcessEnv, folder: string): Access | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  const tokenFile = join(folder, 'token');
  if (host === undefined || port === undefined || !existsSync(tokenFile)) return undefined;
  const namespaceFile = join(folder, 'namespace');
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    context: 'in-cluster',
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : undefined,
    read: async () => {
      try {
        const token = (await readFile(tokenFile, 'utf8')).trim();
        const ca = await readFile(join(folder, 'ca.crt'), 'utf8');
        return ok({ headers: { authorization: `Bearer ${token}` }, tls: { ca }, goodForMs: undefined });
      } catch (error) {
        return fail((error as Error).message);
      }
    },
  };
}
