import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildNative } from '../../scripts/build-native.mjs';
import type { Backend, Handled, Launch, LaunchOutput, Observation } from '../../src/backends/backend.ts';
import { MemoryBackend } from '../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../src/backends/memory/memory-world.ts';
import { type Claim, parseClaim } from '../../src/backends/process/exit-record.ts';
import { ProcessBackend } from '../../src/backends/process/process-backend.ts';
import { systemClock } from '../../src/base/clock.ts';
import { quoteShell } from '../../src/expressions/shell-quote.ts';
import { until } from '../rig/eventually.ts';
import { ManualClock } from '../rig/manual-clock.ts';
import { isAlive } from '../rig/processes.ts';

/** What the user's command does, in words that every backend can be told. */
export interface Program {
  readonly exitCode?: number;
  readonly forever?: boolean;
  readonly ignoresTerm?: boolean;
  /** Contents of outputs by name. */
  readonly writes?: Readonly<Record<string, string>>;
  readonly stdout?: string;
}

/** A world with one adapter at a time. */
export interface Rig {
  readonly folder: string;
  readonly backend: Backend;
  readonly reports: readonly Observation[];
  launch(token: string, program: Program, part?: Partial<Launch>): Launch;
  /** The first report of this attempt in one of these states. */
  seen(token: string, ...states: Observation['state'][]): Promise<Observation>;
  /** Closes the adapter as a daemon does that stops, and opens another one over the same world. */
  reopen(): Promise<void>;
  write(path: string, content: string): Promise<void>;
  read(path: string): Promise<string | undefined>;
  /** KILL to what supervises a running attempt. */
  killRuntime(attempt: Handled): Promise<void>;
  close(): Promise<void>;
}

const CAPACITY = { cpu: 4, memoryBytes: 1 << 30, gpu: 0 };

export function output(name: string, path: string, part: Partial<LaunchOutput> = {}): LaunchOutput {
  return {
    name,
    path,
    form: 'path',
    fingerprint: 'Content',
    optional: false,
    keepPartial: false,
    displaceInto: undefined,
    ...part,
  };
}

export function launchOf(
  folder: string,
  directory: string,
  token: string,
  text: string,
  part: Partial<Launch>,
): Launch {
  return {
    token,
    directory,
    workflow: 'contract',
    namespace: 'default',
    key: token,
    number: 1,
    command: { kind: 'Script', shell: ['sh', '-eu'], text },
    env: [],
    files: [],
    workdir: folder,
    staged: undefined,
    stdin: undefined,
    stdout: undefined,
    stderr: undefined,
    inputs: [],
    outputs: [],
    needs: { cpu: 1, memoryBytes: 1 << 20, gpu: 0, walltimeMs: 0 },
    graceMs: 1_000,
    metadata: {},
    ...part,
  };
}

export function directoryOf(backend: Backend, token: string): string {
  return backend.directoryFor({ token, workflow: 'contract', namespace: 'default', key: token, number: 1 });
}

/** Reports as they come, and those who wait for one. */
export class Reports {
  readonly all: Observation[] = [];
  readonly #waiting: (() => void)[] = [];

  add(observation: Observation): void {
    this.all.push(observation);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  find(token: string, states: readonly Observation['state'][]): Observation | undefined {
    return this.all.find((o) => o.token === token && states.includes(o.state));
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The first of this attempt in one of these states. */
  async seen(token: string, states: readonly Observation['state'][]): Promise<Observation> {
    for (;;) {
      const found = this.find(token, states);
      if (found) return found;
      await this.next();
    }
  }
}

export async function memoryRig(): Promise<Rig> {
  const clock = new ManualClock();
  const world = new MemoryWorld(clock);
  const programs = new Map<string, Program>();
  world.behaviourOf = ({ token, outputs }) => {
    const program = programs.get(token) ?? {};
    const writes = program.writes ?? {};
    return {
      startDelayMs: 5,
      runMs: program.forever ? Number.POSITIVE_INFINITY : 10,
      exitCode: program.exitCode ?? 0,
      ignoresTerm: program.ignoresTerm ?? false,
      stdout: program.stdout ?? '',
      leavesOut: outputs.map((o) => o.name).filter((name) => writes[name] === undefined),
      content: (name: string) => writes[name] ?? '',
    };
  };
  const open = (): MemoryBackend => new MemoryBackend({ world, capacity: CAPACITY, clock });
  const reports = new Reports();
  let backend = open();
  await backend.start((o) => reports.add(o));
  return {
    folder: '/w',
    get backend() {
      return backend;
    },
    reports: reports.all,
    launch: (token, program, part = {}) => {
      programs.set(token, program);
      return launchOf('/w', directoryOf(backend, token), token, `program ${token}`, part);
    },
    seen: async (token, ...states) => {
      for (let i = 0; i < 1_000; i++) {
        const found = reports.find(token, states);
        if (found) return found;
        clock.step();
        await Promise.resolve();
      }
      throw new Error(`${token} is never ${states.join(' or ')}`);
    },
    reopen: async () => {
      await backend.close();
      backend = open();
      await backend.start((o) => reports.add(o));
    },
    write: async (path, content) => world.files.write(path, content),
    read: async (path) => world.files.read(path),
    killRuntime: async ({ token }) => world.kill(token),
    close: () => backend.close(),
  };
}

let built: string | undefined;

/** The native spawner, made once for all tests of this thread. Without a compiler its tests fail: nobody would know. */
export function nativeSpawner(): string {
  if (built !== undefined) return built;
  const place = join(mkdtempSync(join(tmpdir(), 'fixpoint-spawner-')), 'spawner');
  const said = buildNative(place);
  if (said !== undefined) throw new Error(`the native spawner cannot be built: ${said}`);
  built = place;
  process.once('exit', () => rmSync(dirname(place), { recursive: true, force: true }));
  return place;
}

export async function processRig(spawner: 'shell' | 'native'): Promise<Rig> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fixpoint-contract-')));
  const open = (): ProcessBackend =>
    new ProcessBackend({
      runsDir: join(folder, 'runs'),
      capacity: CAPACITY,
      clock: systemClock,
      env: { PATH: process.env.PATH },
      nativeSpawner: spawner === 'native' ? nativeSpawner() : undefined,
    });
  const reports = new Reports();
  let backend = open();
  await backend.start((o) => reports.add(o));
  return {
    folder,
    get backend() {
      return backend;
    },
    reports: reports.all,
    launch: (token, program, part = {}) => {
      return launchOf(folder, directoryOf(backend, token), token, scriptOf(program, part.outputs ?? []), part);
    },
    seen: (token, ...states) => reports.seen(token, states),
    reopen: async () => {
      await backend.close();
      backend = open();
      await backend.start((o) => reports.add(o));
    },
    write: async (path, content) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    },
    read: (path) => readFile(path, 'utf8').catch(() => undefined),
    killRuntime: async ({ directory }) => {
      const claim = parseClaim(readFileSync(join(directory as string, 'claim'), 'utf8')) as Claim;
      process.kill(claim.pid, 'SIGKILL');
      // A signal takes a moment; until then it runs.
      await until('it is dead', () => !isAlive(claim.pid));
    },
    close: async () => {
      await backend.close();
      // What has just ended may still write its last.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

export function scriptOf(program: Program, outputs: readonly LaunchOutput[]): string {
  return [
    program.ignoresTerm ? "trap '' TERM" : '',
    program.stdout === undefined ? '' : `printf %s ${quoteShell(program.stdout)}`,
    ...outputs.flatMap(({ name, path }) => {
      const content = program.writes?.[name];
      return content === undefined ? [] : [`printf %s ${quoteShell(content)} > ${quoteShell(path)}`];
    }),
    program.forever ? 'while :; do sleep 0.1; done' : '',
    `exit ${program.exitCode ?? 0}`,
  ].join('\n');
}
