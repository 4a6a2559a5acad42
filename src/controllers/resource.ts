import type { Diagnostic } from '../apis/diagnostic.ts';
import { FOLDER_ANNOTATION, REQUEST_ANNOTATION_PREFIX } from '../apis/meta.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { SOURCE_ANNOTATION } from '../sources/source.ts';
import type { StoredWorkflow, WorkflowMemory } from '../store/store.ts';
import type { ApplyOptions, HomeError, WorkflowRef } from './home.ts';
import type { WorkflowState } from './workflow-state.ts';

/** The resource as values: from a document to the stored object and back, and what counts as the same. */

export const NO_MEMORY: WorkflowMemory = { sheets: {}, requests: {}, suspended: false, approvedGeneration: 0 };

export function nameKey({ namespace, name }: WorkflowRef): string {
  return `${namespace}/${name}`;
}

export function withVersion(stored: StoredWorkflow): Workflow {
  return withMeta(stored.object, { resourceVersion: String(stored.version) });
}

export function withMeta(object: Workflow, change: Partial<Workflow['metadata']>): Workflow {
  return { ...object, metadata: { ...object.metadata, ...change } };
}

/** The same document of this folder, whatever it says itself. */
export function inFolder<D extends WorkflowDocument>(document: D, folder: string): D {
  const { metadata } = document;
  const annotations = { ...metadata.annotations, [FOLDER_ANNOTATION]: folder };
  return { ...document, metadata: { ...metadata, annotations } };
}

export function draft(document: WorkflowDocument, namespace: string): Workflow {
  const { name, labels, annotations } = document.metadata;
  return {
    apiVersion: document.apiVersion,
    kind: 'Workflow',
    metadata: {
      name,
      namespace,
      uid: '',
      generation: 0,
      resourceVersion: '0',
      creationTimestamp: '',
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
    },
    spec: document.spec,
  };
}

/** Annotations by which a folder owns a workflow: a document that says nothing of them leaves them. */
function ownership(object: Workflow): Record<string, string> {
  const kept = Object.entries(object.metadata.annotations ?? {}).filter(([name]) => name.startsWith(SOURCE_ANNOTATION));
  return Object.fromEntries(kept);
}

/** The new document over the stored resource; requests under way and the folder that owns it stay. */
export function updated(before: Workflow, document: WorkflowDocument, generation: number): Workflow {
  const { labels, annotations } = document.metadata;
  const requests = Object.fromEntries(requestAnnotations(before));
  return {
    ...before,
    metadata: {
      ...before.metadata,
      generation,
      labels,
      annotations: { ...ownership(before), ...annotations, ...requests },
    },
    spec: document.spec,
  };
}

export function requestAnnotations(object: {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined };
}): [string, string][] {
  return Object.entries(object.metadata.annotations ?? {}).filter(([name]) =>
    name.startsWith(REQUEST_ANNOTATION_PREFIX),
  );
}

export function withoutRequests(object: Workflow): WorkflowDocument {
  const annotations = Object.fromEntries(
    Object.entries(object.metadata.annotations ?? {}).filter(([name]) => !name.startsWith(REQUEST_ANNOTATION_PREFIX)),
  );
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Equal in what a user says: spec, labels, annotations (but requests). */
export function sameDocument(stored: Workflow, document: WorkflowDocument): boolean {
  const said = (d: WorkflowDocument): string =>
    canonicalJson({
      spec: d.spec as unknown as Json,
      labels: (d.metadata.labels ?? {}) as Json,
      annotations: Object.fromEntries(
        Object.entries(d.metadata.annotations ?? {}).filter(([n]) => !n.startsWith(REQUEST_ANNOTATION_PREFIX)),
      ),
    });
  const annotations = { ...ownership(stored), ...document.metadata.annotations };
  return said(stored) === said({ ...document, metadata: { ...document.metadata, annotations } });
}

export function precondition(existing: WorkflowState | undefined, options: ApplyOptions): HomeError | undefined {
  if (options.create && existing)
    return { reason: 'AlreadyExists', message: `workflow ${existing.stored.object.metadata.name} exists already` };
  if (existing?.stored.object.metadata.deletionTimestamp !== undefined)
    return { reason: 'Conflict', message: `workflow ${existing.stored.object.metadata.name} is being deleted` };
  if (options.resourceVersion !== undefined && existing && options.resourceVersion !== String(existing.stored.version))
    return {
      reason: 'Conflict',
      message: `the resource has changed: its resourceVersion is ${existing.stored.version}, not ${options.resourceVersion}`,
    };
  if (options.over && existing && !sameDocument(existing.stored.object, options.over))
    return { reason: 'Conflict', message: `workflow ${existing.stored.object.metadata.name} was changed meanwhile` };
  return undefined;
}

export function invalid(diagnostics: readonly Diagnostic[]): HomeError {
  return { reason: 'Invalid', message: diagnostics[0]?.message ?? 'invalid', diagnostics };
}
