import { decodeText } from './decode.ts';
import type { LocatedDiagnostic } from './diagnostic.ts';
import { DiagnosticList } from './diagnostic-list.ts';
import { dropNulls } from './drop-nulls.ts';
import { nameTasks } from './name-tasks.ts';
import { isObject } from './own-property.ts';
import { locateIn, type PositionTable } from './positions.ts';
import { SourceText } from './source-text.ts';
import { validateWorkflow } from './validate.ts';
import type { WorkflowDocument } from './workflow.ts';

/** What reading a text gives, without functions, so that it can cross a thread. */
export interface ReadWorkflows {
  readonly documents: readonly { readonly document: WorkflowDocument; readonly positions: PositionTable }[];
  readonly diagnostics: readonly LocatedDiagnostic[];
}

/** Text to workflows that are right by themselves: decoded, nulls dropped, tasks named, validated. */
export function readWorkflows(text: string, file: string): ReadWorkflows {
  const decoded = decodeText(text, file);
  const source = new SourceText(text);
  const list = new DiagnosticList<LocatedDiagnostic>();
  for (const diagnostic of decoded.diagnostics) list.add(diagnostic);
  const documents: { document: WorkflowDocument; positions: PositionTable }[] = [];
  const seen = new Set<string>();
  for (const { value, positions, good } of decoded.documents) {
    const document = prepare(value);
    const problems = validateWorkflow(document);
    for (const problem of problems) list.add(locateIn(positions, source, file, problem));
    if (!good || problems.some((problem) => problem.severity === 'error')) continue;
    const checked = document as WorkflowDocument;
    const id = `${checked.metadata.namespace ?? ''}/${checked.metadata.name}`;
    if (seen.has(id)) {
      const message = `${checked.metadata.name} is the name of a document above too.`;
      list.add(
        locateIn(positions, source, file, {
          severity: 'error',
          code: 'E-DUPLICATE-NAME',
          path: ['metadata', 'name'],
          message,
        }),
      );
      continue;
    }
    seen.add(id);
    documents.push({ document: checked, positions });
  }
  const inOrder = list.items.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { documents, diagnostics: inOrder };
}

/** `status` is the home's to write; a file that has one was printed by `get -o yaml`. */
function prepare(value: unknown): unknown {
  const plain = dropNulls(value);
  if (!isObject(plain)) return plain;
  const { status: _, ...document } = plain;
  return nameTasks(document);
}
