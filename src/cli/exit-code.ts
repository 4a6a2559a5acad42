import type { Diagnostic } from '../apis/diagnostic.ts';
import type { Result } from '../base/result.ts';
import type { HomeError } from '../controllers/home.ts';

/** The exit codes that scripts rely on (`docs/cli.md`). */
export const EXIT = {
  done: 0,
  failed: 1,
  invalid: 2,
  held: 3,
  notFound: 4,
  conflict: 5,
  unreachable: 6,
  interrupted: 130,
} as const;

/**
 * Ends a command: what went wrong, for a person, and the exit code. Thrown, because a command is a list of
 * steps of which any may end it; caught in one place, `program.ts`.
 */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly diagnostics: readonly Diagnostic[];

  constructor(exitCode: number, message: string, diagnostics: readonly Diagnostic[] = []) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.diagnostics = diagnostics;
  }
}

/** A home's refusal where the port has no room for a value: inside a stream or a list. */
export class HomeFailure extends Error {
  readonly error: HomeError;

  constructor(error: HomeError) {
    super(error.message);
    this.name = 'HomeFailure';
    this.error = error;
  }
}

export function exitCodeOf(error: HomeError): number {
  switch (error.reason) {
    case 'Invalid':
      return EXIT.invalid;
    case 'NotFound':
      return EXIT.notFound;
    case 'AlreadyExists':
    case 'Conflict':
      return EXIT.conflict;
    case 'Unavailable':
      return EXIT.unreachable;
  }
}

/** The value, or the end of the command. */
export function orExit<T>(result: Result<T, HomeError>): T {
  if (result.ok) return result.value;
  throw failureOf(result.error);
}

export function failureOf(error: HomeError): CommandFailure {
  const diagnostics = error.reason === 'Invalid' ? error.diagnostics : [];
  return new CommandFailure(exitCodeOf(error), error.message, diagnostics);
}

export function usage(message: string): CommandFailure {
  return new CommandFailure(EXIT.invalid, message);
}
