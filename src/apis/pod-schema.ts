import { MAX_LITERAL_CHARS, MAX_POD_PARTS } from '../base/limits.ts';
import type { SchemaNode } from './schema-node.ts';

/** Kubernetes' own, of whatever version the cluster is: its API server checks what is in it. */
const asPodSpec = (description: string) =>
  ({
    description,
    'x-kubernetes-preserve-unknown-fields': true,
    'x-fixpoint-text': 'data',
  }) as const;

const literal = (description: string) =>
  ({ type: 'string', description, maxLength: MAX_LITERAL_CHARS, 'x-fixpoint-text': 'data' }) as const;

const flag = (description: string) => ({ type: 'boolean', description }) as const;

const named = (description: string, item: string) =>
  ({
    type: 'array',
    description,
    maxItems: MAX_POD_PARTS,
    items: {
      type: 'object',
      description: item,
      required: ['name'],
      properties: { name: literal('Unique in this list.') },
      'x-kubernetes-preserve-unknown-fields': true,
    },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  }) as const;

/**
 * What of a PodSpec a task may say beside its own fields. The list is closed: what Fixpoint sets itself, or a field above
 * sets, is not in it.
 */
export const podSchema = {
  type: 'object',
  description: 'More of the PodSpec, for attempts that are pods. Other backends refuse it.',
  properties: {
    affinity: asPodSpec('Nodes and pods to be near to, or far from.'),
    automountServiceAccountToken: flag('Mount the token of the service account. Default false.'),
    containers: {
      type: 'array',
      description: 'More of the one container, which is called task. There are no others yet.',
      maxItems: 1,
      items: {
        type: 'object',
        description: 'The container task.',
        required: ['name'],
        properties: {
          name: literal('It is called task.'),
          envFrom: asPodSpec('All of a config map or a secret as variables. Not part of the identity.'),
          imagePullPolicy: literal('Always, IfNotPresent or Never.'),
          resources: asPodSpec('Extended resources: cpu, memory and gpu have fields of their own.'),
          securityContext: asPodSpec('Merged over ours, which drops all capabilities.'),
          volumeDevices: asPodSpec('Block devices.'),
          volumeMounts: asPodSpec('Where volumes of this pod are mounted.'),
        },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    dnsConfig: asPodSpec('Name servers.'),
    dnsPolicy: literal('How names are resolved.'),
    hostAliases: asPodSpec('Entries of /etc/hosts.'),
    hostNetwork: flag('Use the network of the node.'),
    imagePullSecrets: named('Secrets that images are pulled with.', 'A secret.'),
    nodeSelector: {
      type: 'object',
      description: 'Labels that the node must have.',
      maxProperties: MAX_POD_PARTS,
      additionalProperties: literal('A value.'),
    },
    priorityClassName: literal('Which pods go first on a full cluster.'),
    resourceClaims: asPodSpec('Devices by dynamic allocation.'),
    runtimeClassName: literal('What runs the containers.'),
    schedulerName: literal('Who places the pod.'),
    securityContext: asPodSpec(
      'Merged over ours: fsGroup, supplementalGroups, seccompProfile. The user is that of the volume.',
    ),
    serviceAccountName: literal("One of the backend's serviceAccounts."),
    tolerations: asPodSpec('Taints of nodes that are put up with.'),
    topologySpreadConstraints: asPodSpec('How pods are spread.'),
    volumes: named('Volumes that containers mount.', 'A volume.'),
  },
} as const satisfies SchemaNode;
