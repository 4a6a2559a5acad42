import { type Look, lookOf } from '../planning/facts.ts';
import type { HomeContext } from './home-context.ts';
import { ownLooks } from './looks.ts';
import type { WorkflowState } from './workflow-state.ts';

/** By then the times of a file show whatever happens to it next, also on a file system that counts in twos of seconds. */
const YOUNG_MS = 2_500;
/** Holding takes some 150 bytes for each, for as long as the workflow is known; more than so many are held when they are edited. */
const HELD_AT_REST = 20_000;

/**
 * Nothing of a workflow runs: what the next look will take is got ready while nobody waits for it, so that an edit launches in
 * milliseconds what it concerns. What was just made is known by its content only after it has been read once more; what is
 * looked at again and again is held by a thread that takes its time to start.
 */
export class Rest {
  readonly #home: HomeContext;
  readonly #state: WorkflowState;
  /** Ids of looks at what has been made since the last rest. */
  readonly #made = new Set<string>();
  readonly #stopping = new AbortController();
  #cancel: (() => void) | undefined;
  #reading: Promise<void> | undefined;

  constructor(home: HomeContext, state: WorkflowState) {
    this.#home = home;
    this.#state = state;
  }

  made(look: string): void {
    this.#made.add(look);
  }

  /** To be asked after every turn: the last one counts. */
  mayBegin(): void {
    this.#cancel?.();
    const { book, mode } = this.#state;
    if (this.#made.size > 0 && book.live.size === 0 && mode !== 'Deleting' && !this.#stopping.signal.aborted)
      this.#cancel = this.#home.clock.after(YOUNG_MS, () => this.#begin());
  }

  /** There is none any more; what was being read is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel?.();
    await this.#reading;
  }

  #begin(): void {
    const looks = [...this.#made].map(lookOf);
    this.#made.clear();
    const reading = this.#getReady(looks).catch((error: unknown) =>
      this.#home.logger.warn({ error: String(error) }, 'what was made could not be read'),
    );
    this.#reading = Promise.all([this.#reading, reading]).then(() => undefined);
  }

  async #getReady(looks: readonly Look[]): Promise<void> {
    const { files, activity } = this.#home;
    const state = this.#state;
    if (activity === 'Active' && state.graph.tasks.length <= HELD_AT_REST)
      state.heldLooks ??= files.hold?.(ownLooks(state));
    await files.age?.(looks, this.#stopping.signal);
  }
}
