import { API_VERSION } from '../apis/meta.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { EventSubject } from '../kubernetes/event-recorder.ts';
import type { WorkflowRef } from './home.ts';
import { nameKey } from './resource.ts';

/** Names and uids of Workflows, as an API server has given them. A name may have another uid later, a uid never another name. */
export class KnownWorkflows {
  readonly #references = new Map<string, WorkflowRef>();
  readonly #uids = new Map<string, string>();

  add({ metadata: { uid, namespace, name } }: Workflow): void {
    this.#references.set(uid, { namespace, name });
    this.#uids.set(nameKey({ namespace, name }), uid);
  }

  reference(uid: string): WorkflowRef | undefined {
    return this.#references.get(uid);
  }

  /** As events name it. */
  subject(uid: string): EventSubject | undefined {
    const ref = this.#references.get(uid);
    return ref && { apiVersion: API_VERSION, kind: 'Workflow', uid, ...ref };
  }

  uid(ref: WorkflowRef): string | undefined {
    return this.#uids.get(nameKey(ref));
  }
}
