// The Kubernetes client layer: from a kubeconfig or a pod's own files to typed calls, watches that heal themselves,
// leadership and events. It knows nothing of workflows. Read `cluster.ts`, `transport.ts`, `api.ts`, `reflector.ts`.

/** A kind of object as the API server's paths name it: `{ group: '', version: 'v1', plural: 'pods', namespaced: true }`. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ObjectReference {
  /** Left out for resources that are not namespaced. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** What the API server fills in is optional: objects that are to be created lack it. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** A decimal of any length, opaque but for `resource-version.ts`. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

/** Any object of the API. Items of lists and of watches of lists come without `apiVersion` and `kind`. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
export const EVENTS: Resource = { group: '', version: 'v1', plural: 'events', namespaced: true };
export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespaced: true };

/** What identifies an object within its resource: `namespace/name`, or the name alone. */
export function objectKey(reference: ObjectReference): string {
  return reference.namespace === undefined ? reference.name : `${reference.namespace}/${reference.name}`;
}

/** `objectKey` of an object that the API server has sent. */
export function keyOf(object: ApiObject): string {
  return objectKey({ namespace: object.metadata.namespace, name: object.metadata.name ?? '' });
}

/** The path of a collection; without a namespace, of all namespaces. Every part is encoded: a name never becomes a path. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? '/api' : `/apis/${encodeURIComponent(resource.group)}`;
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${encodeURIComponent(resource.version)}${within}/${encodeURIComponent(resource.plural)}`;
}

/** The path of one object, or of a subresource of it. */
export function objectPath(resource: Resource, reference: ObjectReference, subresource?: string): string {
  const path = `${collectionPath(resource, reference.namespace)}/${encodeURIComponent(reference.name)}`;
  return subresource === undefined ? path : `${path}/${encodeURIComponent(subresource)}`;
}
