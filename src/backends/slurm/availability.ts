import type { Clock } from '../../base/clock.ts';

/** Tells when Slurm does not answer, since when, and when it does again. One voice for several daemons of it. */
export class Availability {
  readonly #clock: Clock;
  readonly #tell: (sinceMs: number | undefined, message: string) => void;
  readonly #down = new Map<string, { readonly since: number; readonly message: string }>();
  #told: string | undefined;

  constructor(clock: Clock, tell: (sinceMs: number | undefined, message: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** `what`: the tool that says so. */
  down(what: string, message: string): void {
    const known = this.#down.get(what);
    this.#down.set(what, { since: known?.since ?? this.#clock.now(), message });
    this.#say();
  }

  up(what: string): void {
    if (this.#down.delete(what)) this.#say();
  }

  #say(): void {
    const all = [...this.#down].sort(([, a], [, b]) => a.since - b.since);
    const text = all.map(([what, { message }]) => `${what}: ${message}`).join('; ');
    if (text === (this.#told ?? '')) return;
    this.#told = text;
    this.#tell(all[0]?.[1].since, text);
  }
}
