import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { hostIdentity } from './host-identity.ts';

/**
 * Talks to the resident spawner (`spawner.sh`), which outlives us. When it dies, or cannot be started, `died` is called
 * after a pause and the next launch starts a new one; attempts live on without it.
 */
export interface SpawnerEvents {
  started(token: string, pid: number, startTicks: number): void;
  ended(token: string): void;
  died(): void;
}

const RUNTIME = fileURLToPath(new URL('../runtime/attempt.sh', import.meta.url));
const SPAWNER = fileURLToPath(new URL('./spawner.sh', import.meta.url));

/** A machine out of processes or descriptors is not helped by trying at once. */
const RESPAWN_PAUSE_MS = 300;

export class Spawner {
  readonly #events: SpawnerEvents;
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #closed = false;
  #resting = false;

  constructor(events: SpawnerEvents, clock: Clock, env: NodeJS.ProcessEnv) {
    this.#events = events;
    this.#clock = clock;
    this.#env = env;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Hands a claimed-by-nobody run folder over. Sending the same one twice is harmless: the claim decides. */
  launch(token: string, directory: string): void {
    if (this.#closed) return;
    // While there is none the launch is dropped: `died` follows, and whoever was not claimed is launched again.
    this.#running()?.stdin?.write(`L ${token} ${directory} ${token}\n`);
  }

  /** Lets go of the spawner: it ends by itself once its attempts have. */
  close(): void {
    this.#closed = true;
    this.#child?.stdin?.end();
    (this.#child?.stdio[3] as Readable | undefined)?.destroy();
    this.#child?.unref();
    this.#child = undefined;
  }

  #running(): ChildProcess | undefined {
    if (this.#child || this.#resting) return this.#child;
    const { host, bootId, pidNamespace } = hostIdentity();
    const child = this.#spawn([SPAWNER, RUNTIME, host, bootId, pidNamespace]);
    if (!child) return undefined;
    this.#child = child;
    child.on('error', () => this.#lost(child));
    // No process, no descriptors: its error event comes later.
    if (child.pid === undefined) return undefined;
    child.on('exit', () => this.#lost(child));
    child.stdin?.on('error', () => undefined);
    let rest = '';
    const notices = child.stdio[3] as Readable;
    notices.setEncoding('utf8');
    notices.on('error', () => undefined);
    notices.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#notice(line);
    });
    return child;
  }

  /** Undefined: the machine has none to give, which comes as an exception or as an event. */
  #spawn(words: readonly string[]): ChildProcess | undefined {
    try {
      return spawn('/bin/sh', words, {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
        env: this.#env,
        cwd: '/',
      });
    } catch {
      this.#rest();
      return undefined;
    }
  }

  #notice(line: string): void {
    const [kind, token, pid, start] = line.split(' ');
    if (kind === 'S' && token) this.#events.started(token, Number(pid), Number(start));
    else if (kind === 'E' && token) this.#events.ended(token);
  }

  #lost(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#rest();
  }

  #rest(): void {
    if (this.#closed || this.#resting) return;
    this.#resting = true;
    this.#clock.after(RESPAWN_PAUSE_MS, () => {
      this.#resting = false;
      if (!this.#closed) this.#events.died();
    });
  }
}
