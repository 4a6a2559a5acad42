import { API_VERSION, GROUP, VERSION } from '../../apis/meta.ts';
import type { Workflow } from '../../apis/workflow.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { Api } from '../../kubernetes/api.ts';
import { pause } from '../../kubernetes/pause.ts';
import type { ApiObject, Resource } from '../../kubernetes/resource.ts';
import type { WorkflowObjects } from './cluster-store.ts';

export const WORKFLOWS: Resource = { group: GROUP, version: VERSION, plural: 'workflows', namespaced: true };
export const FIELD_MANAGER = 'fixpoint';

/** Between two statuses of one workflow: who watches it sees no more of them. */
const STATUS_INTERVAL_MS = 1_000;

/** Workflows in an API server. A status is applied whole, the newest one, and tried until it is written or its workflow is gone. */
export class ApiWorkflows implements WorkflowObjects {
  readonly #api: Api;
  readonly #namespace: string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Workflow>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  /** Without a namespace: of all. */
  constructor(api: Api, namespace: string | undefined, clock: Clock, logger: Logger) {
    this.#api = api;
    this.#namespace = namespace;
    this.#clock = clock;
    this.#logger = logger;
  }

  async list(): Promise<Result<readonly Workflow[], string>> {
    const items: Workflow[] = [];
    for await (const page of this.#api.list<ApiObject>(WORKFLOWS, { namespace: this.#namespace })) {
      if (!page.ok) return fail(`workflows cannot be listed: ${page.error.message}`);
      items.push(...page.value.items.map(workflowOf));
    }
    return ok(items);
  }

  show(object: Workflow): void {
    if (object.status === undefined) return;
    const { uid } = object.metadata;
    this.#waiting.set(uid, object);
    if (this.#writing.has(uid)) return;
    this.#writing.set(uid, this.#write(uid));
  }

  /** The last statuses are written, or given up. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#writing.values());
  }

  async #write(uid: string): Promise<void> {
    for (let object = this.#waiting.get(uid); object !== undefined; object = this.#waiting.get(uid)) {
      this.#waiting.delete(uid);
      const { name, namespace } = object.metadata;
      const body = {
        apiVersion: API_VERSION,
        kind: 'Workflow',
        metadata: { name, namespace, uid },
        status: object.status,
      };
      const patch = { type: 'apply', body, fieldManager: FIELD_MANAGER, force: true } as const;
      const written = await this.#api.patch<ApiObject>(WORKFLOWS, { name, namespace }, patch, {
        subresource: 'status',
      });
      if (!written.ok) {
        const { kind, message } = written.error;
        // It is gone, or another has its name.
        if (kind === 'NotFound' || kind === 'Conflict') break;
        this.#logger.warn({ workflow: name, error: message }, 'a status could not be written; trying again');
        if (!this.#waiting.has(uid)) this.#waiting.set(uid, object);
        if (this.#closing.signal.aborted) break;
      }
      if (!this.#closing.signal.aborted) await pause(this.#clock, STATUS_INTERVAL_MS, this.#closing.signal);
    }
    // In the turn in which nothing more waits: the next status starts anew.
    this.#waiting.delete(uid);
    this.#writing.delete(uid);
  }
}

/** Items of lists and of watches lack what they are; what servers add for themselves is of no use here. */
export function workflowOf(object: ApiObject): Workflow {
  const { managedFields: _, ...metadata } = object.metadata as ApiObject['metadata'] & { managedFields?: unknown };
  return { ...object, apiVersion: API_VERSION, kind: 'Workflow', metadata } as unknown as Workflow;
}
