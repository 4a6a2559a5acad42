import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { EventLine, Explanation, Plan, TaskItem } from '../../src/apis/task-view.ts';
import type { Workflow } from '../../src/apis/workflow.ts';
import { until } from './eventually.ts';
import { LAUNCH_FLAGS } from './launch-flags.ts';
import { attemptProcesses, signalQuietly } from './processes.ts';

// A user at a shell: a folder of its own, and the program as a real process. What system tests share lives here:
// `cli.ts` runs the program, `processes.ts` looks into /proc, `task-log.ts` reads what tasks noted about themselves.

const ROOT = resolve(import.meta.dirname, '../..');
/** The built program, unless this names another entry; one that ends in `.ts` is run without building. */
export const MAIN = resolve(ROOT, process.env['FIXPOINT_MAIN'] ?? 'dist/cli/main.js');

const nodeArguments = (main: string): string[] =>
  main.endsWith('.ts') ? ['--import', 'tsx', main] : [...LAUNCH_FLAGS, main];

/** What a program is started with beside its words. */
interface Setting {
  readonly env: NodeJS.ProcessEnv;
  readonly main?: string;
}

export interface Ran {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that was started and not waited for. */
export class Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  #stdout = '';
  #stderr = '';
  #over = false;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((done, failed) => {
      child.on('error', failed);
      child.on('close', (code, signal) => {
        this.#over = true;
        done({ code: code ?? undefined, signal: signal ?? undefined, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('it could not be started');
    return this.child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends the signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<Ran> {
    if (!this.#over) this.child.kill(signal);
    return await this.ended;
  }
}

/** One folder with its own state, and everything that was started in it; `dispose` leaves nothing behind. */
export class Sandbox {
  readonly dir: string;
  readonly #started: Started[] = [];

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'fxp-'));
    mkdirSync(join(this.dir, 'run'), { mode: 0o700 });
  }

  get state(): string {
    return join(this.dir, '.fixpoint');
  }

  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  write(name: string, text: string, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** A workflow called `w` in `w.json`; `spec` as a user would write it. */
  workflow(spec: object, name = 'w'): string {
    return this.write(
      `${name}.json`,
      JSON.stringify({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name }, spec }),
    );
  }

  start(...args: readonly string[]): Started {
    return this.startWith({ env: {} }, ...args);
  }

  startWith({ env, main = MAIN }: Setting, ...args: readonly string[]): Started {
    const { FIXPOINT_STATE: _state, FIXPOINT_SERVER: _server, ...inherited } = process.env;
    const child = spawn(process.execPath, [...nodeArguments(main), ...args], {
      cwd: this.dir,
      env: { ...inherited, ...env, XDG_RUNTIME_DIR: this.path('run'), NO_COLOR: '1', LOG: this.path('log') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new Started(child);
    this.#started.push(started);
    return started;
  }

  async cli(...args: readonly string[]): Promise<Ran> {
    return await this.start(...args).ended;
  }

  /** Runs the command and expects this exit code; what it said is in the error otherwise. */
  async expectExit(code: number, ...args: readonly string[]): Promise<Ran> {
    const ran = await this.cli(...args);
    if (ran.code !== code)
      throw new Error(`fixpoint ${args.join(' ')}: exit code ${ran.code}, not ${code}\n${ran.stderr}\n${ran.stdout}`);
    return ran;
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse((await this.expectExit(0, ...args, '-o', 'json')).stdout) as T;
  }

  /** `run` to the end: the workflow as it stands then. */
  async run(...args: readonly string[]): Promise<{ readonly code: number | undefined; readonly workflow: Workflow }> {
    const ran = await this.cli('run', ...args, '-o', 'json');
    const last = ran.stdout.trimEnd().split('\n').at(-1) ?? '';
    try {
      return { code: ran.code, workflow: JSON.parse(last) as Workflow };
    } catch {
      throw new Error(`run ${args.join(' ')}: exit code ${ran.code}\n${ran.stderr}\n${ran.stdout}`);
    }
  }

  async tasks(workflow = 'w'): Promise<ReadonlyMap<string, TaskItem>> {
    const list = await this.json<{ readonly items: readonly TaskItem[] }>('get', 'tasks', workflow);
    return new Map(list.items.map((item) => [item.metadata.name, item]));
  }

  /** Phase of each task by key, with how many attempts it has had: `Succeeded 1`. */
  async summary(workflow = 'w'): Promise<Record<string, string>> {
    return summaryOf(await this.tasks(workflow));
  }

  async plan(...args: readonly string[]): Promise<Plan & { readonly code: number | undefined }> {
    const ran = await this.cli('plan', ...args, '-o', 'json');
    try {
      return { ...(JSON.parse(ran.stdout) as Plan), code: ran.code };
    } catch {
      throw new Error(`plan ${args.join(' ')}: exit code ${ran.code}\n${ran.stderr}\n${ran.stdout}`);
    }
  }

  async explain(task: string, workflow = 'w'): Promise<Explanation> {
    return await this.json<Explanation>('explain', workflow, task);
  }

  async events(workflow = 'w'): Promise<readonly EventLine[]> {
    const { stdout } = await this.expectExit(0, 'events', workflow, '-o', 'json');
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as EventLine);
  }

  /** A daemon that answers. */
  async daemon(...args: readonly string[]): Promise<Started> {
    const daemon = this.start('daemon', ...args);
    await until('the daemon serves', async () => {
      if (daemon.over) throw new Error(`the daemon ended: ${(await daemon.ended).stderr}`);
      return daemon.stderr.includes('serving') || daemon.stdout.includes('serving');
    });
    return daemon;
  }

  /** Ends what was started here, tasks included, and removes the folder. */
  async dispose(): Promise<void> {
    for (const started of this.#started) await started.kill('SIGKILL');
    await until('nothing of the sandbox runs any more', () => {
      const left = attemptProcesses(this.dir);
      for (const { pid } of left) signalQuietly(pid, 'SIGKILL');
      return left.length === 0;
    });
    await rm(this.dir, { recursive: true, force: true, maxRetries: 10 });
  }
}

export function summaryOf(tasks: ReadonlyMap<string, TaskItem>): Record<string, string> {
  return Object.fromEntries([...tasks].map(([key, { status }]) => [key, `${status.phase} ${status.attempts.length}`]));
}
