import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Handled } from '../../src/backends/backend.ts';
import type { KubernetesConfig } from '../../src/backends/backend-config.ts';
import type { KubernetesBackend } from '../../src/backends/kubernetes/kubernetes-backend.ts';
import { openKubernetes } from '../../src/backends/kubernetes/open-kubernetes.ts';
import { HostFiles } from '../../src/backends/process/file-space.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { directoryOf, launchOf, Reports, type Rig, scriptOf } from '../contract/backend-rig.ts';
import { until } from './eventually.ts';
import type { ApiServer } from './real-api-server.ts';

/** Images that the real node has. */
export const BUSYBOX = 'fixpoint.local/busybox:1';
export const BASH = 'fixpoint.local/bash:1';

export interface PodRig extends Rig {
  readonly namespace: string;
  readonly backend: KubernetesBackend;
}

/** The node has few cores, and a container cannot even begin with a megabyte. */
const SMALL = { cpu: 0.05, memoryBytes: 0, gpu: 0, walltimeMs: 0 };

let rigs = 0;

/** A backend of pods in a namespace of its own, on a folder that the node and this process share. */
export async function podRig(server: ApiServer): Promise<PodRig> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fixpoint-pods-')));
  const namespace = `pods-${process.pid}-${Date.now().toString(36)}-${++rigs}`;
  await must(server, 'create', 'namespace', namespace);
  const config: KubernetesConfig = {
    type: 'kubernetes',
    name: 'kubernetes',
    kubeconfig: server.kubeconfig,
    namespace,
    image: BUSYBOX,
    volume: { mountPath: folder },
  };
  const reports = new Reports();
  const attempts: Handled[] = [];
  const open = async (): Promise<KubernetesBackend> => {
    const opened = await openKubernetes(config, {
      stateDir: folder,
      runsDir: undefined,
      files: new HostFiles(systemClock),
      clock: systemClock,
      logger: silentLogger,
      env: {},
      userAgent: 'fixpoint/test',
      active: true,
    });
    if (!opened.ok) throw new Error(opened.error);
    await opened.value.start((o) => reports.add(o));
    return opened.value;
  };
  let backend = await open();
  return {
    folder,
    namespace,
    get backend() {
      return backend;
    },
    reports: reports.all,
    launch: (token, program, part = {}) => {
      const script = scriptOf(program, part.outputs ?? []);
      const launch = launchOf(folder, directoryOf(backend, token), token, script, { needs: SMALL, ...part });
      attempts.push({ token, directory: launch.directory, handle: undefined });
      return launch;
    },
    seen: async (token, ...states) => {
      for (;;) {
        const found = reports.find(token, states);
        if (found) return found;
        await reports.next();
      }
    },
    reopen: async () => {
      await backend.close();
      backend = await open();
    },
    write: async (path, content) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    },
    read: (path) => readFile(path, 'utf8').catch(() => undefined),
    killRuntime: async ({ token, directory }) => {
      // The node is this machine: what runs in its containers is seen from here.
      process.kill(processWith(`${directory}\0${token}\0`), 'SIGKILL');
      await until('its container has ended', async () => {
        const { stdout } = await server.kubectl(['get', 'pod', '-n', namespace, '-l', `fixpoint.dev/token=${token}`]);
        return /Error|Completed/.test(stdout);
      });
    },
    close: async () => {
      await backend.cancel(attempts);
      await backend.recorded(attempts);
      await backend.close();
      await server.kubectl(['delete', 'namespace', namespace, '--wait=false']);
      await server.kubectl([
        'patch',
        'pods',
        '--all',
        '-n',
        namespace,
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":null}}',
      ]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The first process whose command line holds this. */
function processWith(words: string): number {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words)) return Number(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no process has ${JSON.stringify(words)} in its command line`);
}

async function must(server: ApiServer, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await server.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}
