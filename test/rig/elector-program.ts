import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Api } from '../../src/kubernetes/api.ts';
import type { ApiFailureKind } from '../../src/kubernetes/api-failure.ts';
import { openCluster } from '../../src/kubernetes/cluster.ts';
import { LeaderElection } from '../../src/kubernetes/leader-election.ts';
import { Transport } from '../../src/kubernetes/transport.ts';

// A candidate as a process of its own: KUBECONFIG NAMESPACE IDENTITY. While it leads it makes config maps as fast as the API
// server takes them, named `w-IDENTITY-N`; it says what happens to it, one word a line. TERM ends it in order.

/** Of what was refused, the kind of the failure. */
export type Word = 'leading' | 'lost' | 'ended' | ApiFailureKind;

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2);
const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };

const cluster = await openCluster({ kubeconfig, env: {}, clock: systemClock });
if (!cluster.ok) throw new Error(cluster.error);
const say = (word: Word): boolean => process.stdout.write(`${word}\n`);

const transport = new Transport({
  cluster: cluster.value,
  userAgent: 'fixpoint/test',
  clock: systemClock,
  // The election is made after what it needs.
  gate: { mayWrite: () => election.mayWrite(), writeTimeoutMs: () => election.writeTimeoutMs() },
});
const election = new LeaderElection({
  api: new Api(transport.forLease),
  clock: systemClock,
  logger: silentLogger,
  lease: { namespace, name: 'fixpoint' },
  identity,
  timings: { durationMs: 3_000, renewMs: 2_000, retryMs: 500 },
  onLeading: () => say('leading'),
  onLost: () => say('lost'),
});

let ending = false;
process.on('SIGTERM', () => {
  ending = true;
});

const api = new Api(transport);
election.start();
// It writes whether it leads or not: only the gate keeps it from that.
for (let at = 0; !ending; at++) {
  const made = await api.create(CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: `w-${identity}-${at}`, labels: { writer: identity } },
  });
  if (!made.ok) say(made.error.kind);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await election.stop();
await transport.close();
say('ended');
