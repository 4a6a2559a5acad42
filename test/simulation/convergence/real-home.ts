import { join } from 'node:path';
import type { Because, Plan, TaskItem } from '../../../src/apis/task-view.ts';
import type { Workflow, WorkflowDocument } from '../../../src/apis/workflow.ts';
import { restOf } from '../../../src/cli/rest.ts';
import { type EmbeddedHome, openEmbeddedHome } from '../../../src/controllers/embedded-home.ts';

const REF = { namespace: 'default', name: 'converge' };
/** A home that has not come to rest by then never will. */
const REST_LIMIT_MS = 60_000;

/** A started attempt, with what the journal says about why. */
export interface Ran {
  readonly task: string;
  readonly because: readonly Because[];
}

/** The home that users have, driven as `run` drives it, without a terminal. */
export class RealHome {
  readonly #folder: string;
  #home: EmbeddedHome;
  readonly #known = new Set<string>();

  private constructor(folder: string, home: EmbeddedHome) {
    this.#folder = folder;
    this.#home = home;
  }

  static async open(folder: string): Promise<RealHome> {
    return new RealHome(folder, await openIn(folder));
  }

  async close(): Promise<void> {
    await this.#home.close();
  }

  /** As a stop and a start of the program. */
  async reopen(): Promise<void> {
    await this.#home.close();
    this.#home = await openIn(this.#folder);
  }

  async plan(document: WorkflowDocument): Promise<Plan> {
    return good(await this.#home.plan(document), 'plan');
  }

  async apply(document: WorkflowDocument): Promise<void> {
    good(await this.#home.apply(document, { look: true }), 'apply');
  }

  async rest(stop?: AbortSignal): Promise<Workflow | undefined> {
    const timeout = AbortSignal.timeout(REST_LIMIT_MS);
    const signal = stop === undefined ? timeout : AbortSignal.any([stop, timeout]);
    const { items, resourceVersion } = await this.#home.list(REF.namespace);
    for (const item of items) if (restOf(item, new Set()).kind !== 'Moving') return item;
    for await (const event of this.#home.watch({
      ...REF,
      resourceVersion,
      signal,
    }))
      if (restOf(event.object, new Set()).kind !== 'Moving') return event.object;
    if (stop?.aborted) return undefined;
    const tasks = (await this.tasks()).filter(
      ({ status }) => !['Succeeded', 'Failed', 'Skipped'].includes(status.phase),
    );
    const now = await this.#home.get(REF);
    throw new Error(
      `not at rest: ${now.ok ? JSON.stringify(now.value.status?.counts) + now.value.status?.phase : ''} ${tasks.map((t) => `${t.metadata.name} ${t.status.phase} ${t.status.reason}`).join(', ')}`,
    );
  }

  async tasks(): Promise<readonly TaskItem[]> {
    return good(await this.#home.tasks(REF), 'tasks');
  }

  /** Tasks with attempts that were not there at the last call, each with the causes of the first of these. */
  async ranSince(): Promise<Map<string, Ran>> {
    const ran = new Map<string, Ran>();
    for (const item of await this.tasks()) {
      const fresh = item.status.attempts.filter(({ uid }) => !this.#known.has(uid));
      for (const { uid } of fresh) this.#known.add(uid);
      if (fresh.length === 0) continue;
      const [told] = good(await this.#home.explain(REF, item.metadata.name), 'explain');
      const because = told?.history.find(({ attempt }) => attempt === fresh[0]?.number)?.startedBecause ?? [];
      ran.set(item.metadata.name, { task: item.metadata.name, because });
    }
    return ran;
  }

  /** Resolves when this many more attempts have started, or when nothing is left to start. */
  async started(count: number): Promise<void> {
    const stop = new AbortController();
    const resting = this.rest(stop.signal).finally(() => stop.abort());
    const after = (await this.events()).at(-1)?.resourceVersion;
    let left = count;
    for await (const line of this.#home.events(REF, { after, follow: true, signal: stop.signal }))
      if (line.reason === 'AttemptStarted' && --left <= 0) break;
    stop.abort();
    await resting;
  }

  /** Everything in the journal, as `events` shows it. */
  async events(
    after?: string,
  ): Promise<
    readonly { readonly reason: string; readonly task?: string | undefined; readonly resourceVersion: string }[]
  > {
    const lines = [];
    const signal = AbortSignal.timeout(REST_LIMIT_MS);
    for await (const line of this.#home.events(REF, { after, signal })) lines.push(line);
    return lines;
  }
}

async function openIn(folder: string): Promise<EmbeddedHome> {
  const options = { stateDir: join(folder, '.fixpoint'), cpus: 6, memoryBytes: 8e9 };
  return good(await openEmbeddedHome(options), 'open');
}

function good<T>(result: { ok: true; value: T } | { ok: false; error: unknown }, what: string): T {
  if (result.ok) return result.value;
  throw new Error(`${what}: ${JSON.stringify(result.error)}`);
}
