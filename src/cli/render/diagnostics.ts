import type { Diagnostic, LocatedDiagnostic } from '../../apis/diagnostic.ts';
import { diagnosticLine, formatPath } from '../../apis/diagnostic-list.ts';
import { harmless } from './terminal-text.ts';

/** `FILE:LINE:COLUMN CODE PATH: MESSAGE HINT`, one per line. */
export function renderDiagnostics(diagnostics: readonly LocatedDiagnostic[]): string {
  return diagnostics.map((d) => `${harmless(diagnosticLine(d))}\n`).join('');
}

/** The same for scripts: one JSON object per line. */
export function renderDiagnosticsJson(diagnostics: readonly LocatedDiagnostic[]): string {
  return diagnostics
    .map(({ file, line, column, path, severity, code, message, hint }) =>
      JSON.stringify({ file, line, column, path: formatPath(path), severity, code, message, hint }),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Of a resource that has no file here: only the field can be named. */
export function renderUnlocated(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map((d) => {
      const path = formatPath(d.path);
      return `${harmless(`${d.code} ${path === '' ? '' : `${path}: `}${d.hint === undefined ? d.message : `${sentence(d.message)} ${d.hint}`}`)}\n`;
    })
    .join('');
}

/** A hint follows: what comes before it ends as a sentence does. */
function sentence(text: string): string {
  return /[.!?:]$/.test(text) ? text : `${text}.`;
}
