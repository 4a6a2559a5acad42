import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { hostIdentity } from './host-identity.ts';

/**
 * Talks to the resident spawner (`spawner.sh`), which outlives us. When it dies, `onExit` is called and a new one
 * is started by the next launch; attempts live on without it.
 */
export interface SpawnerEvents {
  started(token: string, pid: number, startTicks: number, beganSeconds: number): void;
  ended(token: string): void;
  died(): void;
}

const RUNTIME = fileURLToPath(new URL('../runtime/attempt.sh', import.meta.url));
const SPAWNER = fileURLToPath(new URL('./spawner.sh', import.meta.url));

export class Spawner {
  readonly #events: SpawnerEvents;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #closed = false;

  constructor(events: SpawnerEvents, env: NodeJS.ProcessEnv) {
    this.#events = events;
    this.#env = env;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Hands a claimed-by-nobody run folder over. Sending the same one twice is harmless: the claim decides. */
  launch(token: string, directory: string): void {
    if (this.#closed) return;
    const input = this.#running().stdin as Writable;
    input.write(`L ${token} ${directory} ${token}\n`);
  }

  /** Lets go of the spawner: it ends by itself once its attempts have. */
  close(): void {
    this.#closed = true;
    this.#child?.stdin?.end();
    (this.#child?.stdio[3] as Readable | undefined)?.destroy();
    this.#child?.unref();
    this.#child = undefined;
  }

  #running(): ChildProcess {
    if (this.#child) return this.#child;
    const { host, bootId, pidNamespace } = hostIdentity();
    const child = spawn('/bin/sh', [SPAWNER, RUNTIME, host, bootId, pidNamespace], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
      env: this.#env,
      cwd: '/',
    });
    this.#child = child;
    child.on('error', () => this.#lost(child));
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

  #notice(line: string): void {
    const [kind, token, pid, start, began] = line.split(' ');
    if (kind === 'S' && token) this.#events.started(token, Number(pid), Number(start), Number(began));
    else if (kind === 'E' && token) this.#events.ended(token);
  }

  #lost(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (!this.#closed) this.#events.died();
  }
}
