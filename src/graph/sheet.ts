import type { Column } from '../apis/workflow.ts';
import { MAX_FANOUT_ELEMENTS, MAX_SHEET_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { typeRows } from './sheet-columns.ts';
import { delimitedRows } from './sheet-csv.ts';
import { jsonRows, yamlRows } from './sheet-list.ts';
import { type RawRow, type Row, type SheetProblem, SheetProblems } from './sheet-row.ts';

// Sample sheets: the text behind `foreach.rows` as rows of typed cells. Pure; whoever read the file gives the text.

export type { Row, SheetProblem } from './sheet-row.ts';

export interface SheetOptions {
  readonly format: 'CSV' | 'TSV' | 'JSON' | 'YAML';
  /** What the cells of some columns are; in CSV and TSV the others are strings, in JSON and YAML what they are. */
  readonly columns?: readonly Column[];
}

export interface Sheet {
  readonly rows: readonly Row[];
  /** For each row the line, from 1, where it begins in the text. */
  readonly lines: readonly number[];
}

type RawRows = (text: string, problems: SheetProblems) => readonly RawRow[];

const READERS: Readonly<Record<SheetOptions['format'], RawRows>> = {
  CSV: (text, problems) => delimitedRows(text, ',', problems),
  TSV: (text, problems) => delimitedRows(text, '\t', problems),
  JSON: jsonRows,
  YAML: yamlRows,
};

/**
 * Reads a sheet. A row is an object without a prototype, so that a column may have any name; a cell that is empty
 * and whose column is `optional` is no key of its row. Cells of type `int` and `double` are numbers, `bool` is a
 * boolean, all others are text (`duration` and `quantity` as written, checked).
 *
 * All problems are reported, up to `MAX_DIAGNOSTICS`, in the order of their lines.
 */
export function parseSheet(text: string, options: SheetOptions): Result<Sheet, SheetProblem[]> {
  const problems = new SheetProblems();
  if (text.length > MAX_SHEET_BYTES) {
    problems.add(1, `the sheet is longer than ${MAX_SHEET_BYTES} characters (MAX_SHEET_BYTES)`);
    return fail(problems.list());
  }
  const raw = READERS[options.format](text.startsWith('\ufeff') ? text.slice(1) : text, problems);
  if (raw.length > MAX_FANOUT_ELEMENTS) {
    problems.add(1, `the sheet has ${raw.length} rows, more than ${MAX_FANOUT_ELEMENTS} (MAX_FANOUT_ELEMENTS)`);
    return fail(problems.list());
  }
  const rows = typeRows(raw, options.columns ?? [], problems);
  return problems.isEmpty ? ok({ rows, lines: raw.map((row) => row.line) }) : fail(problems.list());
}
