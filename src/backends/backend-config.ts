import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { OwnerReference } from '../kubernetes/resource.ts';
import type { WriteGate } from '../kubernetes/transport.ts';
import type { FileSpace, Launch } from './backend.ts';

/** What a configuration says of a backend of type `kubernetes`. */
export interface KubernetesConfig {
  readonly type: 'kubernetes';
  readonly name: string;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  /** For tasks that name none. */
  readonly image?: string | undefined;
  readonly serviceAccount?: string | undefined;
  /** As which tasks may ask to run, and whose token they may have. Default: none. */
  readonly serviceAccounts?: readonly string[] | undefined;
  readonly maxPods?: number | undefined;
  /** Mounted in every pod at the path that it has here. */
  readonly volume: {
    readonly mountPath: string;
    readonly hostPath?: string | undefined;
    readonly claimName?: string | undefined;
  };
}

/** What a configuration says of a backend of type `slurm`. */
export interface SlurmConfig {
  readonly type: 'slurm';
  readonly name: string;
}

export type BackendConfig = KubernetesConfig | SlurmConfig;

/** Pods of workflows that are resources of the same cluster. */
export interface InCluster {
  /** What tells attempts of this home from those of others, wherever it runs. */
  readonly home: string;
  /** Asked before every write. */
  readonly gate: WriteGate;
  /** Undefined: each pod is made where its workflow is. */
  readonly namespace: string | undefined;
  readonly ownerOf: (launch: Pick<Launch, 'namespace' | 'workflow'>) => OwnerReference | undefined;
}

/** What every backend of a home has around it. */
export interface Surroundings {
  readonly stateDir: string;
  /** Undefined: nobody said. */
  readonly runsDir: string | undefined;
  readonly files: FileSpace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
  /** False: it is asked what it is, and launches nothing. */
  readonly active: boolean;
  /** Of a home whose workflows are resources of the cluster itself. */
  readonly cluster?: InCluster | undefined;
}
