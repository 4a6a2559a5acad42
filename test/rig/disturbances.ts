import type { Sandbox, Started } from './cli.ts';
import { until } from './eventually.ts';
import { claimedRuntimes, signalQuietly, spawnersOf } from './processes.ts';

// What may befall those who supervise: chosen by chance, carried out on real processes.

/** A supervisor in its sandbox, whichever process is it just now. */
export class Scene {
  readonly box: Sandbox;
  readonly random: () => number;
  /** Wall clock, milliseconds: when each of its processes was started. */
  readonly startedAt: number[] = [];
  /** Run folders of attempts whose runtime was killed. */
  readonly hit = new Set<string>();
  readonly counts = new Map<Disturbance, number>();
  /** What was sent to processes that lived; what was chosen may have come to one that was gone. */
  readonly delivered = { SIGKILL: 0, SIGSTOP: 0 };
  /** How often a process gave up at its start because a command held the state. */
  refused = 0;
  readonly #arguments: readonly string[];
  #running: Started;

  constructor(box: Sandbox, random: () => number, supervisor: readonly string[]) {
    this.box = box;
    this.random = random;
    this.#arguments = supervisor;
    this.#running = this.#start();
  }

  get running(): Started {
    return this.#running;
  }

  #start(): Started {
    this.startedAt.push(Date.now());
    return this.box.start(...this.#arguments);
  }

  /** Waits so long, or until the supervisor is gone. */
  async pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await until('time passes', () => this.#running.over || performance.now() >= end);
  }

  /** The next process takes over from one that has ended. */
  restart(): void {
    if (!this.#running.over) throw new Error('it still runs');
    this.#running = this.#start();
  }

  signal(pid: number, signal: 'SIGKILL' | 'SIGSTOP'): boolean {
    const delivered = signalQuietly(pid, signal);
    if (delivered) this.delivered[signal]++;
    return delivered;
  }

  /** A process that found the state locked by a command is started again, as whoever minds daemons would. */
  async revive(): Promise<void> {
    while (this.#running.over && (await this.#running.ended).code === LOCKED) {
      this.refused++;
      this.restart();
    }
  }

  async disturb(): Promise<void> {
    const kind = this.#chosen();
    await DISTURBANCES[kind].befall(this);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (this.#running.over) this.restart();
  }

  #chosen(): Disturbance {
    const kinds = Object.entries(DISTURBANCES) as [Disturbance, { readonly weight: number }][];
    let left = this.random() * kinds.reduce((sum, [, { weight }]) => sum + weight, 0);
    return kinds.find(([, { weight }]) => (left -= weight) < 0)?.[0] ?? 'supervisor';
  }
}

export type Disturbance =
  | 'supervisor'
  | 'spawner'
  | 'both'
  | 'recovery'
  | 'runtime'
  | 'stop-supervisor'
  | 'stop-spawner'
  | 'terminate';

/** The exit code of whoever finds the state in use. */
const LOCKED = 6;
/** An attempt may be lost five times; chance must not use that up. */
const MOST_HITS_OF_A_TASK = 2;
/** A restart takes part of a second: in that time it reads, adopts, withdraws and launches. */
const RECOVERY_MS = 300;

const DISTURBANCES: Readonly<
  Record<Disturbance, { readonly weight: number; readonly befall: (scene: Scene) => Promise<void> }>
> = {
  supervisor: { weight: 5, befall: killSupervisor },
  spawner: {
    weight: 3,
    befall: async (scene) => killSpawners(scene),
  },
  both: {
    weight: 4,
    befall: async (scene) => {
      killSpawners(scene);
      await killSupervisor(scene);
    },
  },
  recovery: {
    weight: 4,
    befall: async (scene) => {
      await killSupervisor(scene);
      scene.restart();
      // From the start of the process, or from when it has something to recover with: half of them each.
      if (scene.random() < 0.5) await until('it is about to work', () => isUp(scene));
      await scene.pass(RECOVERY_MS * scene.random());
      if (scene.random() < 0.5) killSpawners(scene);
      await killSupervisor(scene);
    },
  },
  runtime: { weight: 4, befall: async (scene) => killRuntime(scene) },
  'stop-supervisor': { weight: 2, befall: (scene) => hold(scene, [scene.running.pid]) },
  'stop-spawner': { weight: 2, befall: (scene) => hold(scene, spawnersOf(scene.running.pid)) },
  terminate: {
    weight: 2,
    befall: async (scene) => {
      await scene.running.kill('SIGTERM');
    },
  },
};

async function killSupervisor(scene: Scene): Promise<void> {
  const { running } = scene;
  if (running.over) return;
  scene.signal(running.pid, 'SIGKILL');
  await running.ended;
}

function killSpawners(scene: Scene): void {
  for (const pid of spawnersOf(scene.running.pid)) scene.signal(pid, 'SIGKILL');
}

/** It says something as soon as it owns the state. */
function isUp({ running }: Scene): boolean {
  return running.over || running.stderr !== '' || running.stdout !== '';
}

/** The runtime of one attempt, by chance; its command goes on until somebody ends it. */
function killRuntime(scene: Scene): void {
  const { box, random, hit } = scene;
  const taskOf = (folder: string): string => folder.slice(0, folder.lastIndexOf('/'));
  const hitsOf = (folder: string): number => [...hit].filter((other) => taskOf(other) === taskOf(folder)).length;
  const candidates = claimedRuntimes(box.dir).filter(({ folder }) => hitsOf(folder) < MOST_HITS_OF_A_TASK);
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (chosen && scene.signal(chosen.pid, 'SIGKILL')) hit.add(chosen.folder);
}

/** Stopped for up to five seconds, mostly for less than one. */
async function hold(scene: Scene, pids: readonly number[]): Promise<void> {
  for (const pid of pids) scene.signal(pid, 'SIGSTOP');
  await scene.pass(200 + 4_800 * scene.random() ** 4);
  for (const pid of pids) signalQuietly(pid, 'SIGCONT');
}
