import type { Backend, Handled, Launch, LogFrom, LogPart, Observation, SubmitOutcome } from './backend.ts';

/** An attempt, and the backend that has it. */
export interface Placed extends Handled {
  readonly backend: string;
}

/** A launch, and the backend that it is for. */
export interface Order {
  readonly backend: string;
  readonly launch: Launch;
}

/**
 * The backends of a home, by name; the first takes the tasks that name none. What belongs together goes to each of them
 * in one call.
 *
 * A backend that had attempts and is configured no more answers nothing: its attempts are `Unknown`, never over, until
 * it is there again. A configuration is easily mistyped, and what runs there runs on.
 */
export class Backends {
  readonly first: Backend;
  readonly #byName: ReadonlyMap<string, Backend>;

  constructor(all: readonly [Backend, ...Backend[]]) {
    this.first = all[0];
    this.#byName = new Map(all.map((backend) => [backend.name, backend]));
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  all(): Iterable<Backend> {
    return this.#byName.values();
  }

  find(name: string): Backend | undefined {
    return this.#byName.get(name);
  }

  /** By the name that a task says; one that says none goes to the first. Undefined: it is configured no more. */
  named(name: string | undefined): Backend | undefined {
    return name === undefined ? this.first : this.#byName.get(name);
  }

  /** Where a task runs whose backend was found to be there. */
  of({ backend }: { readonly backend?: string | undefined }): Backend {
    return this.named(backend) ?? this.first;
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    for (const backend of this.all()) await backend.start(report);
  }

  async submit(orders: readonly Order[]): Promise<readonly SubmitOutcome[]> {
    const outcomes = [...grouped(orders)].map(async ([name, placed]) => {
      const launches = placed.map(({ launch }) => launch);
      const backend = this.#byName.get(name);
      if (backend) return await backend.submit(launches);
      return launches.map(({ token }) => ({ token, outcome: 'Refused', message: unconfigured(name) }) as const);
    });
    return (await Promise.all(outcomes)).flat();
  }

  /** In the order of `attempts`. */
  async observe(attempts: readonly Placed[]): Promise<readonly Observation[]> {
    const seen = new Map<string, Observation>();
    const all = [...grouped(attempts)].map(async ([name, placed]) => {
      for (const one of (await this.#byName.get(name)?.observe(placed)) ?? []) seen.set(one.token, one);
    });
    await Promise.all(all);
    return attempts.map(
      ({ token, backend }) => seen.get(token) ?? { token, state: 'Unknown', message: unconfigured(backend) },
    );
  }

  cancel(attempts: readonly Placed[]): Promise<void> {
    return this.#each(attempts, (backend, placed) => backend.cancel(placed));
  }

  withdraw(attempts: readonly Placed[]): Promise<void> {
    return this.#each(attempts, (backend, placed) => backend.withdraw(placed));
  }

  release(attempts: readonly Placed[], what: Parameters<Backend['release']>[1]): Promise<void> {
    return this.#each(attempts, (backend, placed) => backend.release(placed, what));
  }

  /** What lies in a run folder needs no backend that is configured. */
  readLog(attempt: Placed, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    return (this.#byName.get(attempt.backend) ?? this.first).readLog(attempt, stream, from);
  }

  async close(): Promise<void> {
    for (const backend of this.all()) await backend.close();
  }

  async #each(attempts: readonly Placed[], act: (backend: Backend, some: readonly Placed[]) => Promise<void>) {
    const done = [...grouped(attempts)].map(async ([name, placed]) => {
      const backend = this.#byName.get(name);
      if (backend) await act(backend, placed);
    });
    await Promise.all(done);
  }
}

function grouped<T extends { readonly backend: string }>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.backend);
    if (group) group.push(one);
    else groups.set(one.backend, [one]);
  }
  return groups;
}

function unconfigured(name: string): string {
  return `the backend ${name} is not configured`;
}
