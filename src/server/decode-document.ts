import type { Diagnostic } from '../apis/diagnostic.ts';
import { loadWorkflows } from '../apis/load.ts';
import { fail, ok } from '../base/result.ts';
import type { DecodeDocument } from './workflow-document.ts';

/** The same checks as for a file: what a server takes is no less strict than what the CLI takes. */
export const decodeDocument: DecodeDocument = async (text) => {
  const { documents, diagnostics } = await loadWorkflows(text, 'request.json');
  const errors = diagnostics.filter((d) => d.severity === 'error');
  const [first] = documents;
  if (errors.length > 0) return fail(errors);
  if (first === undefined || documents.length > 1) {
    const none: Diagnostic = { severity: 'error', code: 'E-KIND', path: [], message: 'expected one Workflow' };
    return fail([none]);
  }
  return ok(first.document);
};
