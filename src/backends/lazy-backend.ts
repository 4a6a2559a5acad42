import type {
  Backend,
  Capacity,
  FileSpace,
  Handled,
  Launch,
  LogFrom,
  LogPart,
  Observation,
  SubmitOutcome,
} from './backend.ts';
import { readRunLog } from './process/read-run-log.ts';
import { runDirectory } from './run-directory.ts';

export interface LazyBackendOptions {
  readonly name: string;
  readonly runsDir: string;
  readonly files: FileSpace;
  readonly capacity: Capacity;
  readonly open: () => Promise<Backend>;
  /** An earlier daemon left it something to do. */
  readonly hasWork: () => Promise<boolean>;
}

/**
 * A backend that is there whenever a task names it, and costs nothing until one does: it is opened for the first attempt that
 * it is given or asked about, or at the start, where an earlier daemon left it something to do.
 */
export class LazyBackend implements Backend {
  readonly name: string;
  readonly keepsLanes = false;
  readonly capacity: Capacity;
  readonly files: FileSpace;
  readonly #options: LazyBackendOptions;
  #opened: Promise<Backend> | undefined;
  #report: (observation: Observation) => void = () => undefined;

  constructor(options: LazyBackendOptions) {
    this.#options = options;
    this.name = options.name;
    this.capacity = options.capacity;
    this.files = options.files;
  }

  async start(report: (observation: Observation) => void): Promise<void> {
    this.#report = report;
    // What cannot be opened now is opened when somebody asks for it.
    if (await this.#options.hasWork()) await this.#backend().catch(() => undefined);
  }

  directoryFor(attempt: Parameters<Backend['directoryFor']>[0]): string {
    return runDirectory(this.#options.runsDir, attempt);
  }

  async submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]> {
    return await (await this.#backend()).submit(launches);
  }

  async observe(attempts: readonly Handled[]): Promise<readonly Observation[]> {
    return await (await this.#backend()).observe(attempts);
  }

  async cancel(attempts: readonly Handled[]): Promise<void> {
    await (await this.#backend()).cancel(attempts);
  }

  async withdraw(attempts: readonly Handled[]): Promise<void> {
    await (await this.#backend()).withdraw(attempts);
  }

  async recorded(attempts: readonly Handled[]): Promise<void> {
    await (await this.#opened)?.recorded?.(attempts);
  }

  async release(attempts: readonly Handled[], what: Parameters<Backend['release']>[1]): Promise<void> {
    await (await this.#backend()).release(attempts, what);
  }

  readLog({ directory }: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart> {
    return readRunLog(directory, stream, from);
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.close();
  }

  #backend(): Promise<Backend> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Backend> {
    try {
      const backend = await this.#options.open();
      await backend.start(this.#report);
      return backend;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }
}
