import { MAX_DOCUMENT_BYTES } from '../base/limits.ts';
import { decodeJson, looksLikeJson } from './decode-json.ts';
import { decodeYaml } from './decode-yaml.ts';
import type { DecodedDocument, Report } from './decoded-document.ts';
import type { Diagnostic, LocatedDiagnostic } from './diagnostic.ts';
import { DiagnosticList } from './diagnostic-list.ts';
import { locateIn } from './positions.ts';
import { findForbidden, SourceText } from './source-text.ts';

/**
 * Text to values with positions. What YAML 1.2 and `kubectl` read differently is refused, so that a file means
 * the same whichever door it comes in by (`plain-scalar.ts` has the table).
 */
export interface Decoded {
  /** JSON of any shape; `null` has not been dropped yet. */
  readonly value: unknown;
  /** Where it stands; it always stands somewhere, if need be where its nearest ancestor does. */
  readonly locate: (d: Diagnostic) => LocatedDiagnostic;
}

export interface DecodedText {
  readonly documents: readonly DecodedDocument[];
  readonly diagnostics: readonly LocatedDiagnostic[];
}

/**
 * Documents without a problem, and all problems of the others, at most `MAX_DIAGNOSTICS`. Takes time and memory
 * in proportion to the text; see `load.ts` for large ones.
 */
export function decode(
  text: string,
  file: string,
): { readonly documents: readonly Decoded[]; readonly diagnostics: readonly LocatedDiagnostic[] } {
  const { documents, diagnostics } = decodeText(text, file);
  const source = new SourceText(text);
  return {
    documents: documents
      .filter(({ good }) => good)
      .map(({ value, positions }) => ({
        value,
        locate: (d: Diagnostic) => locateIn(positions, source, file, d),
      })),
    diagnostics,
  };
}

export function decodeText(text: string, file: string): DecodedText {
  const list = new DiagnosticList<LocatedDiagnostic>();
  const source = new SourceText(text);
  const report: Report = (code, offset, message, more) => {
    const { path = [], hint } = more ?? {};
    list.add({ severity: 'error', code, path, message, hint, file, ...source.position(offset) });
  };
  const documents = decodeInto(text, file, report, () => list.full);
  const message = 'there are more problems than these.';
  const more: LocatedDiagnostic = { severity: 'error', code: 'E-MORE', path: [], message, file, line: 1, column: 1 };
  return { documents, diagnostics: list.finish(more) };
}

function decodeInto(text: string, file: string, report: Report, full: () => boolean): readonly DecodedDocument[] {
  const size = sizeTrouble(text);
  if (size !== undefined) {
    report('E-TOO-LARGE', 0, size);
    return [];
  }
  const forbidden = findForbidden(text);
  if (forbidden !== undefined) {
    report('E-CHARACTER', forbidden.offset, forbidden.message);
    return [];
  }
  if (looksLikeJson(text)) {
    const outcome = decodeJson(text, report);
    if (outcome.kind === 'document') return [outcome.document];
    if (outcome.kind === 'refused') return [];
    if (file.endsWith('.json')) {
      report('E-JSON', outcome.offset, outcome.message);
      return [];
    }
  }
  return decodeYaml(text, report, full);
}

/** Why a text is refused unread, or undefined. Bytes are only counted where the characters leave a doubt. */
export function sizeTrouble(text: string): string | undefined {
  const certain = text.length <= MAX_DOCUMENT_BYTES / 3;
  const bytes = certain ? 0 : text.length > MAX_DOCUMENT_BYTES ? text.length : Buffer.byteLength(text);
  if (bytes <= MAX_DOCUMENT_BYTES) return undefined;
  return `the text is larger than ${MAX_DOCUMENT_BYTES / 2 ** 20} MiB. Keep data in files and the tasks in a fan-out.`;
}
