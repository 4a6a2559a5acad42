import type { LocatedDiagnostic } from '../apis/diagnostic.ts';
import type { Result } from '../base/result.ts';
import type { HomeError } from '../controllers/home.ts';
import type { LoadedDocument } from './documents.ts';
import { CommandFailure, EXIT, failureOf } from './exit-code.ts';
import type { Io } from './io.ts';
import { renderDiagnostics, renderDiagnosticsJson } from './render/diagnostics.ts';

/** For scripts on standard output as JSON lines, for people on standard error. */
export async function showDiagnostics(
  io: Io,
  diagnostics: readonly LocatedDiagnostic[],
  format: string | undefined,
): Promise<void> {
  if (diagnostics.length === 0) return;
  if (format === 'json') await io.stdout.write(renderDiagnosticsJson(diagnostics));
  else await io.stderr.write(renderDiagnostics(diagnostics));
}

export function hasErrors(diagnostics: readonly LocatedDiagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}

/** Shows what is wrong with the files and ends the command if anything is an error. */
export async function stopAtErrors(
  io: Io,
  diagnostics: readonly LocatedDiagnostic[],
  format: string | undefined,
): Promise<void> {
  await showDiagnostics(io, diagnostics, format);
  if (hasErrors(diagnostics)) throw new CommandFailure(EXIT.invalid, '');
}

/** The home's answer about a document of a file; its diagnostics are shown at their places in the file. */
export async function orExitLocated<T>(
  io: Io,
  result: Result<T, HomeError>,
  loaded: LoadedDocument,
  format: string | undefined,
): Promise<T> {
  if (result.ok) return result.value;
  if (result.error.reason !== 'Invalid' || result.error.diagnostics.length === 0) throw failureOf(result.error);
  await showDiagnostics(io, result.error.diagnostics.map(loaded.locate), format);
  throw new CommandFailure(EXIT.invalid, '');
}
