import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Which clusters tests have, and where; apart from `kubernetes.ts` because vitest itself, which takes them away, must not
// load what belongs into a test.

const ROOT = resolve(import.meta.dirname, '../..');
/** Scripts that belong to the machine, not to the project. */
export const DEV = resolve(ROOT, '../shared/dev');

export const CLUSTERS = {
  /** API server and etcd only: pods are created, and nothing runs them. */
  api: { level: 'api', ports: 0 },
  /** With controllers, scheduler and fake nodes; notes every write (`audit-log.ts`). */
  control: { level: 'control', ports: 10 },
  /** With a real node. */
  node: { level: 'node', ports: 20 },
  /** Like `api`, for the one file that kills its daemons. */
  outages: { level: 'api', ports: 30 },
  /** Like `api`, for the one file that installs and uninstalls everything. */
  install: { level: 'api', ports: 40 },
} as const;
export type ClusterKind = keyof typeof CLUSTERS;

const hash = createHash('sha256').update(ROOT).digest();
export const FOLDER =
  process.env['FIXPOINT_KUBERNETES'] ?? join(tmpdir(), `fixpoint-kubernetes-${hash.toString('hex', 0, 4)}`);
export const FIRST_PORT = Number(process.env['FIXPOINT_KUBERNETES_PORT'] ?? 21_000 + 50 * (hash.readUInt16BE(8) % 200));

/** Names a run of vitest, in its own process and in those of its test files. */
export function runName(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return `${pid}-${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

/** Clusters that may be there, by what says which run they belong to. */
export function clusterFolders(): { readonly state: string; readonly run: string; readonly end: string }[] {
  const end = join(DEV, 'kubernetes-down');
  return Object.keys(CLUSTERS).map((kind) => ({ state: join(FOLDER, kind), run: join(FOLDER, `${kind}.run`), end }));
}

/** The first two numbers of pod addresses: clusters with a real node need different ones. */
export const POD_NET = `10.${100 + (hash.readUInt16BE(10) % 100)}`;
