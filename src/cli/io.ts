/**
 * `src/cli` is the program `fixpoint`: it reads flags and files, speaks to a `Home` (in this process or over a
 * socket), and shows what comes back. Commands are in `commands/`, what they print in `render/`. Being a
 * composition root it may read the environment, the clock and signals; it does so through `Io`, so that a test
 * can run any command in its own process.
 */
import type { Clock } from '../base/clock.ts';

export interface Output {
  /** Resolves when the reader has room again. A reader that has gone away swallows everything. */
  write(text: string): Promise<void>;
  readonly isTerminal: boolean;
  /** Width in characters; 80 where it is not known. */
  readonly columns: () => number;
  /** True once the reader closed its end (`| head`): there is no point in going on. */
  readonly closed: () => boolean;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: () => AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** A fresh id for a request: 16 characters of `[a-z0-9]`. */
  readonly newId: () => string;
  /** Calls `run` for each signal; the returned function stops that. */
  readonly onSignal: (signal: 'SIGINT' | 'SIGTERM', run: () => void) => () => void;
}

/** Colours belong on terminals, and not where the user says no (no-color.org). */
export function wantsColor(io: Io, output: Output): boolean {
  const noColor = io.env['NO_COLOR'];
  return output.isTerminal && (noColor === undefined || noColor === '') && io.env['TERM'] !== 'dumb';
}
