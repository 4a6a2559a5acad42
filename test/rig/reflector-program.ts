import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Api } from '../../src/kubernetes/api.ts';
import { openCluster } from '../../src/kubernetes/cluster.ts';
import { Reflector } from '../../src/kubernetes/reflector.ts';
import { type ApiObject, PODS } from '../../src/kubernetes/resource.ts';
import { Transport } from '../../src/kubernetes/transport.ts';

// KUBECONFIG EMPTY-NAMESPACE NAMESPACE, with --expose-gc: what reflecting the pods of a namespace keeps, by heap before and
// after, as JSON. An empty namespace first, so that code and buffers are counted to nobody.

const [kubeconfig = '', empty = '', full = ''] = process.argv.slice(2);
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('start it with --expose-gc');

interface Pod extends ApiObject {
  readonly status?: { readonly phase?: string; readonly reason?: string };
}

/** What a backend asks of a pod. */
function project({ metadata, status }: Pod) {
  return {
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    task: metadata.labels?.['fixpoint.dev/task'],
    attempt: metadata.labels?.['fixpoint.dev/attempt'],
    deleted: metadata.deletionTimestamp,
    finalizers: metadata.finalizers,
    phase: status?.phase,
    reason: status?.reason,
  };
}

const cluster = await openCluster({ kubeconfig, env: {}, clock: systemClock });
if (!cluster.ok) throw new Error(cluster.error);
const transport = new Transport({ cluster: cluster.value, userAgent: 'fixpoint/test', clock: systemClock });

async function reflected(namespace: string): Promise<Reflector<ReturnType<typeof project>>> {
  const reflector = new Reflector({
    api: new Api(transport),
    resource: PODS,
    selection: { namespace },
    project,
    onEvent: () => {},
    clock: systemClock,
    logger: silentLogger,
    seed: 'test',
  });
  reflector.start();
  await reflector.synced;
  return reflector;
}

/** Heap and what lies outside of it, after everything that can go has gone. */
async function kept(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collect?.();
    await new Promise(setImmediate);
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

export interface Kept {
  readonly objects: number;
  /** Of all of them. */
  readonly bytes: number;
}

const first = await reflected(empty);
const before = await kept();
const second = await reflected(full);
const after = await kept();
const said: Kept = { objects: second.size, bytes: after - before };
process.stdout.write(JSON.stringify(said));
await Promise.all([first.stop(), second.stop()]);
await transport.close();
