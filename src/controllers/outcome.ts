import type { Exit } from '../backends/backend.ts';
import type { GraphOutput } from '../graph/graph.ts';
import { ABSENT_DIGEST } from '../planning/facts.ts';
import type { Outcome } from '../planning/record.ts';

/**
 * From the exit record of an attempt to its outcome in the ledger.
 *
 * | exit code | reason |
 * |---|---|
 * | 0 | Completed (a declared output that is missing: MissingOutput) |
 * | 126 | NotExecutable |
 * | 127 | CommandNotFound |
 * | 129..192 | Signal, named: shells report 128 + number |
 * | other | ExitCode |
 */
export function outcomeOf(
  exit: Exit,
  outputs: readonly Pick<GraphOutput, 'name' | 'path'>[],
  cancelReason: string,
): Outcome {
  const common = {
    finishTime: exit.finishTime,
    elapsedMs: exit.elapsedMs,
    usage: exit.usage,
    exitCode: exit.exitCode,
    outputs: [],
  };
  switch (exit.verdict) {
    case 'Cancelled':
      return { ...common, phase: 'Cancelled', reason: cancelReason };
    case 'WallTime':
      return { ...common, phase: 'Failed', reason: 'WallTime', message: 'the walltime was over' };
    case 'OutOfMemory':
      return {
        ...common,
        phase: 'Failed',
        reason: 'OutOfMemory',
        message: 'the kernel killed it for want of memory',
        signal: 'SIGKILL',
      };
    case 'Problem':
      return {
        ...common,
        phase: 'Failed',
        reason: exit.problem?.reason ?? 'SetupFailed',
        message: exit.problem?.message,
      };
    case 'Exited':
      break;
  }
  if (exit.exitCode !== 0) return { ...common, phase: 'Failed', ...failureOf(exit.exitCode ?? 1) };
  return {
    ...common,
    phase: 'Succeeded',
    reason: 'Completed',
    outputs: outputs.map((o) => ({ name: o.name, path: o.path, digest: exit.outputs.get(o.name) ?? ABSENT_DIGEST })),
  };
}

function failureOf(code: number): Pick<Outcome, 'reason' | 'message' | 'signal'> {
  if (code === 126) return { reason: 'NotExecutable', message: 'exit code 126: the command cannot be executed' };
  if (code === 127) return { reason: 'CommandNotFound', message: 'exit code 127: command not found' };
  if (code > 128 && code <= 192) {
    const signal = SIGNALS.get(code - 128) ?? `signal ${code - 128}`;
    return { reason: 'Signal', message: `exit code ${code}: ${signal}`, signal };
  }
  return { reason: 'ExitCode', message: `exit code ${code}` };
}

/** The signals that end programs, by their numbers on Linux. */
const SIGNALS: ReadonlyMap<number, string> = new Map([
  [1, 'SIGHUP'],
  [2, 'SIGINT'],
  [3, 'SIGQUIT'],
  [4, 'SIGILL'],
  [5, 'SIGTRAP'],
  [6, 'SIGABRT'],
  [7, 'SIGBUS'],
  [8, 'SIGFPE'],
  [9, 'SIGKILL'],
  [10, 'SIGUSR1'],
  [11, 'SIGSEGV'],
  [12, 'SIGUSR2'],
  [13, 'SIGPIPE'],
  [14, 'SIGALRM'],
  [15, 'SIGTERM'],
  [24, 'SIGXCPU'],
  [25, 'SIGXFSZ'],
  [31, 'SIGSYS'],
]);
