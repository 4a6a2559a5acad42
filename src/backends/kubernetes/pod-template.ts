import { join } from 'node:path';
import { SHARED_VOLUME, TASK_CONTAINER } from '../../apis/pod-overlay.ts';
import type { Json } from '../../base/json.ts';
import type { ApiObject, OwnerReference } from '../../kubernetes/resource.ts';
import type { Launch } from '../backend.ts';
import { environmentOf } from '../process/folder-content.ts';
import { overlaid } from './overlaid.ts';
import {
  LABELS,
  NO_RUNTIME,
  OUTCOME_FINALIZER,
  OWN_RUNTIME,
  podLabels,
  podName,
  TASK_ANNOTATION,
} from './pod-names.ts';

/** Where the pods of a backend are made, and what all of them have in common. */
export interface PodPlace {
  /** Undefined: that of the workflow. */
  readonly namespace: string | undefined;
  /** What a pod belongs to: who deletes that deletes the pod. */
  readonly ownerOf: (launch: Launch) => OwnerReference | undefined;
  /** Identifies who made them, among the labels. */
  readonly home: string;
  /** For tasks that name none. */
  readonly image: string | undefined;
  readonly serviceAccount: string | undefined;
  /** Mounted at the same path as here: the attempts work in the same files as everybody else. */
  readonly volume: { readonly mountPath: string; readonly source: { readonly [kind: string]: Json } };
  /** Whose files those are. */
  readonly user: { readonly runAsUser: number; readonly runAsGroup: number } | undefined;
  /** The attempt runtime, on that volume. */
  readonly runtime: string;
}

/** Beyond the grace of the task: the runtime itself ends what is left, and writes its record. */
const RUNTIME_GRACE_SECONDS = 5;

/**
 * A command that needs nothing of ours is run as it is, in any image, also in one without a shell. Everything else is run
 * by the attempt runtime, which takes the `sh` of the image.
 */
export function runsUntouched(launch: Launch): boolean {
  const { command, outputs, files, inputs, staged, stdin, stdout, stderr } = launch;
  return (
    command.kind === 'Argv' &&
    command.setup === undefined &&
    outputs.length + files.length + inputs.length === 0 &&
    [staged, stdin, stdout, stderr].every((part) => part === undefined)
  );
}

export function namespaceOf(launch: Pick<Launch, 'namespace'>, place: Pick<PodPlace, 'namespace'>): string {
  return place.namespace ?? launch.namespace;
}

/** The pod of an attempt. */
export function podOf(launch: Launch, place: PodPlace): ApiObject {
  const { needs } = launch;
  const untouched = runsUntouched(launch);
  const command =
    untouched && launch.command.kind === 'Argv'
      ? launch.command.argv.map(literal)
      : ['sh', literal(place.runtime), literal(launch.directory), launch.token, 'pod', 'pod', 'pod'];
  const walltime = Math.ceil(needs.walltimeMs / 1000);
  const owner = place.ownerOf(launch);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(launch),
      namespace: namespaceOf(launch, place),
      // Ours last: by them a pod is known to be ours.
      labels: {
        ...launch.labels,
        ...podLabels(launch, place.home),
        [LABELS.runtime]: untouched ? NO_RUNTIME : OWN_RUNTIME,
      },
      annotations: { ...launch.annotations, [TASK_ANNOTATION]: launch.key },
      finalizers: [OUTCOME_FINALIZER],
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: overlaid(
      {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        ...(place.serviceAccount === undefined ? {} : { serviceAccountName: place.serviceAccount }),
        // The runtime keeps to the walltime from the start of the command; what runs untouched has only this.
        ...(untouched && walltime > 0 ? { activeDeadlineSeconds: walltime } : {}),
        terminationGracePeriodSeconds: Math.ceil(launch.graceMs / 1000) + RUNTIME_GRACE_SECONDS,
        securityContext: {
          seccompProfile: { type: 'RuntimeDefault' },
          ...place.user,
          ...(place.user === undefined || place.user.runAsUser === 0 ? {} : { runAsNonRoot: true }),
        },
        containers: [
          {
            name: TASK_CONTAINER,
            image: launch.image ?? place.image ?? '',
            command,
            env: environmentIn(launch, untouched),
            ...(untouched ? { workingDir: launch.workdir } : {}),
            resources: resourcesOf(needs),
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            terminationMessagePolicy: 'FallbackToLogsOnError',
            volumeMounts: [{ name: SHARED_VOLUME, mountPath: place.volume.mountPath }],
          },
        ],
        volumes: [{ name: SHARED_VOLUME, ...place.volume.source }],
      },
      launch.pod,
    ),
  } as ApiObject;
}

/** The runtime sets what is known already; what the cluster puts in it only hands on. */
function environmentIn(launch: Launch, untouched: boolean): Json {
  const known = untouched ? environmentOf(launch, { oomKills: undefined, gpuIds: undefined }) : [];
  return [
    ...known.map(([name, value]) => ({ name, value: literal(value) })),
    ...(launch.envFrom ?? []).map(([name, valueFrom]) => ({ name, valueFrom: valueFrom as unknown as Json })),
  ];
}

/** The API server puts variables in where `$(NAME)` stands; a value of ours is what it is. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** Memory is a limit: who takes more is ended, and not its neighbours. Cores are a share. */
function resourcesOf({ cpu, memoryBytes, gpu }: Launch['needs']): Json {
  const memory = memoryBytes > 0 ? { memory: String(memoryBytes) } : {};
  const gpus = gpu > 0 ? { 'nvidia.com/gpu': String(gpu) } : {};
  return { requests: { cpu: `${Math.ceil(cpu * 1000)}m`, ...memory, ...gpus }, limits: { ...memory, ...gpus } };
}

export function runtimeIn(runsDir: string, digest: string): string {
  return join(runsDir, '.runtime', `attempt-${digest}.sh`);
}
