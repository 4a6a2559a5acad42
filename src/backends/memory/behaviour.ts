import { sha256Hex } from '../../base/digest.ts';
import type { Launch } from '../backend.ts';
import type { MemoryFiles } from './memory-files.ts';

/**
 * How one attempt goes: what the user's command would do, and what the world does to it. Delays in milliseconds of
 * the world's clock.
 */
export interface Behaviour {
  /** From being handed over to the claim. */
  readonly startDelayMs: number;
  /** From the claim to the end; infinite: until it is cancelled or its walltime is over. */
  readonly runMs: number;
  readonly exitCode: number;
  readonly verdict: 'Exited' | 'OutOfMemory';
  /** TERM does nothing: only the KILL after the grace ends it. */
  readonly ignoresTerm: boolean;
  /** Its supervising runtime is killed instead of ending: no exit record. */
  readonly lost: boolean;
  /** Writes something into its outputs before it fails, is cancelled or gets lost. */
  readonly partial: boolean;
  /** When inputs are read: share of the time between claim and end. */
  readonly readsAt: number;
  /** Names of declared outputs that it does not make although it exits with 0. */
  readonly leavesOut: readonly string[];
  /** Reason why the backend does not take it. */
  readonly refused: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Contents of its outputs by name; undefined: the deterministic function of what it reads. */
  readonly content: ((name: string) => string) | undefined;
  /** Milliseconds before the notice of its start and of its end is given; undefined: it is lost. */
  readonly startNoticeMs: number | undefined;
  readonly endNoticeMs: number | undefined;
  /** The same reports come once more so many milliseconds after the end, whatever has happened meanwhile. */
  readonly repeatMs: number | undefined;
  /** From so many milliseconds after the claim the backend cannot say how it is, for so many milliseconds. */
  readonly unknown: { readonly afterMs: number; readonly forMs: number } | undefined;
}

export const GOOD: Behaviour = {
  startDelayMs: 0,
  runMs: 10,
  exitCode: 0,
  verdict: 'Exited',
  ignoresTerm: false,
  lost: false,
  partial: false,
  readsAt: 0,
  leavesOut: [],
  refused: undefined,
  stdout: '',
  stderr: '',
  content: undefined,
  startNoticeMs: 0,
  endNoticeMs: 0,
  repeatMs: undefined,
  unknown: undefined,
};

/**
 * What an honest command would make: a function of its text and of the contents of all files that the text names,
 * and of nothing else. Paths themselves do not count, as they are not part of a task's identity.
 */
export function contentOf(launch: Launch, files: MemoryFiles): (name: string) => string {
  const text = commandText(launch);
  const own = new Map(launch.outputs.map((o) => [o.path, `<output ${o.name}>`]));
  const seen = text.replace(/\/[^\s'"\\]+/g, (path) => {
    if (path.startsWith(launch.directory)) return '<run folder>';
    return own.get(path) ?? (files.exists(path) ? `<${files.digest(path)}>` : '<nothing>');
  });
  const inputs = launch.inputs.flatMap((i) => i.paths.map((path) => `${i.name}=${files.digest(path)}`));
  const env = launch.env.map(([name, value]) => `${name}=${value}`);
  const made = sha256Hex(JSON.stringify([seen, inputs, env]));
  return (name) => `${name} ${made}\n`;
}

/** Absolute paths that the command's text or its declaration names, but for its own outputs. */
export function pathsRead(launch: Launch): readonly string[] {
  const own = new Set(launch.outputs.map((o) => o.path));
  const named = commandText(launch).match(/\/[^\s'"\\]+/g) ?? [];
  const paths = new Set([...launch.inputs.flatMap((i) => i.paths), ...named]);
  return [...paths].filter((path) => !own.has(path) && !path.startsWith(launch.directory));
}

function commandText({ command }: Launch): string {
  return command.kind === 'Script' ? command.text : [command.setup ?? '', ...command.argv].join('\n');
}
