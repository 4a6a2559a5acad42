import { fail, ok, type Result } from '../../base/result.ts';
import type { Api } from '../../kubernetes/api.ts';
import type { ApiFailure } from '../../kubernetes/api-failure.ts';
import { type ApiObject, CONFIG_MAPS } from '../../kubernetes/resource.ts';
import { type LedgerParts, LOG, type Part, type PartWritten, SHARED } from './ledger-parts.ts';

/** Selects the parts of one workflow's ledger. */
export const LEDGER_LABEL = 'fixpoint.dev/ledger-of';
/**
 * Holds what a deletion writes until the home has ended what runs: who deletes the namespace, or waits for all that belongs to a
 * Workflow, has the config maps deleted first, and nothing new is made there any more.
 */
export const LEDGER_FINALIZER = 'fixpoint.dev/ledger';
/** A shard is written by folding only, which may fail: its records are in the log then. */
const HELD: readonly string[] = [LOG, SHARED];
const PART_ANNOTATION = 'fixpoint.dev/ledger-part';
const KEY = 'part';

interface ConfigMap extends ApiObject {
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** The Workflow that a ledger belongs to. */
export interface LedgerOwner {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Parts of ledgers as config maps beside their Workflow, which owns them: who deletes that deletes these. Config maps because an
 * API server keeps them in a tenth of the memory that custom resources take.
 */
export class ConfigMapParts implements LedgerParts {
  readonly #api: Api;
  readonly #ownerOf: (workflow: string) => LedgerOwner | undefined;

  constructor(api: Api, ownerOf: (workflow: string) => LedgerOwner | undefined) {
    this.#api = api;
    this.#ownerOf = ownerOf;
  }

  async read(workflow: string): Promise<Result<readonly Part[], string>> {
    const owner = this.#ownerOf(workflow);
    if (!owner) return ok([]);
    const parts: Part[] = [];
    const selection = { namespace: owner.namespace, labelSelector: `${LEDGER_LABEL}=${workflow}` };
    for await (const page of this.#api.list<ConfigMap>(CONFIG_MAPS, selection)) {
      if (!page.ok) return fail(`the ledger cannot be read: ${page.error.message}`);
      for (const { metadata, binaryData } of page.value.items) {
        const name = metadata.annotations?.[PART_ANNOTATION];
        const data = binaryData?.[KEY];
        // Whoever may make config maps may label them.
        if (name === undefined || data === undefined || metadata.name !== objectName(workflow, name)) continue;
        parts.push({ name, version: metadata.resourceVersion ?? '', bytes: Buffer.from(data, 'base64') });
      }
    }
    return ok(parts);
  }

  async write(workflow: string, name: string, bytes: Buffer, over: string | undefined): Promise<PartWritten> {
    const owner = this.#ownerOf(workflow);
    if (!owner) return { outcome: 'Refused', message: 'its workflow is gone' };
    const object: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: objectName(workflow, name),
        namespace: owner.namespace,
        labels: { [LEDGER_LABEL]: workflow, 'app.kubernetes.io/managed-by': 'fixpoint' },
        annotations: { [PART_ANNOTATION]: name },
        ...(HELD.includes(name) ? { finalizers: [LEDGER_FINALIZER] } : {}),
        ownerReferences: [
          { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', name: owner.name, uid: workflow, controller: true },
        ],
        ...(over === undefined ? {} : { resourceVersion: over }),
      },
      binaryData: { [KEY]: bytes.toString('base64') },
    };
    const written = await (over === undefined
      ? this.#api.create(CONFIG_MAPS, object)
      : this.#api.replace(CONFIG_MAPS, object));
    return written.ok
      ? { outcome: 'Written', version: written.value.metadata.resourceVersion ?? '' }
      : outcomeOf(written.error);
  }

  async remove(workflow: string, names: readonly string[]): Promise<Result<void, string>> {
    const owner = this.#ownerOf(workflow);
    if (!owner) return ok(undefined);
    for (const name of names) {
      const { namespace } = owner;
      const removed = await this.#api.delete(CONFIG_MAPS, { namespace, name: objectName(workflow, name) });
      if (!removed.ok && removed.error.kind !== 'NotFound') return fail(notRemoved(removed.error));
      if (!HELD.includes(name) || !removed.ok) continue;
      const patch = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
      const freed = await this.#api.patch(CONFIG_MAPS, { namespace, name: objectName(workflow, name) }, patch);
      if (!freed.ok && freed.error.kind !== 'NotFound') return fail(notRemoved(freed.error));
    }
    return ok(undefined);
  }
}

function notRemoved({ message }: ApiFailure): string {
  return `the ledger cannot be removed: ${message}`;
}

function outcomeOf({ kind, message }: ApiFailure): PartWritten {
  switch (kind) {
    case 'Conflict':
    case 'AlreadyExists':
    case 'NotFound':
      return { outcome: 'Changed' };
    case 'UnknownOutcome':
      return { outcome: 'Unknown', message };
    default:
      return { outcome: 'Refused', message };
  }
}

/** Uids of an API server are names as they are; a part's name is ours. */
function objectName(workflow: string, part: string): string {
  return `fixpoint-ledger-${workflow}-${part}`;
}
