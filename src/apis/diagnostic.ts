/**
 * What is wrong with a document, for a person: where, what, and what would be right.
 *
 * `path` is the place in the resource (`spec.tasks[2].run`), `offset`/`length` a range inside the string
 * value at that path where that is known (an expression in a script).
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** `E-UNKNOWN-FIELD`, `W-EMBEDDED-PROGRAM`, …: stable, from `docs/diagnostics.md`. */
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string | undefined;
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
  /** True: the problem is in the key at `path`, not in its value. */
  readonly atKey?: boolean | undefined;
}

/** A diagnostic with its place in a file; line and column count from 1, column in characters. */
export interface LocatedDiagnostic extends Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
