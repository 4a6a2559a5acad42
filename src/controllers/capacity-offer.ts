import type { Reconciler } from './reconciler.ts';

/**
 * Offers capacity that came free to workflows with ready tasks: the most important first, then in the order they came,
 * one at a time until it is taken. Waking them all for every core that comes free would cost a turn for each workflow.
 */
export class CapacityOffer {
  readonly #hasRoom: (backend: string | undefined) => boolean;
  readonly #reconcilers: () => Iterable<Reconciler>;
  #offering = false;
  #again = false;

  /** `hasRoom`: of the backend that a task names. */
  constructor(hasRoom: (backend: string | undefined) => boolean, reconcilers: () => Iterable<Reconciler>) {
    this.#hasRoom = hasRoom;
    this.#reconcilers = reconcilers;
  }

  /** Something came free. */
  make(): void {
    this.#again = true;
    if (this.#offering) return;
    this.#offering = true;
    void this.#offer().finally(() => {
      this.#offering = false;
    });
  }

  async #offer(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      for (const reconciler of this.#waiting()) if (this.#canStart(reconciler)) await reconciler.turn();
    }
  }

  /** Another workflow waits that what comes free is offered to before this one. */
  othersGoFirst(uid: string): boolean {
    const [first] = this.#waiting();
    return first !== undefined && first.state.uid !== uid;
  }

  #waiting(): Reconciler[] {
    const waiting = [...this.#reconcilers()].filter(isWaiting);
    return waiting.sort((a, b) => priority(b) - priority(a));
  }

  /** A task of it waits for a backend that has room. */
  #canStart({ state: { board } }: Reconciler): boolean {
    for (const backend of board.queues)
      if (this.#hasRoom(backend) && board.bestReady([backend]) !== undefined) return true;
    return false;
  }
}

function isWaiting({ state }: Reconciler): boolean {
  return state.board.ready.size > 0 && state.mode === 'Converge';
}

function priority(reconciler: Reconciler): number {
  return reconciler.state.stored.object.spec.priority ?? 0;
}
