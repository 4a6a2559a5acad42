import type { WorkflowRef } from '../controllers/home.ts';
import type { Io } from './io.ts';
import type { RunHome } from './run-home.ts';

/**
 * What signals mean to a `run`.
 *
 * | signal | effect |
 * |---|---|
 * | first Ctrl-C | launch nothing more; running attempts go on and are waited for |
 * | second Ctrl-C | cancel what runs |
 * | third Ctrl-C | leave at once |
 * | SIGTERM | leave at once; nothing is cancelled, running attempts live on and are adopted later |
 */
export class Interruption {
  readonly #io: Io;
  readonly #run: RunHome;
  readonly #ref: WorkflowRef;
  readonly #say: (text: string) => Promise<void>;
  readonly #requests: Set<string>;
  readonly #leave = new AbortController();
  readonly #stops: (() => void)[];
  #count = 0;
  #pending: Promise<void> = Promise.resolve();

  constructor(
    io: Io,
    run: RunHome,
    ref: WorkflowRef,
    options: { readonly say: (text: string) => Promise<void>; readonly requests: Set<string> },
  ) {
    this.#io = io;
    this.#run = run;
    this.#ref = ref;
    this.#say = options.say;
    this.#requests = options.requests;
    this.#stops = [io.onSignal('SIGINT', () => this.#interrupt()), io.onSignal('SIGTERM', () => this.#leave.abort())];
  }

  /** Aborts when the command should end without waiting for anything. */
  get left(): AbortSignal {
    return this.#leave.signal;
  }

  get interrupted(): boolean {
    return this.#count > 0;
  }

  /** Waits for what the last signal asked for to be durable. */
  async settle(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#pending;
  }

  #interrupt(): void {
    this.#count++;
    if (this.#count > 2) return this.#leave.abort();
    const act = this.#count === 1 ? () => this.#stopLaunching() : () => this.#cancelRunning();
    // One after the other; a home that refuses has nothing left to stop.
    this.#pending = this.#pending.then(act).catch(async (error: unknown) => {
      await this.#say(`fixpoint: ${(error as Error).message}\n`);
      this.#leave.abort();
    });
  }

  async #stopLaunching(): Promise<void> {
    const { name } = this.#ref;
    const goOn = this.#run.stopLaunching === undefined ? `\`fixpoint resume ${name}\`` : 'the same command again';
    await this.#say(
      `fixpoint: launching nothing more; waiting for what runs. Ctrl-C again cancels it. To go on later: ${goOn}; to give up: \`fixpoint cancel ${name}\`.\n`,
    );
    if (this.#run.stopLaunching !== undefined) return this.#run.stopLaunching(this.#ref);
    await this.#request('suspend');
  }

  async #cancelRunning(): Promise<void> {
    await this.#say('fixpoint: cancelling what runs.\n');
    const found = await this.#run.home.tasks(this.#ref);
    if (!found.ok) throw new Error(found.error.message);
    const running = found.value.filter(({ status }) => status.phase === 'Running' || status.phase === 'Queued');
    const tasks = running.map((task) => task.metadata.name);
    if (tasks.length > 0) await this.#request('cancel', tasks);
  }

  async #request(verb: 'suspend' | 'cancel', tasks?: readonly string[]): Promise<void> {
    const id = `cli-${this.#io.newId()}`;
    this.#requests.add(id);
    const asked = await this.#run.home.request(this.#ref, { id, verb, ...(tasks === undefined ? {} : { tasks }) });
    if (!asked.ok) throw new Error(asked.error.message);
  }
}
