import { Readable } from 'node:stream';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import type { Io } from '../../../src/cli/io.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { type Serving, serve } from '../server/serving.ts';

export { document } from '../server/serving.ts';

export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
}

/** Somebody in front of a shell: what they see, and keys they can press. */
export class Terminal {
  out = '';
  err = '';
  readonly #handlers = new Map<string, Set<() => void>>();
  readonly #options: TerminalOptions;
  #ids = 0;

  constructor(options: TerminalOptions = {}) {
    this.#options = options;
  }

  get io(): Io {
    const { isTerminal = false, env = {}, cwd = '/', stdin = '', clock = systemClock } = this.#options;
    const output = (take: (text: string) => void) => ({
      write: async (text: string) => take(text),
      isTerminal,
      columns: () => 80,
      closed: () => false,
    });
    return {
      stdout: output((text) => {
        this.out += text;
      }),
      stderr: output((text) => {
        this.err += text;
      }),
      stdin: () => Readable.from([Buffer.from(stdin)]),
      env,
      cwd,
      clock,
      newId: () => `id${++this.#ids}`,
      onSignal: (signal, run) => {
        const handlers = this.#handlers.get(signal) ?? new Set();
        this.#handlers.set(signal, handlers.add(run));
        return () => handlers.delete(run);
      },
    };
  }

  press(signal: 'SIGINT' | 'SIGTERM'): void {
    for (const run of this.#handlers.get(signal) ?? []) run();
  }

  listening(signal: 'SIGINT' | 'SIGTERM'): boolean {
    return (this.#handlers.get(signal)?.size ?? 0) > 0;
  }

  run(...argv: string[]): Promise<number> {
    return runProgram(argv, this.io);
  }
}

export interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Shell extends AsyncDisposable {
  readonly serving: Serving;
  readonly home: Serving['home'];
  fixpoint(...argv: string[]): Promise<Seen>;
  fixpointWith(options: TerminalOptions, ...argv: string[]): Promise<Seen>;
}

/** A shell in which `FIXPOINT_SERVER` points at a fake home behind a real socket. */
export async function shell(): Promise<Shell> {
  const serving = await serve();
  const fixpointWith = async (options: TerminalOptions, ...argv: string[]): Promise<Seen> => {
    const env = { FIXPOINT_SERVER: `unix:${serving.socketPath}`, ...options.env };
    const terminal = new Terminal({ cwd: serving.folder, ...options, env });
    const code = await terminal.run(...argv);
    return { code, out: terminal.out, err: terminal.err };
  };
  return {
    serving,
    home: serving.home,
    fixpoint: (...argv) => fixpointWith({}, ...argv),
    fixpointWith,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}

/** The event loop goes on until something holds; a test that waits in vain ends by its own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
