import type { Json } from '../base/json.ts';
import { type Entry, eachOf, type Path } from './each-entry.ts';
import { isObject } from './own-property.ts';
import type { Add } from './walk-schema.ts';

/** More of a PodSpec than the fields of a task say (`pod-schema.ts`). */
export interface PodOverlay {
  readonly affinity?: Json;
  readonly automountServiceAccountToken?: boolean;
  readonly containers?: readonly TaskContainer[];
  readonly dnsConfig?: Json;
  readonly dnsPolicy?: string;
  readonly hostAliases?: Json;
  readonly hostNetwork?: boolean;
  readonly imagePullSecrets?: readonly Named[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly priorityClassName?: string;
  readonly resourceClaims?: Json;
  readonly runtimeClassName?: string;
  readonly schedulerName?: string;
  readonly securityContext?: Json;
  readonly serviceAccountName?: string;
  readonly tolerations?: Json;
  readonly topologySpreadConstraints?: Json;
  readonly volumes?: readonly Named[];
}

interface TaskContainer extends Named {
  readonly envFrom?: Json;
  readonly imagePullPolicy?: string;
  readonly resources?: Json;
  readonly securityContext?: Json;
  readonly volumeDevices?: Json;
  readonly volumeMounts?: Json;
}

/** And whatever else Kubernetes knows of such a thing. */
interface Named {
  readonly name: string;
}

/** The one container. */
export const TASK_CONTAINER = 'task';
/** The volume that the attempts of a backend share. */
export const SHARED_VOLUME = 'workspace';
/** Resources that a field of the task sets, and the field. */
const OWN_RESOURCES: ReadonlyMap<string, string> = new Map([
  ['cpu', 'resources.cpu'],
  ['memory', 'resources.memory'],
  ['nvidia.com/gpu', 'resources.gpu'],
]);

/** Rules between an overlay and what Fixpoint sets; what is inside is the API server's to check. */
export function checkPod(pod: unknown, path: Path, add: Add): void {
  if (!isObject(pod)) return;
  checkTexts(pod, path, add);
  eachOf(pod['containers'], [...path, 'containers'], (container, at) => checkContainer(container, at, add));
  checkUser(pod['securityContext'], [...path, 'securityContext'], add);
  eachOf(pod['volumes'], [...path, 'volumes'], ({ name }, at) => {
    if (name === SHARED_VOLUME) add('E-NAME', [...at, 'name'], `${SHARED_VOLUME} is the volume of the backend.`);
  });
}

/** Files on the volume are the daemon's: another user could not enter the run folder, and root would leave what nobody can move. */
function checkUser(securityContext: unknown, path: Path, add: Add): void {
  if (!isObject(securityContext)) return;
  for (const field of ['runAsUser', 'runAsGroup'])
    if (securityContext[field] !== undefined)
      add('E-OPTION', [...path, field], 'is that of the daemon, whose files the attempt works in.', { atKey: true });
}

function checkContainer(container: Entry, path: Path, add: Add): void {
  const { name, resources, securityContext } = container;
  checkUser(securityContext, [...path, 'securityContext'], add);
  if (typeof name === 'string' && name !== TASK_CONTAINER)
    add('E-NAME', [...path, 'name'], `the one container is called ${TASK_CONTAINER}.`, {
      hint: 'Containers before or beside it are not there yet.',
    });
  if (!isObject(resources)) return;
  for (const list of ['requests', 'limits'])
    for (const resource of Object.keys(isObject(resources[list]) ? resources[list] : {})) {
      const field = OWN_RESOURCES.get(resource);
      if (field !== undefined)
        add('E-OPTION', [...path, 'resources', list, resource], `is set by ${field}: write that.`, { atKey: true });
    }
}

/** Expressions have no values here: one that went to the cluster as it is would be found out late. */
function checkTexts(value: unknown, path: Path, add: Add): void {
  if (typeof value === 'string') {
    const offset = value.indexOf('${{');
    if (offset >= 0)
      add('E-LITERAL', path, 'no ${{ }} is allowed here: an overlay goes to the cluster as it is.', {
        offset,
        length: 3,
      });
  } else if (Array.isArray(value)) value.forEach((member: unknown, i) => checkTexts(member, [...path, i], add));
  else if (isObject(value)) for (const [key, member] of Object.entries(value)) checkTexts(member, [...path, key], add);
}
