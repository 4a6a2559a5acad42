/** Kubernetes object metadata: names and meanings are Kubernetes' own. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[] | undefined;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

export const GROUP = 'fixpoint.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const DEFAULT_NAMESPACE = 'default';

/** The folder that relative paths of a document are relative to; stamped by CLI and folder source. */
export const FOLDER_ANNOTATION = `${GROUP}/folder`;
/** Prefix of the annotations by which verbs are requested: `request.fixpoint.dev/ID`. */
export const REQUEST_ANNOTATION_PREFIX = `request.${GROUP}/`;
