import { closest } from '../base/closest.ts';
import { MAX_ANNOTATION_CHARS, MAX_WORKFLOW_NAME_CHARS } from '../base/limits.ts';
import { API_VERSION } from './meta.ts';
import { isObject } from './own-property.ts';
import type { Add } from './walk-schema.ts';

/** Kubernetes' rules for names, labels and annotations, so that a file means the same in a cluster. */

const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const LABEL_TEXT = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const MAX_PREFIX = 253;

/** Kinds that this group will have; they get a schema when they work. */
const RESERVED_KINDS = ['WorkflowTemplate', 'ClusterWorkflowTemplate', 'CronWorkflow', 'Queue', 'WorkerPool'];

/** Returns false where the document is no Workflow of ours, so that nothing else about it is worth saying. */
export function checkTypeMeta(document: Record<string, unknown>, add: Add): boolean {
  const { kind, apiVersion } = document;
  if (kind === undefined && apiVersion === undefined) {
    add('E-REQUIRED', [], 'needs apiVersion and kind.', {
      hint: `Write apiVersion: ${API_VERSION} and kind: Workflow.`,
    });
    return false;
  }
  if (typeof apiVersion === 'string' && apiVersion !== API_VERSION) {
    const foreign = apiVersion.startsWith('argoproj.io/') ? 'this is an Argo document; ' : '';
    add('E-API-VERSION', ['apiVersion'], `${foreign}${shown(apiVersion)} is not read here.`, {
      hint: `Write apiVersion: ${API_VERSION}.`,
    });
    return false;
  }
  if (typeof kind === 'string' && kind !== 'Workflow') {
    if (RESERVED_KINDS.includes(kind)) add('E-KIND', ['kind'], `this release does not have ${kind}.`);
    else if (kind === 'List' || kind === 'WorkflowList')
      add('E-KIND', ['kind'], 'a list is not read here.', {
        hint: 'Write the workflows one after another, with --- between them.',
      });
    else
      add('E-KIND', ['kind'], `${shown(kind)} is not read here.`, {
        hint: closest(kind, ['Workflow']) === undefined ? 'The only kind is Workflow.' : 'Did you mean Workflow?',
      });
    return false;
  }
  return true;
}

export function checkMetadata(metadata: unknown, add: Add): void {
  if (!isObject(metadata)) return;
  const { name, namespace } = metadata;
  if (name === undefined && metadata['generateName'] !== undefined) {
    add(
      'E-REQUIRED',
      ['metadata'],
      'needs name; generateName is not read here, as the name is what an edit is recognised by.',
    );
  }
  if (
    typeof name === 'string' &&
    !name.includes('${{') &&
    !(name.length <= MAX_WORKFLOW_NAME_CHARS && DNS_SUBDOMAIN.test(name))
  ) {
    const better = name
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-')
      .replace(/^[-.]+|[-.]+$/g, '')
      .slice(0, MAX_WORKFLOW_NAME_CHARS);
    add(
      'E-NAME',
      ['metadata', 'name'],
      `${shown(name)} is no name: 1 to ${MAX_WORKFLOW_NAME_CHARS} of a-z 0-9 - . that begin and end with a letter or digit.`,
      {
        hint: DNS_SUBDOMAIN.test(better) ? `Write ${better}.` : undefined,
      },
    );
  }
  if (typeof namespace === 'string' && !namespace.includes('${{') && !DNS_LABEL.test(namespace)) {
    add('E-NAME', ['metadata', 'namespace'], `${shown(namespace)} is no namespace: 1 to 63 of a-z 0-9 -.`);
  }
  checkLabels(metadata['labels'], ['metadata', 'labels'], add);
  checkAnnotations(metadata['annotations'], ['metadata', 'annotations'], add);
}

export function checkLabels(labels: unknown, path: readonly (string | number)[], add: Add): void {
  if (!isObject(labels)) return;
  for (const [key, value] of Object.entries(labels)) {
    checkQualifiedName(key, path, add);
    if (typeof value === 'string' && value !== '' && !value.includes('${{') && !LABEL_TEXT.test(value)) {
      add(
        'E-LABEL',
        [...path, key],
        `${shown(value)} is no label value: at most 63 of A-Z a-z 0-9 _ . - that begin and end with a letter or digit.`,
        {
          hint: 'Put free text into annotations.',
        },
      );
    }
  }
}

export function checkAnnotations(annotations: unknown, path: readonly (string | number)[], add: Add): void {
  if (!isObject(annotations)) return;
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    checkQualifiedName(key, path, add);
    size += key.length + (typeof value === 'string' ? value.length : 0);
  }
  if (size > MAX_ANNOTATION_CHARS) add('E-TOO-LARGE', [...path], 'annotations hold more than 256 KiB.');
}

/** `name` or `prefix/name`. */
function checkQualifiedName(key: string, path: readonly (string | number)[], add: Add): void {
  const slash = key.indexOf('/');
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const fine =
    LABEL_TEXT.test(key.slice(slash + 1)) &&
    (prefix === undefined || (prefix.length <= MAX_PREFIX && DNS_SUBDOMAIN.test(prefix)));
  if (fine) return;
  add(
    'E-LABEL',
    [...path, key],
    'is no key: a name of at most 63 of A-Z a-z 0-9 _ . -, with a domain and / in front if wanted.',
    { atKey: true },
  );
}

function shown(text: string): string {
  return text === '' ? 'the empty text' : text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
