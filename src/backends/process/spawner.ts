import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { failPoint, failPointOfSpawner } from '../../base/fail-point.ts';
import { OWN_FILES } from '../../base/own-files.ts';
import type { Lane } from '../backend.ts';
import { hostIdentity } from './host-identity.ts';

/**
 * Talks to the resident spawner, which outlives us: `spawner.sh`, or the native one (`native/spawner.c`) where there was a
 * compiler. When it dies, or cannot be started, `died` is called after a pause and the next launch starts a new one;
 * attempts live on without it. A native one that never comes up is given up for the shell's.
 */
export interface SpawnerEvents {
  /** `claimedAt`: milliseconds of the claim, where the runtime says so. */
  started(token: string, pid: number, startTicks: number, claimedAt: number | undefined): void;
  /** With the time of its claim and its exit record, where the runtime says so and they fit into the notice. */
  ended(token: string, claimedAt: number | undefined, record: string): void;
  /** Its run folder can never be made. */
  refused(token: string, why: string): void;
  died(): void;
}

const RUNTIME = fileURLToPath(new URL('backends/runtime/attempt.sh', OWN_FILES));
const SHELL_SPAWNER = fileURLToPath(new URL('backends/process/spawner.sh', OWN_FILES));
const NATIVE_SPAWNER = fileURLToPath(new URL('backends/process/spawner', OWN_FILES));
/** Room for the title of an attempt: a path, a token and a word. */
const TITLE_ROOM = ' '.repeat(4_400);

/** A machine out of processes or descriptors is not helped by trying at once. */
const RESPAWN_PAUSE_MS = 300;

/** Another try will not help a program that the system will not start. */
const UNUSABLE: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'ENOEXEC']);

/** The native spawner, if it was built when this was installed. */
export function installedSpawner(): string | undefined {
  try {
    accessSync(NATIVE_SPAWNER, constants.X_OK);
    return NATIVE_SPAWNER;
  } catch {
    return undefined;
  }
}

export class Spawner {
  readonly #events: SpawnerEvents;
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;
  #incarnation = 0;
  #native: string | undefined;
  #ready = false;
  #child: ChildProcess | undefined;
  #closed = false;
  #resting = false;

  constructor(events: SpawnerEvents, clock: Clock, env: NodeJS.ProcessEnv, native: string | undefined) {
    this.#events = events;
    this.#clock = clock;
    this.#env = env;
    this.#native = native;
  }

  /** It takes orders, and makes run folders itself. */
  get isNative(): boolean {
    return this.#native !== undefined;
  }

  /** How many spawners were lost: what is sent now goes to another one than they were, which does not count what they started. */
  get incarnation(): number {
    return this.#incarnation;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Hands a claimed-by-nobody run folder over. Sending the same one twice is harmless: the claim decides. */
  launch(token: string, directory: string, lane: Lane | undefined): void {
    if (this.#closed) return;
    // While there is none the launch is dropped: `died` follows, and whoever was not claimed is launched again.
    this.#send(`${this.#laneFrame(lane)}L ${token} ${directory} ${token}\n`);
  }

  /** The same for an order (`native-order.ts`), folder and all. Only to a native one. */
  order(token: string, order: string, lane: Lane | undefined): void {
    if (this.#closed) return;
    this.#send(`${this.#laneFrame(lane)}A ${token} ${Buffer.byteLength(order)}\n${order}`);
  }

  /** Only a native one counts; to the shell's, everything starts at once. */
  #laneFrame(lane: Lane | undefined): string {
    return lane && this.isNative ? `Q ${lane.name} ${lane.room}\n` : '';
  }

  /** Lets go of the spawner: it ends by itself once its attempts have. */
  close(): void {
    this.#closed = true;
    failPoint('dismiss.before');
    this.#child?.stdin?.end();
    (this.#child?.stdio[3] as Readable | undefined)?.destroy();
    this.#child?.unref();
    this.#child = undefined;
    failPoint('dismiss.after');
  }

  /** Frames that are sent together are one write. */
  #send(frame: string): void {
    const stdin = this.#running()?.stdin;
    if (!stdin) return;
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    failPoint('send.before');
    stdin.write(frame);
    failPoint('send.after');
  }

  #running(): ChildProcess | undefined {
    if (this.#child || this.#resting) return this.#child;
    const { host, bootId, pidNamespace } = hostIdentity();
    const words = [RUNTIME, host, bootId, pidNamespace];
    this.#ready = false;
    const child = this.#native
      ? this.#spawn(this.#native, [...words, TITLE_ROOM])
      : this.#spawn('/bin/sh', [SHELL_SPAWNER, ...words]);
    if (!child) return undefined;
    this.#child = child;
    failPoint('spawn.after');
    child.on('error', (error: NodeJS.ErrnoException) => this.#lost(child, UNUSABLE.has(error.code ?? '')));
    // No process, no descriptors: its error event comes later.
    if (child.pid === undefined) return undefined;
    child.on('exit', (_, how) => this.#lost(child, !this.#ready && how !== 'SIGKILL' && how !== 'SIGTERM'));
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
  #spawn(program: string, words: readonly string[]): ChildProcess | undefined {
    try {
      failPoint('spawn.before');
      return spawn(program, words, {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
        env: { ...this.#env, ...failPointOfSpawner() },
        cwd: '/',
      });
    } catch {
      this.#rest();
      return undefined;
    }
  }

  #notice(line: string): void {
    const [kind = '', token, first, start, claimedAt] = line.split(' ', 5);
    if (kind === 'R') this.#ready = true;
    if (!token) return;
    const rest = line.slice(kind.length + token.length + 2);
    if (kind === 'S') this.#events.started(token, Number(first), Number(start), numberOf(claimedAt));
    else if (kind === 'E') this.#events.ended(token, numberOf(first), rest.slice((first ?? '').length + 1));
    else if (kind === 'F') this.#events.refused(token, rest);
  }

  #lost(child: ChildProcess, unusable: boolean): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#incarnation++;
    // Built for another machine, perhaps: the shell's runs everywhere.
    if (unusable) this.#native = undefined;
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

function numberOf(word: string | undefined): number | undefined {
  return word ? Number(word) : undefined;
}
