import { MAX_INLINE_PARSE_BYTES } from '../base/limits.ts';
import { sizeTrouble } from './decode.ts';
import type { Diagnostic, LocatedDiagnostic } from './diagnostic.ts';
import { readInThread } from './parse-thread.ts';
import { locateIn } from './positions.ts';
import { type ReadWorkflows, readWorkflows } from './read-workflows.ts';
import { SourceText } from './source-text.ts';
import type { WorkflowDocument } from './workflow.ts';

export interface LoadedDocument {
  readonly document: WorkflowDocument;
  /** The place of a problem that is found later, in the file that the document came from. */
  readonly locate: (d: Diagnostic) => LocatedDiagnostic;
}

/**
 * The workflows of a text (YAML documents, or one JSON value), decoded and validated, and what is wrong with it.
 * A document with an error is not among them. A text without documents gives neither. Longer texts are read in a
 * thread of their own, so that the event loop goes on; a text that is too much even for that is a diagnostic.
 */
export async function loadWorkflows(
  text: string,
  file: string,
): Promise<{ readonly documents: readonly LoadedDocument[]; readonly diagnostics: readonly LocatedDiagnostic[] }> {
  const large = text.length > MAX_INLINE_PARSE_BYTES && sizeTrouble(text) === undefined;
  const read: ReadWorkflows = large ? await readInThread(text, file) : readWorkflows(text, file);
  const source = new SourceText(text);
  return {
    documents: read.documents.map(({ document, positions }) => ({
      document,
      locate: (d: Diagnostic) => locateIn(positions, source, file, d),
    })),
    diagnostics: read.diagnostics,
  };
}
