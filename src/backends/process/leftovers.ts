import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { failPoint } from '../../base/fail-point.ts';
import { membersByFolder } from './processes.ts';

/** Between the end of an attempt and the look for what escaped from it, and between TERM and KILL. */
const SWEEP_DELAY_MS = 1_000;

/** At the end there is less patience: rounds of TERM, then KILL, so many and so far apart. */
const LAST_ROUND_MS = 300;
const MAX_LAST_ROUNDS = 10;

/**
 * Ends what outlived its attempt. The runtime ends the command's process group; a process that made a session of its
 * own is found here by the run folder in its environment, about a second later. One pass over /proc serves all
 * attempts that ended meanwhile. (A process that also cleans its environment is found by nobody.)
 */
export class Leftovers {
  readonly #clock: Clock;
  /** Folders of ended attempts; true: TERM has been sent. */
  readonly #folders = new Map<string, boolean>();
  #stop: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(folder: string): void {
    if (!this.#folders.has(folder)) this.#folders.set(folder, false);
    this.#schedule();
  }

  /** What an earlier daemon could not end: processes of attempts below `runsDir` that have an exit record. */
  async addFrom(runsDir: string): Promise<void> {
    for (const folder of (await membersByFolder()).keys())
      if (folder.startsWith(`${runsDir}/`) && existsSync(join(folder, 'exit.json'))) this.add(folder);
  }

  /** What has ended leaves nothing behind when its daemon goes: TERM now, KILL to what is still there a moment later. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop?.();
    for (let round = 0; this.#folders.size > 0 && round < MAX_LAST_ROUNDS; round++) {
      await this.#sweep();
      if (this.#folders.size > 0) await new Promise<void>((resolve) => this.#clock.after(LAST_ROUND_MS, resolve));
    }
  }

  #schedule(): void {
    if (this.#stop || this.#closed || this.#folders.size === 0) return;
    this.#stop = this.#clock.after(SWEEP_DELAY_MS, () => {
      void this.#sweep().finally(() => {
        this.#stop = undefined;
        this.#schedule();
      });
    });
  }

  async #sweep(): Promise<void> {
    const due = [...this.#folders];
    const members = await membersByFolder();
    for (const [folder, termSent] of due) {
      const left = members.get(folder) ?? [];
      if (left.length === 0) this.#folders.delete(folder);
      else {
        this.#folders.set(folder, true);
        for (const { pid } of left) kill(pid, termSent ? 'SIGKILL' : 'SIGTERM');
      }
    }
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    failPoint('sweep.before');
    process.kill(pid, signal);
    failPoint('sweep.after');
  } catch {
    // Ended in between.
  }
}
